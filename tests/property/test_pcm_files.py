"""Plain WAV, read and written by our own code: bit for bit what libsndfile and slow arithmetic give."""

import os
import resource
import struct
from pathlib import Path

import numpy as np
import pytest
import soundfile
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tapehand.audio import Audio, io
from tapehand.errors import InputError, InternalError
from tapehand.kernels import pcm

FEW = settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
SEEDS = st.integers(0, 2**32 - 1)
SUBTYPES = st.sampled_from(["PCM_16", "PCM_24", "PCM_32", "FLOAT"])
CONTAINERS = st.sampled_from(["WAV", "WAVEX", "RF64"])


def random_wav(path: Path, seed: int, channels: int, length: int, subtype: str, container: str) -> None:
    """Any codes at all; floats of every size down to denormals, and above full scale."""
    rng = np.random.default_rng(seed)
    if subtype == "FLOAT":
        frames = (rng.standard_normal((length, channels)) * 10.0 ** rng.integers(-44, 30, (length, channels))).astype(
            "f4"
        )
    else:
        frames = rng.integers(-(2**31), 2**31, (length, channels)).astype(np.int32)
        frames[0], frames[-1] = -(2**31), 2**31 - 1
    soundfile.write(path, frames, 48_000, subtype=subtype, format=container)


def bits(samples: np.ndarray) -> np.ndarray:
    return np.ascontiguousarray(samples).view(np.int32)


def theirs(path: Path) -> np.ndarray:
    return soundfile.read(path, dtype="float32", always_2d=True)[0].T


@FEW
@given(SEEDS, st.integers(1, 9), st.integers(1, 1_500), SUBTYPES, CONTAINERS, st.integers(1, 400))
def test_every_bit_is_libsndfiles(tmp_path, seed, channels, length, subtype, container, block):
    path = tmp_path / "x.wav"
    random_wav(path, seed, channels, length, subtype, container)
    decoded = io.decode(path)
    assert (decoded.facts.decoder, decoded.facts.subtype, decoded.damage) == ("tapehand", subtype, None)
    assert decoded.facts.container == ("RF64" if container == "RF64" else "WAV")
    assert np.array_equal(bits(decoded.audio.samples), bits(theirs(path)))
    in_blocks = np.concatenate([stretch.samples for stretch in io.blocks(path, block)], axis=1)
    assert np.array_equal(bits(in_blocks), bits(decoded.audio.samples))


@FEW
@given(SEEDS, st.integers(1, 4), SUBTYPES, st.data())
def test_a_cut_file_gives_what_libsndfile_gives_and_is_damaged(tmp_path, seed, channels, subtype, drawn):
    path = tmp_path / "x.wav"
    random_wav(path, seed, channels, 300, subtype, "WAV")
    payload = path.read_bytes()
    start = payload.index(b"data") + 8
    kept = drawn.draw(st.integers(start + channels * pcm.CODE_BYTES[subtype], len(payload) - 1))
    path.write_bytes(payload[:kept])
    decoded = io.decode(path)
    assert np.array_equal(bits(decoded.audio.samples), bits(theirs(path)))
    whole = decoded.audio.length_samples == 300  # only the tail behind the sound was cut
    assert (decoded.damage is None) == whole
    assert whole or decoded.damage.announced_samples == 300


@pytest.mark.parametrize("level", ["", "base"])
@FEW
@given(
    SEEDS,
    st.integers(1, 5),
    st.integers(1, 1_300),
    st.sampled_from([(16, 2), (24, 3), (16, 4), (24, 4)]),
    st.booleans(),
)
def test_writing_rounds_as_plain_arithmetic_does(level, seed, channels, length, form, dithered):
    code_bits, width = form
    rng = np.random.default_rng(seed)
    samples = (rng.standard_normal((channels, length)) * rng.choice([1e-6, 0.3, 2.0])).astype(np.float32)
    full = 2.0 ** (code_bits - 1)
    samples[:, ::7] = (np.round(samples[:, ::7] * full) + 0.5) / full  # halves go to the even neighbour
    random = rng.integers(0, 2**64, (length, channels), dtype=np.uint64)
    noise = ((random >> np.uint64(32)).astype(float) - (random & np.uint64(2**32 - 1)).astype(float)) / 2**32
    scaled = samples.T.astype(float) * full + (noise if dithered else 0.0)
    codes = np.clip(np.rint(scaled), -full, full - 1).astype(np.int64)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("TAPEHAND_SIMD", level)
        woven = pcm.weave_codes(samples, 0, length, code_bits, width, random if dithered else None)
    assert isinstance(woven, pcm.Woven)
    wide = np.zeros((length * channels, 4), dtype=np.uint8)
    wide[:, 4 - width :] = woven.payload.reshape(-1, width)
    read_back = wide.view("<i4").reshape(length, channels).astype(np.int64) >> (32 - code_bits)
    assert np.array_equal(read_back, codes)
    assert woven.clipped == np.count_nonzero(np.abs(samples) > 1.0)


