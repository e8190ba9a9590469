"""A plain WAV read at any place: the same bits as read from its start, and nothing but an error when it shrinks."""

import os
import struct
import threading
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tapehand.audio import Audio, io
from tapehand.audio.io import open_sound
from tapehand.errors import InputError, InternalError

FEW = settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
LENGTH = 40_000


@pytest.fixture(scope="module", params=["PCM_16", "PCM_24", "FLOAT"])
def written(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Audio]:
    channels = {"PCM_16": 1, "PCM_24": 2, "FLOAT": 5}[request.param]
    sound = Audio.of(np.random.default_rng(3).uniform(-1, 1, (channels, LENGTH)), 44_100)
    path = tmp_path_factory.mktemp("sound") / "x.wav"
    io.write(path, sound, request.param)
    return path, io.read(path)


@FEW
@given(st.integers(-500, LENGTH + 500), st.integers(0, 2_000), st.integers(0, 5))
def test_any_place_has_the_bits_that_reading_from_the_start_gives(written, start, length, margin):
    path, whole = written
    rows = np.full((whole.channels, length + 2 * margin), 7.0, dtype=np.float32)
    with open_sound(path) as sound:
        assert (sound.rate_hz, sound.channels, sound.length_samples) == (44_100, whole.channels, LENGTH)
        sound.read_into(start, rows[:, margin : margin + length])
    assert np.array_equal(rows[:, margin : margin + length], whole.span(start, start + length).samples)
    assert np.all(rows[:, :margin] == 7.0)
    assert np.all(rows[:, margin + length :] == 7.0)


def test_long_stretches_come_in_portions(tmp_path, rng):
    whole = Audio.of(rng.uniform(-1, 1, (2, 300_000)), 48_000)
    io.write(tmp_path / "x.wav", whole, "FLOAT")
    out = np.empty((2, 300_100), dtype=np.float32)
    with open_sound(tmp_path / "x.wav") as sound:
        sound.read_into(-50, out)
    assert np.array_equal(out, whole.span(-50, 300_050).samples)


def test_many_threads_read_one_sound(written):
    path, whole = written
    wrong = []
    with open_sound(path) as sound:

        def read_everywhere(seed: int) -> None:
            out = np.empty((whole.channels, 700), dtype=np.float32)
            for start in np.random.default_rng(seed).integers(0, LENGTH - 700, 150).tolist():
                sound.read_into(start, out)
                if not np.array_equal(out, whole.samples[:, start : start + 700]):
                    wrong.append(start)

        threads = [threading.Thread(target=read_everywhere, args=(seed,)) for seed in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    assert not wrong


def test_a_file_that_shrinks_meanwhile_is_an_error_and_what_is_left_can_be_read(tmp_path, rng):
    path = tmp_path / "x.wav"
    whole = Audio.of(rng.uniform(-1, 1, (2, 10_000)), 48_000)
    io.write(path, whole, "FLOAT")
    before = path.stat().st_size
    with open_sound(path) as sound:
        os.truncate(path, before - 8 * 4_000 - 3)
        out = np.empty((2, 1_000), dtype=np.float32)
        with pytest.raises(InputError, match="5999 of 10000 samples are left") as caught:
            sound.read_into(5_500, out)
        assert caught.value.code == "audio.unreadable"
        sound.read_into(4_900, out)
        assert np.array_equal(out, whole.samples[:, 4_900:5_900])
        os.truncate(path, 0)
        with pytest.raises(InputError):
            sound.read_into(0, out)


@pytest.mark.parametrize("bad", [np.nan, np.inf])
def test_a_value_that_is_no_number_is_named_by_its_time(tmp_path, bad):
    frames = np.zeros((9_000, 2), dtype="<f4")
    frames[8_000, 1] = bad
    form = struct.pack("<4sIHHIIHH", b"fmt ", 16, 3, 2, 8_000, 64_000, 8, 32)
    body = form + struct.pack("<4sI", b"data", frames.nbytes) + frames.tobytes()
    (tmp_path / "x.wav").write_bytes(struct.pack("<4sI4s", b"RIFF", 4 + len(body), b"WAVE") + body)
    out = np.empty((2, 500), dtype=np.float32)
    with open_sound(tmp_path / "x.wav") as sound:
        sound.read_into(7_500, out)
        with pytest.raises(InputError, match=r"channel 2 at 1\.000 s"):
            sound.read_into(7_501, out)


def test_other_formats_are_left_to_others(tmp_path, rng):
    io.write(tmp_path / "x.flac", Audio.of(rng.uniform(-1, 1, (2, 3_000)), 48_000))
    assert open_sound(tmp_path / "x.flac") is None
    (tmp_path / "x.txt").write_text("no sound")
    assert open_sound(tmp_path / "x.txt") is None
    for name, code in (("none.wav", "audio.missing"), (".", "audio.is_folder")):
        with pytest.raises(InputError) as caught:
            open_sound(tmp_path / name)
        assert caught.value.code == code
    with io.Writer(tmp_path / "silent.wav", rate_hz=48_000, channels=1):
        pass
    assert open_sound(tmp_path / "silent.wav") is None  # a length of nought may be one that nobody filled in


def test_no_descriptor_stays_open(tmp_path, rng):
    io.write(tmp_path / "x.flac", Audio.of(rng.uniform(-1, 1, (2, 3_000)), 48_000))
    io.write(tmp_path / "x.wav", Audio.of(rng.uniform(-1, 1, (2, 3_000)), 48_000))
    before = len(os.listdir("/proc/self/fd")) if Path("/proc/self/fd").exists() else 0
    for _ in range(3):
        open_sound(tmp_path / "x.flac")
        with open_sound(tmp_path / "x.wav") as sound:
            sound.close()
    if before:
        assert len(os.listdir("/proc/self/fd")) == before


def test_rooms_of_a_wrong_shape_are_refused(written):
    path, whole = written
    with open_sound(path) as sound, pytest.raises(InternalError):
        sound.read_into(0, np.empty((whole.channels + 1, 10), dtype=np.float32))
