"""All meters in one pass against libebur128 doing loudness, range and true peak; the set of filters stated apart."""

import numpy as np
import pyebur128
from numpy.typing import NDArray

from bench.timing import interleaved
from tapehand.audio import Audio
from tapehand.meters.summary import BLOCK_SAMPLES, Meter, MeterStream
from tapehand.meters.true_peak import finest_true_peak_dbtp

RATE_HZ = 44_100
LENGTH_S = 240
ROUNDS = 7
SEED = 3341


def song() -> Audio:
    """Four minutes of stereo whose level and colour wander; seeded."""
    rng, length = np.random.default_rng(SEED), LENGTH_S * RATE_HZ
    swell = (0.02 + 0.2 * (np.arange(length) // 9_000 % 5 == 0)).astype(np.float32)
    both = rng.standard_normal((2, length), dtype=np.float32) * swell
    both[:, 1:] += both[:, :-1]
    return Audio.of(both * np.float32(0.3), RATE_HZ)


def blocks(audio: Audio) -> list[Audio]:
    return [
        Audio.of(audio.samples[:, start : start + BLOCK_SAMPLES], RATE_HZ)
        for start in range(0, audio.length_samples, BLOCK_SAMPLES)
    ]


def ours(parts: list[Audio]) -> Meter:
    stream = MeterStream(2, RATE_HZ)
    for part in parts:
        stream.feed(part)
    return stream.finish()


def peer(parts: list[NDArray[np.float32]]) -> tuple[float, float, float]:
    modes = pyebur128.MeasurementMode
    state = pyebur128.R128State(2, RATE_HZ, modes.MODE_I | modes.MODE_LRA | modes.MODE_TRUE_PEAK)
    for part in parts:
        state.add_frames(part, part.size // 2)
    peak = max(pyebur128.get_true_peak(state, channel) for channel in range(2))
    return pyebur128.get_loudness_global(state), pyebur128.get_loudness_range(state), 20.0 * float(np.log10(peak))


def measure() -> str:
    """Run the comparison; returns its section of the results."""
    audio = song()
    parts = blocks(audio)
    woven = [np.ascontiguousarray(part.samples.T).ravel() for part in parts]
    own, theirs = ours(parts), peer(woven)
    if abs(own.integrated_lufs - theirs[0]) > 0.002 or abs(own.lra_lu - theirs[1]) > 0.02:
        raise SystemExit(f"Not the same work: {own.integrated_lufs} and {theirs[0]} LUFS")
    times = interleaved(
        {"ours": lambda: ours(parts), "peer": lambda: peer(woven), "set": lambda: finest_true_peak_dbtp(audio)}, ROUNDS
    )
    by_round = [b / a for a, b in zip(times["ours"].rounds_s, times["peer"].rounds_s, strict=True)]
    return "\n".join(
        [
            "## Meters against libebur128",
            f"{LENGTH_S} s of stereo at {RATE_HZ} Hz. Ours reads integrated, momentary, short-term, range, true peak by"
            " the standard's filter, PLR, PSR, crest, offset, correlation, width, fold loss, third-octave and Bark"
            " spectra and 100 ms steps in one pass; libebur128 reads integrated, range and true peak.",
            "",
            f"- ours {times['ours'].median_s:.2f} s, libebur128 {times['peer'].median_s:.2f} s of CPU"
            f" (medians of {ROUNDS} interleaved rounds)",
            f"- **libebur128 / ours: {times['peer'].median_s / times['ours'].median_s:.1f}** (single rounds"
            f" {min(by_round):.1f} to {max(by_round):.1f})",
            f"- true peak by the whole set, apart: {times['set'].median_s:.2f} s",
            f"- integrated differs by {abs(own.integrated_lufs - theirs[0]):.5f} LU, range by"
            f" {abs(own.lra_lu - theirs[1]):.4f} LU",
        ]
    )
