"""``python -m bench.listening.time``: tempo, beats, bars and metre of clips whose truth is known, beside librosa's.

Clips are those of ``bench.listening.clips`` with seeds that no weight was found on. Odd metres are reported apart: what
their beat is, is a matter of taste. CPU seconds hold everything from samples to answers.
"""

import time
import warnings
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from bench.listening.clips import Clip, clip
from bench.listening.cost import cost
from bench.listening.scores import LEVELS, beat_f, within
from bench.listening.sources import RATE_HZ
from bench.listening.unmusical import unmusical
from tapehand.audio import Audio
from tapehand.listening.onsets import onsets, together
from tapehand.listening.recordings import compact_of
from tapehand.listening.rhythm import Rhythm, hear_rhythm
from tapehand.listening.tones import chroma, peaks, tuning

Values = NDArray[np.float64]

FIRST_SEED: Final = 10_000
CLIPS: Final = 224
PEER_CLIPS: Final = 28
UNMUSICAL: Final = 30
CONFIDENT, PERHAPS = 0.8, 0.5


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """What one contestant said of one clip; ``sure`` holds the confidence of tempo, beats and bars."""

    tempo_bpm: float | None
    beats_s: Values
    downbeats_s: Values | None = None
    metre: tuple[int, int] | None = None
    sure: tuple[float, float, float] | None = None
    cpu_s: float = 0.0


def from_mix(played: Clip) -> Answer:
    """Ours, from the mix alone."""
    start = time.process_time()
    return _answer(hear(played.mix), start)


def from_stems(played: Clip) -> Answer:
    """Ours, with drums and pitched stems apart."""
    start = time.process_time()
    mix = compact_of(_audio(played.mix))
    parts = [onsets(mix)]
    if "drums" in played.stems:
        parts.append(onsets(compact_of(_audio(played.stems["drums"]))))
    tones = peaks(compact_of(_audio(sum(stem for name, stem in played.stems.items() if name != "drums"))))
    return _answer(hear_rhythm(together(parts), chroma(tones, tuning(tones))), start)


def from_librosa(played: Clip) -> Answer:
    """The peer: librosa.beat.beat_track with its defaults."""
    import librosa

    start = time.process_time()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        tempo, beats_s = librosa.beat.beat_track(y=played.mix.astype(np.float32), sr=RATE_HZ, units="time")
    return Answer(
        tempo_bpm=float(np.atleast_1d(tempo)[0]), beats_s=np.asarray(beats_s), cpu_s=time.process_time() - start
    )


def hear(sound: Values) -> Rhythm | None:
    """Our rhythm of a mono sound at the clips' rate."""
    kept = compact_of(_audio(sound))
    tones = peaks(kept)
    return hear_rhythm(onsets(kept), chroma(tones, tuning(tones)))


def _audio(sound: Values) -> Audio:
    return Audio.of(np.asarray(sound)[np.newaxis], RATE_HZ)


def _answer(rhythm: Rhythm | None, start: float) -> Answer:
    cpu_s = time.process_time() - start
    if rhythm is None:
        return Answer(tempo_bpm=None, beats_s=np.zeros(0), cpu_s=cpu_s)
    return Answer(
        tempo_bpm=rhythm.tempo_bpm,
        beats_s=rhythm.beats_s,
        downbeats_s=rhythm.downbeats_s,
        metre=(rhythm.metre.beats, rhythm.metre.unit),
        sure=(rhythm.tempo_confidence, rhythm.beat_confidence, rhythm.bar_confidence),
        cpu_s=cpu_s,
    )


OURS: Final[dict[str, Callable[[Clip], Answer]]] = {"Tapehand, mix": from_mix, "Tapehand, stems": from_stems}
CONTESTANTS: Final = OURS | {"librosa": from_librosa}
Row = tuple[Clip, dict[str, tuple[Answer, dict[str, float]]]]


def scored(played: Clip, answer: Answer) -> dict[str, float]:
    """The figures of one answer."""
    at_any_level = max(beat_f(truth, answer.beats_s) for truth in _levels(played.beats_s))
    figures = {
        "acc1": float(within(answer.tempo_bpm, played.tempo_bpm)),
        "acc2": float(within(answer.tempo_bpm, played.tempo_bpm, LEVELS)),
        "beat": beat_f(played.beats_s, answer.beats_s),
        "beat_any": at_any_level,
        "cpu": answer.cpu_s,
    }
    if answer.downbeats_s is not None:
        figures["downbeat"] = beat_f(played.downbeats_s, answer.downbeats_s)
        figures["metre"] = float(answer.metre == played.metre)
    return figures