@FEW
@given(SEEDS, st.integers(1, 5), st.integers(1, 700), st.sampled_from([16, 24, 32, 0]))
def test_both_copies_of_the_reader_give_equal_bits(seed, channels, length, code_bits):
    coding = {bits: name for name, bits in pcm.CODE_BITS.items()}[code_bits]
    raw = np.random.default_rng(seed).integers(0, 256, channels * length * pcm.CODE_BYTES[coding], dtype=np.uint8)
    if coding == "FLOAT":
        raw.view(np.uint32)[:] &= 0xBFFFFFFF  # every float but the not finite
    read = []
    for level in ("", "base"):
        with pytest.MonkeyPatch.context() as patch:
            patch.setenv("TAPEHAND_SIMD", level)
            out = np.zeros((channels, length + 3), dtype=np.float32)
            assert pcm.spread(raw, coding, out, 2) is None
            read.append(out)
    assert np.array_equal(bits(read[0]), bits(read[1]))
    assert not read[0][:, :2].any()
    assert not read[0][:, -1].any()


@FEW
@given(SEEDS, st.integers(1, 4), st.integers(1, 1_500), st.sampled_from([np.nan, np.inf, -np.inf]))
def test_the_first_bad_value_is_named_in_the_order_of_the_file(seed, channels, length, bad):
    rng = np.random.default_rng(seed)
    frames = rng.standard_normal((length, channels)).astype(np.float32)
    frames.flat[rng.integers(0, frames.size, 3)] = bad
    frame, channel = np.argwhere(~np.isfinite(frames))[0].tolist()
    out = np.empty((channels, length), dtype=np.float32)
    assert pcm.spread(frames.view(np.uint8).reshape(-1), "FLOAT", out, 0) == (frame, channel)
    assert pcm.weave_floats(np.ascontiguousarray(frames.T), 0, length) == (frame, channel)
    assert pcm.weave_codes(np.ascontiguousarray(frames.T), 0, length, 24, 3, None) == (frame, channel)


