"""What it costs to hear time, beside librosa's beat tracker: both on the same samples, in turn, in one run.

Counted is CPU of everything from mono samples in memory to answers, the best of several rounds. librosa works at
22.05 kHz, to which ``librosa.load`` brings whatever it reads: from 44.1 kHz that conversion (soxr_hq, its default) is
counted for it, as ours to 8 kHz is for us.
"""

import time
import warnings
from collections.abc import Callable, Sequence
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from bench.listening.clips import clip
from bench.listening.sources import RATE_HZ
from tapehand.audio import Audio
from tapehand.audio.resample import resample
from tapehand.listening.beats import beat_strength, track_beats
from tapehand.listening.metre import pulses
from tapehand.listening.onsets import onsets
from tapehand.listening.periods import period_path, periodicity, possible_periods
from tapehand.listening.recordings import compact_of
from tapehand.listening.rhythm import Rhythm, hear_rhythm, read_tempos
from tapehand.listening.tones import chroma, peaks, tuning

Work = Callable[[], object]

ROUNDS: Final = 5
SESSION_RATE_HZ: Final = 44_100
OURS: Final = "Tapehand: tempo, beats, bars, metre"
PEER: Final = "librosa: tempo, beats"
SHARES: Final = ("8 kHz and spectra", "onsets", "tones", "tempos", "beats", "bars", "choice")


def heard(audio: Audio) -> Rhythm | None:
    """Ours, from samples."""
    kept = compact_of(audio)
    tones = peaks(kept)
    return hear_rhythm(onsets(kept), chroma(tones, tuning(tones)))


def tracked(sound: NDArray[np.float32], rate_hz: int) -> Any:
    """The peer's, from samples."""
    import librosa

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        if rate_hz != RATE_HZ:
            sound = librosa.resample(sound, orig_sr=rate_hz, target_sr=RATE_HZ)
        return librosa.beat.beat_track(y=sound, sr=RATE_HZ, units="time")


def contests(sound: NDArray[np.float32], rate_hz: int) -> dict[str, Work]:
    """Both, on the same samples."""
    audio = Audio.of(sound[np.newaxis], rate_hz)
    return {OURS: lambda: heard(audio), PEER: lambda: tracked(sound, rate_hz)}


def steps(audio: Audio) -> dict[str, Work]:
    """What ours is made of; the choice is what the last step does beside the three before it."""
    kept = compact_of(audio)
    found = peaks(kept)
    begins, tones = onsets(kept), chroma(found, tuning(found))
    returns, strength = periodicity(begins), beat_strength(begins)
    readings = read_tempos(begins, tones)
    rows = [reading.pulses.times_s[0::2] for reading in readings]

    def all_tones() -> object:
        found = peaks(kept)
        return chroma(found, tuning(found))

    return {
        "8 kHz and spectra": lambda: compact_of(audio),
        "onsets": lambda: onsets(kept),
        "tones": all_tones,
        "tempos": lambda: possible_periods(periodicity(begins).mean),
        "beats": lambda: (
            beat_strength(begins),
            [track_beats(strength, period_path(returns, reading.period)) for reading in readings],
        ),
        "bars": lambda: [pulses(row, begins, tones) for row in rows],
        "choice": lambda: hear_rhythm(begins, tones),
    }


def fastest(works: dict[str, Work]) -> dict[str, float]:
    """Best CPU time of each in ms, all in turn, round after round."""
    best = dict.fromkeys(works, np.inf)
    for _ in range(ROUNDS):
        for name, work in works.items():
            start = time.process_time()
            work()
            best[name] = min(best[name], 1000.0 * (time.process_time() - start))
    return best


def cost(seeds: Sequence[int]) -> str:
    """The figures as a page shows them."""
    totals: list[dict[tuple[str, int], float]] = []
    shares: list[dict[str, float]] = []
    tracked(clip(seeds[0]).mix.astype(np.float32), RATE_HZ)  # what it compiles when first called is not counted
    for seed in seeds:
        audio = Audio.of(clip(seed).mix[np.newaxis], RATE_HZ)
        higher = resample(audio, SESSION_RATE_HZ)
        totals.append({
            (name, each.rate_hz): best
            for each in (higher, audio)
            for name, best in fastest(contests(each.samples[0], each.rate_hz)).items()
        })  # fmt: skip
        apart = fastest(steps(higher))
        apart["choice"] = max(0.0, apart["choice"] - apart["tempos"] - apart["beats"] - apart["bars"])
        shares.append(apart)
    return _page(len(seeds), totals, shares)


def _page(count: int, totals: Sequence[dict[tuple[str, int], float]], shares: Sequence[dict[str, float]]) -> str:
    rates = (SESSION_RATE_HZ, RATE_HZ)
    mean = {key: float(np.mean([each[key] for each in totals])) for key in totals[0]}
    rows = [f"| {name} | {' | '.join(f'{mean[name, rate]:.1f}' for rate in rates)} |" for name in (OURS, PEER)]
    ratios = " | ".join(f"{mean[PEER, rate] / mean[OURS, rate]:.1f}" for rate in rates)
    apart = [f"{np.mean([each[name] for each in shares]):.1f}" for name in SHARES]
    return "\n".join([
        f"CPU in ms a clip of 24 s: {count} clips, both on the same mono samples in turn, the best of {ROUNDS} rounds."
        "\nFrom 44.1 kHz the conversion to 22.05 kHz, which `librosa.load` makes by default, is counted for librosa,"
        " that to 8 kHz for\nus; ours holds the chroma that harmony shares.",
        "", "| | from 44.1 kHz | from 22.05 kHz |", "|---|---|---|", *rows, f"| ratio | {ratios} |",
        "", "Ours from 44.1 kHz, step by step; six tempos are read, each with its beats and bars.",
        "", f"| {' | '.join(SHARES)} |", "|" + "---|" * len(SHARES), f"| {' | '.join(apart)} |",
    ])  # fmt: skip


if __name__ == "__main__":
    from bench.listening.time import FIRST_SEED, PEER_CLIPS

    print(cost(range(FIRST_SEED, FIRST_SEED + PEER_CLIPS)))