def _levels(beats_s: Values) -> list[Values]:
    doubled = np.sort(np.concatenate([beats_s, 0.5 * (beats_s[1:] + beats_s[:-1])]))
    return [beats_s, doubled, beats_s[::2], beats_s[1::2]]


def run(seeds: Sequence[int], contestants: dict[str, Callable[[Clip], Answer]]) -> list[Row]:
    """Every contestant on every clip, in turn."""
    rows = []
    for seed in seeds:
        played = clip(seed)
        answers = {name: contestant(played) for name, contestant in contestants.items()}
        rows.append((played, {name: (answer, scored(played, answer)) for name, answer in answers.items()}))
    return rows


def table(rows: Sequence[Row], odd: bool) -> list[str]:
    """One line a contestant."""
    chosen = [answers for played, answers in rows if played.odd == odd]
    lines = []
    for name in chosen[0]:
        figures = [answers[name][1] for answers in chosen]
        means = {key: float(np.mean([figure[key] for figure in figures])) for key in figures[0]}
        cells = [f"{means[key]:.3f}" if key in means else "-" for key in _COLUMNS]
        lines.append(f"| {name} | {' | '.join(cells)} | {1000 * means['cpu']:.0f} |")
    return lines


_COLUMNS: Final = ("acc1", "acc2", "beat", "beat_any", "downbeat", "metre")


def reliability(answers: Sequence[tuple[tuple[float, float, float], tuple[bool, bool, bool]]]) -> list[str]:
    """How often each level of confidence was right: count and share for tempo, beats and bars."""
    lines = []
    for label, low, high in (
        ("confident", CONFIDENT, 1.01),
        ("perhaps", PERHAPS, CONFIDENT),
        ("not sure", -1, PERHAPS),
    ):
        cells = []
        for row in range(3):
            right = [was[row] for sure, was in answers if low <= sure[row] < high]
            cells.append(f"{len(right)}: {np.mean(right):.3f}" if right else "0: -")
        lines.append(f"| {label} | {' | '.join(cells)} |")
    return lines


def measure(clips: int = CLIPS, first_seed: int = FIRST_SEED) -> str:
    """The section of the results."""
    from_librosa(clip(first_seed))  # what it compiles when first called is not counted
    rows = run(range(first_seed, first_seed + clips), OURS)
    beside = run(range(first_seed, first_seed + min(PEER_CLIPS, clips)), CONTESTANTS)
    nothing = [hear(unmusical(first_seed + seed)[1]) for seed in range(UNMUSICAL)]
    return section(rows, beside, nothing, cost(range(first_seed, first_seed + min(PEER_CLIPS, clips))))


def section(rows: Sequence[Row], beside: Sequence[Row], nothing: Sequence[Rhythm | None], costs: str) -> str:
    """The figures as a page shows them."""
    sure = []
    for _, answers in rows:
        answer, figures = answers["Tapehand, mix"]
        if answer.sure is not None:
            right = (figures["acc1"] > 0, figures["beat"] > 0.8, figures["downbeat"] > 0.8)
            sure.append((answer.sure, right))
    for rhythm in nothing:
        if rhythm is not None:
            confidence = (rhythm.tempo_confidence, rhythm.beat_confidence, rhythm.bar_confidence)
            sure.append((confidence, (False, False, False)))
    head = "| Acc1 | Acc2 | beat F | any level | downbeat F | metre | CPU ms |"
    line = "|---|---|---|---|---|---|---|---|"
    return "\n".join([
        "## Time: tempo, beats, bars",
        f"{len(rows)} clips of 28 styles; CPU in ms a clip of 24 s at 22.05 kHz, each heard once: from samples to"
        " tempo, beats, bars and metre.",
        "", f"| regular metres {head}", line, *table(rows, odd=False),
        "", f"| 5/4, 7/8 {head}", line, *table(rows, odd=True),
        "", f"Beside librosa's beat tracker, on {len(beside)} of them.",
        "", f"| regular metres {head}", line, *table(beside, odd=False),
        "", costs,
        "", f"Our confidence, with {len(nothing)} sounds without a beat: how often, and how often right.",
        "", "| | tempo | beats: F > 0.8 | bars: F > 0.8 |",
        "|---|---|---|---|", *reliability(sure),
    ])  # fmt: skip


if __name__ == "__main__":
    print(measure())
