"""The render cache forgets rather than fails, and never returns anything but what was put in."""

import os
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest

from tapehand.audio import Audio
from tapehand.render.cache import RenderCache, content_key
from tapehand.store.render_cache import DiskRenderCache

KEYS = [content_key(number) for number in range(12)]


def sound(number: int, length_samples: int = 1_000) -> Audio:
    return Audio.of(np.random.default_rng(number).uniform(-1, 1, (2, length_samples)), 48_000)


@pytest.fixture
def cache(tmp_path: Path) -> DiskRenderCache:
    return DiskRenderCache(tmp_path / "renders", 1 << 20)


def test_what_was_put_comes_back(cache: DiskRenderCache) -> None:
    door: RenderCache = cache
    assert door.get(KEYS[0]) is None
    door.put(KEYS[0], sound(1))
    again = door.get(KEYS[0])
    assert again is not None
    assert again.rate_hz == 48_000
    assert np.array_equal(again.samples, sound(1).samples)


@pytest.mark.parametrize("damage", ["cut", "flipped", "empty", "longer", "header"])
def test_a_damaged_entry_is_a_miss_and_goes(cache: DiskRenderCache, damage: str) -> None:
    cache.put(KEYS[0], sound(1))
    path = next(cache.folder.rglob("*.f32"))
    content = bytearray(path.read_bytes())
    match damage:
        case "cut":
            content = content[:-4]
        case "flipped":
            content[-100] ^= 1
        case "empty":
            content.clear()
        case "longer":
            content += b"\0\0\0\0"
        case _:
            content[12] ^= 0xFF
    path.write_bytes(content)
    assert cache.get(KEYS[0]) is None
    cache.put(KEYS[0], sound(2))
    assert cache.get(KEYS[0]) is not None


def test_the_longest_unused_go_first(tmp_path: Path) -> None:
    entry_bytes = sound(0).samples.nbytes + 28
    cache = DiskRenderCache(tmp_path, 5 * entry_bytes)
    for number, key in enumerate(KEYS[:5]):
        cache.put(key, sound(number))
        os.utime(cache._path(key), (number, number))
    assert cache.get(KEYS[0]) is not None  # used just now
    cache.put(KEYS[5], sound(5))
    assert cache.get(KEYS[0]) is not None
    assert cache.get(KEYS[5]) is not None
    assert cache.get(KEYS[1]) is None
    kept = sum(path.stat().st_size for path in tmp_path.rglob("*.f32"))
    assert kept <= cache.capacity_bytes


def test_no_capacity_keeps_nothing(tmp_path: Path) -> None:
    cache = DiskRenderCache(tmp_path / "none", 0)
    cache.put(KEYS[0], sound(1))
    assert cache.get(KEYS[0]) is None
    assert not (tmp_path / "none").exists()


def test_the_capacity_can_be_said(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TAPEHAND_CACHE_MB", "3")
    assert DiskRenderCache.of_user().capacity_bytes == 3 << 20
    monkeypatch.setenv("TAPEHAND_CACHE_MB", "much")
    assert DiskRenderCache.of_user().capacity_bytes == 8 << 30


def test_a_place_that_cannot_be_used_costs_nothing_but_time(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    cache = DiskRenderCache(tmp_path / "file" / "renders", 1 << 20)
    cache.put(KEYS[0], sound(1))
    assert cache.get(KEYS[0]) is None


def test_many_at_once_never_see_half_an_entry(tmp_path: Path) -> None:
    cache = DiskRenderCache(tmp_path, 6 * sound(0).samples.nbytes)

    def use(number: int) -> bool:
        key = KEYS[number % len(KEYS)]
        cache.put(key, sound(number % len(KEYS)))
        found = cache.get(key)
        return found is None or np.array_equal(found.samples, sound(number % len(KEYS)).samples)

    with ThreadPoolExecutor(8) as pool:
        assert all(pool.map(use, range(200)))
    assert not list(tmp_path.rglob("*.part"))
