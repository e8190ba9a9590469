"""What was heard of one recording serves wherever the same sound lies next, and what serves equals what is heard."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from tapehand.app.listen import Listened, listen_to_path, listen_to_song
from tapehand.app.songs import create_from_folder
from tapehand.app.studio import Studio
from tapehand.audio import Audio, io
from tapehand.bootstrap import make_studio
from tapehand.errors import Cancelled
from tapehand.ports.text_cache import NoTexts
from tapehand.render.cache import NoCache, Records, RecordWriter
from tapehand.store.render_cache import DiskRenderCache
from tapehand.work import Work

RATE_HZ = 22_050
LENGTH_S = 6.0


class Counting:
    """A cache on the disk that counts what is asked of it."""

    def __init__(self, folder: Path) -> None:
        self.disk = DiskRenderCache(folder, 1 << 30)
        self.keeps = True
        self.kept = 0

    def open(self, key: str) -> Records | None:
        return self.disk.open(key)

    @contextmanager
    def keep(self, key: str) -> Iterator[RecordWriter]:
        self.kept += 1
        with self.disk.keep(key) as entry:
            yield entry

    def new(self) -> int:
        """How many recordings were heard since this was asked last."""
        kept, self.kept = self.kept, 0
        return kept


def take(seed: int) -> Audio:
    """A few struck and decaying tones over a little noise."""
    rng = np.random.default_rng(seed)
    at_s = np.arange(round(LENGTH_S * RATE_HZ)) / RATE_HZ
    sound = 0.001 * rng.standard_normal(at_s.size)
    for start_s in np.arange(0.0, LENGTH_S, 0.5):
        since_s = np.maximum(at_s - start_s, 0.0)
        pitch_hz = 110.0 * 2.0 ** (rng.integers(0, 24) / 12.0)
        sound += 0.3 * np.exp(-6.0 * since_s) * np.sin(2.0 * np.pi * pitch_hz * since_s) * (at_s >= start_s)
    return Audio.of(sound[np.newaxis], RATE_HZ)


@pytest.fixture
def stems(tmp_path: Path) -> Path:
    folder = tmp_path / "stems"
    folder.mkdir()
    for seed, name in enumerate(("Bass", "Keys", "Take 3")):
        io.write(folder / f"{name}.wav", take(seed), "PCM_24")
    return folder


@pytest.fixture
def cache(tmp_path: Path) -> Counting:
    return Counting(tmp_path / "hearings")


@pytest.fixture
def studio(cache: Counting) -> Studio:
    """Remembers recordings, and no whole sessions."""
    return replace(make_studio(2), hearings=cache, listenings=NoTexts())


def heard_fresh(path: Path) -> Listened:
    return listen_to_path(replace(make_studio(2), hearings=NoCache(), listenings=NoTexts()), path, Work())


def test_only_what_is_new_is_heard_again(studio: Studio, cache: Counting, stems: Path) -> None:
    listen_to_path(studio, stems, Work())
    assert cache.new() == 3
    listen_to_path(studio, stems, Work())
    assert cache.new() == 0
    io.write(stems / "Keys 2.wav", take(9), "PCM_24")
    listen_to_path(studio, stems, Work())
    assert cache.new() == 1
    (stems / "Keys.wav").unlink()
    io.write(stems / "Keys.wav", take(8), "PCM_24")
    listen_to_path(studio, stems, Work())
    assert cache.new() == 1


def test_what_is_remembered_equals_what_is_heard(studio: Studio, stems: Path) -> None:
    listen_to_path(studio, stems, Work())
    assert listen_to_path(studio, stems, Work()).heard == heard_fresh(stems).heard


def test_a_take_that_was_heard_by_itself_serves_its_session_and_its_song(
    studio: Studio, cache: Counting, stems: Path, tmp_path: Path
) -> None:
    listen_to_path(studio, stems / "Take 3.wav", Work())
    assert cache.new() == 1
    listen_to_path(studio, stems, Work())
    assert cache.new() == 2
    with create_from_folder(studio, stems, tmp_path / "a.tapehand", by="test", work=Work()) as store:
        listen_to_song(studio, store, Work())
    assert cache.new() == 0


def test_a_name_that_says_what_it_is_needs_no_second_hearing(studio: Studio, cache: Counting, stems: Path) -> None:
    listen_to_path(studio, stems, Work())
    cache.new()
    (stems / "Keys.wav").rename(stems / "Kick In.wav")
    heard = listen_to_path(studio, stems, Work()).heard
    assert cache.new() == 0
    assert {track.name: track.role for track in heard.tracks}["Kick In"] == "kick"


def test_a_damaged_record_is_made_anew(studio: Studio, cache: Counting, stems: Path) -> None:
    first = listen_to_path(studio, stems, Work())
    cache.new()
    places = sorted(cache.disk.folder.rglob("*.records"))
    whole = bytearray(places[0].read_bytes())
    whole[len(whole) // 2] ^= 0x40
    places[0].write_bytes(whole)
    places[1].write_bytes(places[1].read_bytes()[:1000])
    assert listen_to_path(studio, stems, Work()).heard == first.heard
    assert cache.new() == 2


def test_ears_that_changed_hear_again(studio: Studio, cache: Counting, stems: Path) -> None:
    listen_to_path(studio, stems, Work())
    cache.new()
    listen_to_path(replace(studio, ears="others"), stems, Work())
    assert cache.new() == 3


def test_a_stop_keeps_what_was_heard_until_then(studio: Studio, cache: Counting, stems: Path) -> None:
    work = Work()
    with pytest.raises(Cancelled):
        listen_to_path(replace(studio, threads=1), stems, work, lambda _facts: cache.kept and work.cancel())
    heard = cache.new()
    assert 1 <= heard < 3
    listen_to_path(studio, stems, Work())
    assert cache.new() == 3 - heard
