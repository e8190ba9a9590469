"""The render cache forgets rather than fails, and never returns anything but what was put in."""

import os
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from tapehand.render.cache import LostRecord, RenderCache, content_key
from tapehand.store.render_cache import DiskRenderCache

KEYS = [content_key(number) for number in range(12)]
LENGTH = 1_000


def record(number: int, length_samples: int = LENGTH) -> list[NDArray[Any]]:
    rng = np.random.default_rng(number)
    return [rng.uniform(-1, 1, (2, length_samples)).astype(np.float32), np.array(number), rng.standard_normal(7)]


def put(cache: RenderCache, key: str, *numbers: int, **facts: int) -> None:
    with cache.keep(key) as writer:
        for number in numbers:
            writer.append(record(number))
        writer.tell(**facts)


def equal(one: list[NDArray[Any]], other: list[NDArray[Any]]) -> bool:
    return all(a.dtype == b.dtype and np.array_equal(a, b) for a, b in zip(one, other, strict=True))


@pytest.fixture
def cache(tmp_path: Path) -> DiskRenderCache:
    return DiskRenderCache(tmp_path / "renders", 1 << 20)


def test_what_was_put_comes_back_in_any_order(cache: DiskRenderCache) -> None:
    assert cache.open(KEYS[0]) is None
    put(cache, KEYS[0], 1, 2, 3, rate_hz=48_000)
    again = cache.open(KEYS[0])
    assert again is not None
    assert len(again) == 3
    assert again.facts == {"rate_hz": 48_000}
    assert all(equal(again.read(number), record(number + 1)) for number in (2, 0, 1))
    rows = np.empty((2, LENGTH), dtype=np.float32)
    rest = [np.array(0), np.empty(7)]
    again.read_into(1, [rows, *rest])
    assert equal([rows, *rest], record(2))


def test_a_record_may_have_thousands_of_arrays_and_empty_ones(cache: DiskRenderCache) -> None:
    many = [np.full(number % 5, number, dtype=np.int64) for number in range(3_000)]
    with cache.keep(KEYS[0]) as writer:
        writer.append(many)
    again = cache.open(KEYS[0])
    assert again is not None
    assert equal(again.read(0), many)


@pytest.mark.parametrize("damage", ["cut", "empty", "longer", "index"])
def test_a_damaged_entry_is_a_miss_and_goes(cache: DiskRenderCache, damage: str) -> None:
    put(cache, KEYS[0], 1)
    path = next(cache.folder.rglob("*.records"))
    content = bytearray(path.read_bytes())
    match damage:
        case "cut":
            content = content[:-4]
        case "empty":
            content.clear()
        case "longer":
            content += b"\0\0\0\0"
        case _:
            content[-40] ^= 0xFF
    path.write_bytes(content)
    assert cache.open(KEYS[0]) is None
    assert not path.exists()
    put(cache, KEYS[0], 2)
    assert cache.open(KEYS[0]) is not None


@pytest.mark.parametrize("byte", [8, 100, 8_010])
def test_a_damaged_record_is_lost_and_its_entry_goes(cache: DiskRenderCache, byte: int) -> None:
    put(cache, KEYS[0], 1)
    path = next(cache.folder.rglob("*.records"))
    content = bytearray(path.read_bytes())
    content[byte] ^= 4
    path.write_bytes(content)
    again = cache.open(KEYS[0])
    assert again is not None
    with pytest.raises(LostRecord):
        again.read(0)
    assert cache.open(KEYS[0]) is None


def test_what_breaks_off_is_not_kept_and_leaves_nothing(cache: DiskRenderCache) -> None:
    def break_off() -> None:
        with cache.keep(KEYS[0]) as writer:
            writer.append(record(1))
            raise ValueError("stopped")

    with pytest.raises(ValueError, match="stopped"):
        break_off()
    assert cache.open(KEYS[0]) is None
    assert not [path for path in cache.folder.rglob("*") if path.is_file()]


def test_an_open_entry_stays_readable_when_it_is_dropped(cache: DiskRenderCache) -> None:
    put(cache, KEYS[0], 1)
    again = cache.open(KEYS[0])
    assert again is not None
    next(cache.folder.rglob("*.records")).unlink()
    assert equal(again.read(0), record(1))


def test_the_longest_unused_go_first(tmp_path: Path) -> None:
    whole = DiskRenderCache(tmp_path, 1 << 30)
    for age, key in enumerate(KEYS[:5]):
        put(whole, key, age)
        path = next(path for path in tmp_path.rglob("*.records") if path.stem == key)
        os.utime(path, (1_000_000 + age, 1_000_000 + age))
    size = path.stat().st_size
    assert whole.open(KEYS[0]) is not None  # used just now
    put(DiskRenderCache(tmp_path, 5 * size + 200), KEYS[5], 5)
    assert whole.open(KEYS[1]) is None
    assert whole.open(KEYS[0]) is not None
    assert whole.open(KEYS[5]) is not None


def test_nothing_larger_than_the_room_is_kept(tmp_path: Path) -> None:
    small = DiskRenderCache(tmp_path / "small", 4_000)
    put(small, KEYS[0], 1)
    assert small.open(KEYS[0]) is None
    assert not [path for path in small.folder.rglob("*") if path.is_file()]
    assert not DiskRenderCache(tmp_path / "none", 0).keeps


def test_no_permission_is_as_good_as_no_cache(tmp_path: Path) -> None:
    locked = tmp_path / "locked"
    locked.write_text("a file where the folder should be")
    cache = DiskRenderCache(locked, 1 << 20)
    put(cache, KEYS[0], 1)
    assert cache.open(KEYS[0]) is None


def test_many_writers_of_one_entry_leave_one_whole(cache: DiskRenderCache) -> None:
    with ThreadPoolExecutor(4) as pool:
        list(pool.map(lambda _: put(cache, KEYS[0], 1, 2), range(12)))
    again = cache.open(KEYS[0])
    assert again is not None
    assert equal(again.read(1), record(2))


def test_the_capacity_comes_from_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TAPEHAND_CACHE_MB", "12")
    assert DiskRenderCache.of_user().capacity_bytes == 12 << 20
    monkeypatch.setenv("TAPEHAND_CACHE_MB", "a lot")
    assert DiskRenderCache.of_user().capacity_bytes == 8_192 << 20
