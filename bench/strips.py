"""Channel strips of a session: 24 stereo tracks through high-pass, four bands, compressor and pan, into one bus.

The peer is pedalboard (JUCE), the same chain built of its own processors. Before any time is taken, both are shown to
do the same work: the gains of the filters and the steady gains of the compressors are compared.
"""

import math
from collections.abc import Callable, Sequence

import numpy as np
import pedalboard
from numpy.typing import NDArray

from bench.timing import interleaved
from tapehand.audio import Audio
from tapehand.dsp.strips import BLOCK_SAMPLES, StripBank, StripProcessor, mix_strips, run_strips
from tapehand.kernels.bus import steady
from tapehand.song.processors import Band, Compressor, Equaliser, HighPass

RATE_HZ = 44_100
TRACKS = 24
LENGTH_S = 60
ROUNDS = 7
SEED = 24_60

FILTERS: Sequence[StripProcessor] = (
    HighPass(cutoff_hz=80.0, slope_db_per_octave=6),
    Equaliser(
        bands=(
            Band(kind="low_shelf", frequency_hz=120.0, gain_db=2.0, q=0.7),
            Band(kind="peak", frequency_hz=400.0, gain_db=-3.0, q=1.0),
            Band(kind="peak", frequency_hz=3000.0, gain_db=2.0, q=1.4),
            Band(kind="high_shelf", frequency_hz=9000.0, gain_db=1.5, q=0.7),
        )
    ),
)
COMPRESSOR = Compressor(threshold_db=-20.0, ratio=3.0, attack_ms=10.0, release_ms=120.0, knee_db=0.0, detector="peak")


def peer_filters() -> list[pedalboard.Plugin]:
    """pedalboard's high-pass is of first order, so ours is run at 6 dB per octave too."""
    return [
        pedalboard.HighpassFilter(80.0),
        pedalboard.LowShelfFilter(120.0, 2.0, 0.7),
        pedalboard.PeakFilter(400.0, -3.0, 1.0),
        pedalboard.PeakFilter(3000.0, 2.0, 1.4),
        pedalboard.HighShelfFilter(9000.0, 1.5, 0.7),
    ]


def peer_compressor() -> pedalboard.Plugin:
    return pedalboard.Compressor(threshold_db=-20.0, ratio=3.0, attack_ms=10.0, release_ms=120.0)


