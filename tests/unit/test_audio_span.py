"""A stretch of a file is the same stretch of all of it."""

from pathlib import Path

import numpy as np
import pytest

from tapehand.audio import Audio, io

STRETCHES = [(0, 100), (-50, 70), (1_000, 70_000), (99_990, 100_010), (100_005, 100_009), (-20, -10), (500, 500)]


@pytest.mark.parametrize("name", ["sound.wav", "sound.flac"])
def test_a_span_is_what_lies_there(tmp_path: Path, rng: np.random.Generator, name: str) -> None:
    """Inside, across either end, outside, and of no length."""
    sound = Audio.of(rng.uniform(-0.5, 0.5, (2, 100_000)), 44_100)
    path = tmp_path / name
    io.write(path, sound, "PCM_24")
    whole = io.read(path)
    for start, end in STRETCHES:
        assert np.array_equal(io.span(path, start, end).samples, whole.span(start, end).samples)
