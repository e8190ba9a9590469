"""Real songs to measure with, from the folder that the tests use; nothing of them is kept here."""

import os
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from tapehand.audio import Audio, io
from tapehand.audio.resample import resample
from tapehand.work import Work

FOLDER = Path(os.environ.get("TAPEHAND_MATERIAL", Path(__file__).resolve().parents[2] / "shared" / "material"))
RATE_HZ = 44_100
LONGEST_S = 20
PEAK = 10.0 ** (-1.0 / 20.0)


def songs() -> Iterator[tuple[str, Audio]]:
    """Songs, and mixes of multitracks with and without voices: the middle 20 s, stereo, peaks at -1 dBFS."""
    for path in sorted((FOLDER / "songs").glob("*.ogg")):
        yield path.stem.split("_")[0].split("-")[0], ready(_read(path))
    for folder in sorted((FOLDER / "multitrack").iterdir()):
        paths = sorted(path for path in folder.iterdir() if path.suffix in {".flac", ".mp3"})
        yield folder.name, ready(sum_of(paths))
        yield f"{folder.name}, no voice", ready(sum_of([path for path in paths if "vo" not in path.name.lower()]))


def _read(path: Path) -> Audio:
    audio = io.read(path, Work()).stereo()
    return audio if audio.rate_hz == RATE_HZ else resample(audio, RATE_HZ)


def sum_of(paths: list[Path]) -> Audio:
    """The files in stereo at 44.1 kHz, added up."""
    stems = [_read(path).samples for path in paths]
    bus = np.zeros((2, max(stem.shape[1] for stem in stems)))
    for stem in stems:
        bus[:, : stem.shape[1]] += stem
    return Audio.of(bus, RATE_HZ)


def ready(audio: Audio) -> Audio:
    """Its middle 20 s, with peaks at -1 dBFS."""
    start = max(0, (audio.length_samples - LONGEST_S * RATE_HZ) // 2)
    part = audio.samples[:, start : start + LONGEST_S * RATE_HZ]
    return Audio.of(part * (PEAK / np.abs(part).max()), RATE_HZ)