def session(length_s: float, tracks: int = TRACKS) -> list[Audio]:
    """Noise whose level rises and falls, so that compressors work; seeded."""
    rng = np.random.default_rng(SEED)
    length = round(length_s * RATE_HZ)
    swell = np.float32(0.05) + np.float32(0.25) * (np.arange(length) // 5_000 % 4 == 0).astype(np.float32)
    return [Audio.of(rng.standard_normal((2, length), dtype=np.float32) * swell, RATE_HZ) for _ in range(tracks)]


def pans() -> list[tuple[float, float]]:
    angles = [(track / (TRACKS - 1)) * math.pi / 2 for track in range(TRACKS)]
    return [(math.cos(angle), math.sin(angle)) for angle in angles]


def ours(tracks: Sequence[Audio]) -> NDArray[np.float32]:
    inputs = [steady(track.samples, left, right) for track, (left, right) in zip(tracks, pans(), strict=True)]
    return mix_strips(inputs, [(*FILTERS, COMPRESSOR)] * len(tracks), RATE_HZ).samples


def peer(tracks: Sequence[Audio]) -> NDArray[np.float32]:
    bus = np.zeros_like(tracks[0].samples)
    for track, gains in zip(tracks, pans(), strict=True):
        made = pedalboard.Pedalboard([*peer_filters(), peer_compressor()])(track.samples, RATE_HZ)
        made *= np.array(gains, dtype=np.float32)[:, np.newaxis]
        bus += made
    return bus


def into_rooms(tracks: Sequence[Audio]) -> Callable[[], None]:
    """The strips alone, a block at a time, from rooms into rooms, as a render holds them."""
    rooms = [np.ascontiguousarray(track.samples[:, :BLOCK_SAMPLES]) for track in tracks]
    made = [np.empty_like(room) for room in rooms]
    bank = StripBank([(*FILTERS, COMPRESSOR)] * len(tracks), RATE_HZ)
    bank.bind(rooms, {}, made)

    def run() -> None:
        for _ in range(LENGTH_S * RATE_HZ // BLOCK_SAMPLES):
            bank.run(BLOCK_SAMPLES)

    return run


def filter_difference_db() -> float:
    """The largest difference of the filters' gains from 20 Hz to 5 kHz; above, the peer's are squeezed and ours not."""
    click = Audio.silence(1, RATE_HZ, RATE_HZ)
    click.samples[0, 0] = 1.0
    own = run_strips([click], [FILTERS])[0].samples[0]
    theirs = pedalboard.Pedalboard(peer_filters())(click.samples, RATE_HZ)[0]
    gains = [np.abs(np.fft.rfft(made.astype(np.float64)))[20:5_001] for made in (own, theirs)]
    return float(np.max(np.abs(20.0 * np.log10(gains[0] / gains[1]))))


def compressor_difference_db() -> float:
    """The largest difference of the steady gains at square waves of -40 to 0 dBFS, in dB."""
    worst = 0.0
    square = np.where(np.arange(RATE_HZ) // 50 % 2 == 0, 1.0, -1.0).astype(np.float32)
    for level_db in range(-40, 1, 4):
        tone = Audio.of((square * 10.0 ** (level_db / 20.0))[np.newaxis], RATE_HZ)
        own = run_strips([tone], [[COMPRESSOR]])[0].samples
        theirs = pedalboard.Pedalboard([peer_compressor()])(tone.samples, RATE_HZ)
        ratio = float(np.abs(own[0, -1000:]).mean() / np.abs(theirs[0, -1000:]).mean())
        worst = max(worst, abs(20.0 * math.log10(ratio)))
    return worst


def mix_residual_db(tracks: Sequence[Audio]) -> float:
    """Energy of the difference of the two finished buses, in dB re ours; the ballistics differ by design."""
    own, theirs = ours(tracks).astype(np.float64), peer(tracks).astype(np.float64)
    return 10.0 * math.log10(float(np.mean((own - theirs) ** 2) / np.mean(own**2)))


def measure() -> str:
    """Run the comparison; returns its section of the results."""
    filters_db, law_db = filter_difference_db(), compressor_difference_db()
    if filters_db > 0.3 or law_db > 0.1:
        raise SystemExit(f"Not the same work: filters differ by {filters_db:.2f} dB, compressors by {law_db:.2f} dB")
    tracks = session(LENGTH_S)
    bus_db = mix_residual_db([track.span(0, 5 * RATE_HZ) for track in tracks])
    room = np.empty_like(tracks[0].samples)

    def copy() -> None:
        for track in tracks:
            np.copyto(room, track.samples)

    contestants = {
        "ours": lambda: ours(tracks),
        "peer": lambda: peer(tracks),
        "copy": copy,
        "ours, no bus": into_rooms(tracks),
        "ours, no bus, two tracks": into_rooms(tracks[:2]),
        "ours, no bus, one track": into_rooms(tracks[:1]),
    }
    counts = {"ours, no bus, two tracks": 2, "ours, no bus, one track": 1}
    times = interleaved(contestants, ROUNDS)
    rows = [
        f"| {name} | {timing.median_s:.3f} | {timing.least_s:.3f} |"
        f" {timing.median_s / (counts.get(name, TRACKS) * 2 * LENGTH_S * RATE_HZ) * 1e9:.2f} |"
        for name, timing in times.items()
    ]
    one_of = times["ours, no bus"].median_s / times["ours, no bus, one track"].median_s
    by_round = [theirs / own for own, theirs in zip(times["ours"].rounds_s, times["peer"].rounds_s, strict=True)]
    return "\n".join(
        [
            "## Channel strips against pedalboard",
            f"{TRACKS} stereo tracks x {LENGTH_S} s, {RATE_HZ} Hz: high-pass, 4 bands, compressor, pan, sum. One core.",
            "",
            "| | median CPU s | least CPU s | ns per sample and channel |",
            "|---|---|---|---|",
            *rows,
            "",
            f"- **pedalboard / ours: {times['peer'].median_s / times['ours'].median_s:.1f}** (ratio of medians of"
            f" {ROUNDS} interleaved rounds; single rounds {min(by_round):.1f} to {max(by_round):.1f})",
            f"- ours / np.copyto of the same bytes: {times['ours'].median_s / times['copy'].median_s:.1f}",
            f"- one track alone, as after an edit: 1/{one_of:.0f} of all {TRACKS} tracks' strips, with the same bits",
            f"- same work: the filters' gains differ by at most {filters_db:.2f} dB from 20 Hz to 5 kHz (above, only"
            f" ours keep the analogue curve); the compressors' steady gains by at most {law_db:.3f} dB; the finished"
            f" buses by {bus_db:.1f} dB, as the ballistics differ (ours smooth gain in dB, pedalboard's level).",
        ]
    )
