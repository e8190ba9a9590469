"""What goes through the door comes back: exactly, in any block size, in the same bytes."""

import hashlib
import struct
from pathlib import Path

import numpy as np
import pytest
import soundfile
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tapehand.audio import Audio, io
from tapehand.audio.wav import WavShape, header

FEW = settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
RATES = st.sampled_from([8_000, 22_050, 44_100, 48_000, 96_000, 192_000])
LENGTHS = st.integers(1, 700)
SEEDS = st.integers(0, 2**32 - 1)


def random_codes(seed: int, channels: int, length: int, bits: int) -> np.ndarray:
    full = 1 << (bits - 1)
    codes = np.random.default_rng(seed).integers(-full, full, (channels, length))
    codes[:, 0] = -full
    codes[:, -1] = full - 1
    return codes


@FEW
@given(
    SEEDS, st.integers(1, 3), LENGTHS, RATES, st.sampled_from(["PCM_16", "PCM_24"]), st.sampled_from([".wav", ".flac"])
)
def test_integer_samples_survive_exactly(tmp_path, seed, channels, length, rate_hz, subtype, suffix):
    bits = int(subtype[-2:])
    codes = random_codes(seed, channels, length, bits)
    audio = Audio.of(codes / (1 << (bits - 1)), rate_hz)
    path = tmp_path / f"x{suffix}"
    written = io.write(path, audio, subtype, overwrite=True)
    decoded = io.decode(path)
    assert np.array_equal(decoded.audio.samples, audio.samples)
    assert (decoded.audio.rate_hz, decoded.damage, written.clipped) == (rate_hz, None, 0)
    assert decoded.facts.announced_samples == length
    # Read by somebody else's code as plain integers: the codes themselves.
    theirs, _ = soundfile.read(path, dtype="int32", always_2d=True)
    assert np.array_equal(theirs.T >> (32 - bits), codes)


@FEW
@given(SEEDS, st.integers(1, 6), LENGTHS, RATES)
def test_float_samples_survive_exactly_also_above_full_scale(tmp_path, seed, channels, length, rate_hz):
    samples = (np.random.default_rng(seed).standard_normal((channels, length)) * 3).astype(np.float32)
    path = tmp_path / "x.wav"
    io.write(path, Audio(samples, rate_hz), "FLOAT", overwrite=True)
    assert np.array_equal(io.read(path).samples, samples)
    assert io.probe(path).subtype == "FLOAT"


@FEW
@given(SEEDS, LENGTHS, st.integers(1, 100), st.integers(0, 1000))
def test_block_size_changes_neither_bytes_nor_samples(tmp_path, seed, length, block, dither_seed):
    samples = np.random.default_rng(seed).uniform(-1, 1, (2, length)).astype(np.float32)
    whole, parts = tmp_path / "whole.wav", tmp_path / "parts.wav"
    audio = Audio(samples, 44_100)
    io.write(whole, audio, dither_seed=dither_seed, overwrite=True)
    with io.Writer(parts, rate_hz=44_100, channels=2, dither_seed=dither_seed, overwrite=True) as writer:
        for start in range(0, length, block):
            writer.write(audio.span(start, min(start + block, length)))
    assert whole.read_bytes() == parts.read_bytes()
    read_back = list(io.blocks(parts, block))
    assert all(stretch.length_samples == block for stretch in read_back[:-1])
    assert np.array_equal(np.concatenate([stretch.samples for stretch in read_back], axis=1), io.read(whole).samples)


@pytest.mark.parametrize("subtype", ["PCM_16", "PCM_24"])
def test_values_above_full_scale_are_held_and_counted_never_wrapped(tmp_path, subtype):
    bits = int(subtype[-2:])
    samples = np.array([[1.0, 1.5, -1.0, -1.5, 100.0, 0.25]], dtype=np.float32)
    written = io.write(tmp_path / "loud.wav", Audio(samples, 48_000), subtype)
    top = 1 - 2.0 ** -(bits - 1)
    assert io.read(tmp_path / "loud.wav").samples.tolist() == [[np.float32(top), top, -1.0, -1.0, top, 0.25]]
    assert written.clipped == 3