@FEW
@given(SEEDS, st.integers(1, 700), st.sampled_from([8, 16, 24]), st.sampled_from(["", "base"]))
def test_floats_become_the_integers_they_came_from(seed, count, code_bits, level):
    codes = np.random.default_rng(seed).integers(-(2 ** (code_bits - 1)), 2 ** (code_bits - 1), count)
    codes[0], codes[-1] = -(2 ** (code_bits - 1)), 2 ** (code_bits - 1) - 1
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("TAPEHAND_SIMD", level)
        made = pcm.packed((codes / 2 ** (code_bits - 1)).astype(np.float32), code_bits)
    assert made.tobytes() == codes.astype("<i4").view(np.uint8).reshape(-1, 4)[:, : code_bits // 8].tobytes()


def test_shapes_that_do_not_fit_are_refused():
    out = np.zeros((2, 10), dtype=np.float32)
    for size, start in ((44, 0), (40, 1), (41, 0), (4, -1)):
        with pytest.raises(InternalError):
            pcm.spread(np.zeros(size, dtype=np.uint8), "PCM_16", out, start)
    for start, end, code_bits, width in ((0, 11, 16, 2), (-1, 3, 16, 2), (5, 4, 16, 2), (0, 10, 24, 2)):
        with pytest.raises(InternalError):
            pcm.weave_codes(out, start, end, code_bits, width, None)


def test_a_file_that_shrinks_while_it_is_read_ends_early_and_says_so(tmp_path):
    path = tmp_path / "x.wav"
    io.write(path, Audio.silence(2, 500_000, 48_000))
    with io.Reader(path) as reader:
        stretches = reader.blocks(100_000)
        next(stretches)
        os.truncate(path, 900_000)
        length = 100_000 + sum(stretch.length_samples for stretch in stretches)
        damage = reader.damage()
    assert length == (900_000 - 80) // 6
    assert damage is not None
    assert (damage.decoded_samples, damage.announced_samples) == (length, 500_000)


def test_a_file_that_vanishes_under_the_reader_ends_with_what_there_was(tmp_path):
    path = tmp_path / "x.wav"
    io.write(path, Audio.silence(1, 200_000, 48_000))
    with io.Reader(path) as reader:
        os.truncate(path, 0)
        assert list(reader.blocks()) == []
        assert reader.damage().amount == "0 of 200000"


def long_header(frames: int, payload: bytes, rate_hz: int = 48_000) -> bytes:
    """An RF64 of 16-bit stereo that claims ``frames``."""
    form = struct.pack("<4sIHHIIHH", b"fmt ", 16, 1, 2, rate_hz, 4 * rate_hz, 4, 16)
    sizes = struct.pack("<4sIQQQI", b"ds64", 28, 2**64 - 1, min(4 * frames, 2**64 - 1), frames, 0)
    return (
        struct.pack("<4sI4s", b"RF64", 2**32 - 1, b"WAVE")
        + sizes
        + form
        + struct.pack("<4sI", b"data", 2**32 - 1)
        + payload
    )


@pytest.mark.parametrize("frames", [2**63, 2**62, 2**40])
def test_a_claim_of_exabytes_allocates_nothing(tmp_path, frames):
    path = tmp_path / "claim.wav"
    path.write_bytes(long_header(frames, bytes(4_000)))
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    decoded = io.decode(path)
    assert decoded.audio.length_samples == 1_000
    assert decoded.damage.announced_samples == min(4 * frames, 2**64 - 1) // 4
    assert len(list(io.blocks(path, 2**40))) == 1
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 50_000  # kilobytes


@pytest.mark.parametrize("subtype", ["PCM_16", "PCM_24", "FLOAT"])
def test_no_sample_and_one_sample(tmp_path, subtype):
    with io.Writer(tmp_path / "none.wav", rate_hz=48_000, channels=2, subtype=subtype):
        pass
    with pytest.raises(InputError) as caught:
        io.decode(tmp_path / "none.wav")
    assert caught.value.code == "audio.no_sound"
    one = Audio.of([[0.5], [-0.25]], 48_000)
    io.write(tmp_path / "one.wav", one, subtype)
    assert np.array_equal(io.read(tmp_path / "one.wav").samples, one.samples)


@pytest.mark.parametrize(
    "line",
    [np.full(5_000, 1e-42), np.full(5_000, 0.7), np.where(np.arange(5_000) // 20 % 2, 1.0, -1.0), np.zeros(5_000)],
    ids=["denormal", "DC", "full-scale square", "silence"],
)
def test_unfriendly_sound_survives(tmp_path, line):
    audio = Audio.of(np.tile(line, (2, 1)), 48_000)
    io.write(tmp_path / "x.wav", audio, "FLOAT")
    assert np.array_equal(bits(io.read(tmp_path / "x.wav").samples), bits(audio.samples))
    io.write(tmp_path / "y.wav", audio)
    assert np.abs(io.read(tmp_path / "y.wav").samples - audio.samples).max() <= 2.0**-23


@pytest.mark.parametrize(("rate_hz", "channels"), [(384_000, 2), (8_000, 1), (48_000, 64)])
def test_high_rates_and_many_channels(tmp_path, rng, rate_hz, channels):
    audio = Audio.of(rng.uniform(-1, 1, (channels, 3_000)), rate_hz)
    io.write(tmp_path / "x.wav", audio, "FLOAT")
    read = io.decode(tmp_path / "x.wav")
    assert np.array_equal(read.audio.samples, audio.samples)
    assert (read.facts.rate_hz, read.facts.decoder) == (rate_hz, "tapehand")
    assert np.array_equal(theirs(tmp_path / "x.wav"), audio.samples)


def raw_header(channels: int, rate_hz: int, frame_bytes: int) -> bytes:
    form = struct.pack("<4sIHHIIHH", b"fmt ", 16, 1, channels, rate_hz, rate_hz * frame_bytes, frame_bytes, 16)
    return struct.pack("<4sI4s", b"RIFF", 2**31, b"WAVE") + form + struct.pack("<4sI", b"data", 6_500)


@pytest.mark.parametrize(
    ("header", "code"),
    [
        (raw_header(65, 48_000, 130), "audio.channels_unsupported"),
        (raw_header(1, 900_000, 2), "audio.rate_unsupported"),
        (raw_header(0, 48_000, 0), "audio.not_audio"),
    ],
)
def test_impossible_numbers_in_a_header_are_refused(tmp_path, header, code):
    (tmp_path / "x.wav").write_bytes(header + bytes(6_500))
    with pytest.raises(InputError) as caught:
        io.decode(tmp_path / "x.wav")
    assert caught.value.code == code


def test_numbers_that_do_not_agree_are_left_to_libsndfile(tmp_path):
    (tmp_path / "x.wav").write_bytes(raw_header(1, 48_000, 3) + bytes(6_500))
    try:
        decoder = io.decode(tmp_path / "x.wav").facts.decoder
    except InputError:
        return
    assert decoder == "libsndfile"


def test_a_file_of_empty_chunks_is_refused_at_once(tmp_path):
    (tmp_path / "x.wav").write_bytes(b"RIFF\xff\xff\xff\x7fWAVE" + b"JUNK\0\0\0\0" * 500_000)
    with pytest.raises(InputError):
        io.decode(tmp_path / "x.wav")