def test_rounding_goes_to_the_nearest_step(tmp_path):
    steps = np.array([0.49, 0.51, -0.49, -0.51, 1.5, 2.5, 1000.499, -1000.501])
    io.write(tmp_path / "x.wav", Audio.of(steps[np.newaxis] / 2**15, 44_100), "PCM_16")
    codes = io.read(tmp_path / "x.wav").samples[0] * 2**15
    assert codes.tolist() == [0, 1, 0, -1, 2, 2, 1000, -1001]


def test_the_same_sound_gives_the_same_bytes_and_names_no_date(tmp_path):
    audio = Audio.of(np.random.default_rng(3).uniform(-1, 1, (2, 5_000)), 44_100)
    for subtype in ("PCM_16", "PCM_24", "FLOAT"):
        digests = set()
        for name in ("a", "b"):
            path = tmp_path / f"{name}-{subtype}.wav"
            io.write(path, audio, subtype, dither_seed=1)
            digests.add(hashlib.sha256(path.read_bytes()).hexdigest())
            assert b"PEAK" not in path.read_bytes()[:200]
        assert len(digests) == 1


def test_dither_is_triangular_and_leaves_no_trace_of_the_signal_in_its_error(tmp_path):
    """Mean error 0 and error power 1/4 step squared (1/6 noise, 1/12 rounding) at every fraction of a step."""
    for fraction in (0.0, 0.25, 0.5):
        audio = Audio.of(np.full((1, 200_000), (100 + fraction) / 2**15), 44_100)
        io.write(tmp_path / "d.wav", audio, "PCM_16", dither_seed=9, overwrite=True)
        error = io.read(tmp_path / "d.wav").samples[0].astype(np.float64) * 2**15 - (100 + fraction)
        assert abs(error.mean()) < 0.005
        assert abs(np.mean(error**2) - 0.25) < 0.005
        assert np.abs(error).max() < 1.5


def test_long_files_become_rf64(tmp_path):
    shape = WavShape(48_000, 2, "PCM_24")
    short, long = header(shape, 1_000), header(shape, 800_000_000)
    assert (short[:4], long[:4]) == (b"RIFF", b"RF64")
    assert len(short) == len(long)
    riff_bytes, payload_bytes, length_samples = struct.unpack("<QQQ", long[20:44])
    assert (payload_bytes, length_samples) == (800_000_000 * 6, 800_000_000)
    assert riff_bytes == shape.file_bytes(800_000_000) - 8
    # A sparse file: five gigabytes by name, a few kilobytes on disk; another reader agrees on its length.
    path = tmp_path / "long.wav"
    with path.open("wb") as file:
        file.write(long)
        file.truncate(shape.file_bytes(800_000_000))
    assert soundfile.info(path).frames == 800_000_000
    facts = io.probe(path)
    assert (facts.container, facts.announced_samples) == ("RF64", 800_000_000)


def test_more_than_two_channels_are_extensible_and_read_by_others(tmp_path):
    samples = np.random.default_rng(4).uniform(-1, 1, (6, 50)).astype(np.float32)
    path = tmp_path / "six.wav"
    io.write(path, Audio(samples, 48_000), "FLOAT")
    theirs, rate_hz = soundfile.read(path, dtype="float32", always_2d=True)
    assert np.array_equal(theirs.T, samples)
    assert (rate_hz, soundfile.info(path).format) == (48_000, "WAVEX")


@pytest.mark.parametrize(
    "name",
    [
        "multitrack/waveform-playlist-band/Guitar30.mp3",
        "songs/sorohanro_-_solo-trumpet-06.hq.ogg",
        "voices/vignesh.wav",
    ],
)
def test_real_files_read_in_blocks_equal_the_whole_and_another_reader(material: Path, name: str):
    path = material / name
    whole = io.decode(path)
    theirs, rate_hz = soundfile.read(path, dtype="float32", always_2d=True)
    assert whole.damage is None
    assert whole.audio.rate_hz == rate_hz
    assert np.array_equal(whole.audio.samples, theirs.T)
    in_blocks = np.concatenate([block.samples for block in io.blocks(path, 10_007)], axis=1)
    assert np.array_equal(in_blocks, whole.audio.samples)
