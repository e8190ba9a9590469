"""``python -m bench.listening.harmony``: keys, chords, basses, tuning of clips with known truth, beside librosa's.

The peer is what a script would do with librosa: its constant-Q chroma, Albrecht and Shanahan's key profiles (Music
Perception 31, 2013) by correlation, and 24 binary triads on its own beats, made steady by its own Viterbi.
"""

import time
import warnings
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from bench.listening.clips import Clip, KeyTruth, clip
from bench.listening.scores import key_points
from bench.listening.sources import RATE_HZ
from bench.listening.unmusical import unmusical
from tapehand.audio import Audio
from tapehand.listening.harmony import Harmony, hear_harmony, hear_tones
from tapehand.listening.onsets import onsets
from tapehand.listening.recordings import compact_of
from tapehand.listening.rhythm import hear_rhythm

Values = NDArray[np.float64]

FIRST_SEED: Final = 10_000
CLIPS: Final = 224
PEER_CLIPS: Final = 28
UNMUSICAL: Final = 30
STEP_S: Final = 0.05
MAJOR: Final = (0.238, 0.006, 0.111, 0.006, 0.137, 0.094, 0.016, 0.214, 0.009, 0.080, 0.008, 0.081)
MINOR: Final = (0.220, 0.006, 0.104, 0.123, 0.019, 0.103, 0.012, 0.214, 0.062, 0.022, 0.061, 0.052)
SOUNDS_MAJOR: Final = ("", "7", "maj7", "maj")
SOUNDS_MINOR: Final = ("m", "m7", "min", "min7")


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """Chords as ``(start_s, end_s, root, quality, bass)``; keys as ``(start_s, end_s, tonic, mode, confidence)``."""

    chords: Sequence[tuple[float, float, int, str, int]]
    keys: Sequence[tuple[float, float, int, str, float]]
    cents: float | None
    cpu_s: float


def from_mix(played: Clip) -> Answer:
    """Ours, from the mix alone, on our own beats."""
    return _ours(played.mix, [played.mix])


def from_stems(played: Clip) -> Answer:
    """Ours, tones from the pitched stems."""
    return _ours(played.mix, [sum(stem for name, stem in played.stems.items() if name not in ("drums", "noise"))])


def hear(mix: Values, pitched: Sequence[Values]) -> Harmony:
    """Our harmony of a mono sound at the clips' rate."""
    kept = compact_of(_audio(mix))
    tones = hear_tones([kept] if pitched[0] is mix else [compact_of(_audio(each)) for each in pitched])
    return hear_harmony(tones, hear_rhythm(onsets(kept), tones.chroma))


def _ours(mix: Values, pitched: Sequence[Values]) -> Answer:
    start = time.process_time()
    found = hear(mix, pitched)
    cpu_s = time.process_time() - start
    return Answer(
        chords=[
            (each.start_s, each.end_s, each.chord.root, each.chord.quality, each.chord.bass_class)
            for each in found.chords
            if each.chord is not None
        ],
        keys=[(each.start_s, each.end_s, each.key.tonic, each.key.mode, each.confidence) for each in found.keys],
        cents=found.tuning.cents,
        cpu_s=cpu_s,
    )


def from_librosa(played: Clip) -> Answer:
    """The peer."""
    import librosa

    start = time.process_time()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        sound = played.mix.astype(np.float32)
        folded = librosa.feature.chroma_cqt(y=librosa.effects.harmonic(sound), sr=RATE_HZ)
        cents = 100.0 * float(librosa.estimate_tuning(y=sound, sr=RATE_HZ))
        beats = librosa.beat.beat_track(y=sound, sr=RATE_HZ)[1]
        edges = np.unique(np.concatenate([[0], beats, [folded.shape[1]]]))
        steps = librosa.util.sync(folded, edges, aggregate=np.median)
        edges = edges[: steps.shape[1] + 1]
        patterns = np.array([[(p - r) % 12 in (0, third, 7) for p in range(12)] for third in (4, 3) for r in range(12)])
        likeness = patterns @ (steps / np.maximum(np.linalg.norm(steps, axis=0), 1e-9)) / np.sqrt(3.0)
        chance = np.exp(12.0 * likeness)
        stay = librosa.sequence.transition_loop(24, 0.7)
        states = librosa.sequence.viterbi_discriminative(chance / chance.sum(axis=0), stay)
        means = folded.mean(axis=1)
        fits = [np.corrcoef(means, np.roll(profile, r))[0, 1] for profile in (MAJOR, MINOR) for r in range(12)]
    best, times = int(np.argmax(fits)), librosa.frames_to_time(edges, sr=RATE_HZ)
    return Answer(
        chords=[
            (float(a), float(b), int(s % 12), "m" if s >= 12 else "", int(s % 12))
            for a, b, s in zip(times[:-1], times[1:], states, strict=False)
        ],
        keys=[(0.0, 1e9, best % 12, "minor" if best >= 12 else "major", 0.0)],
        cents=cents,
        cpu_s=time.process_time() - start,
    )


def _audio(sound: Values) -> Audio:
    return Audio.of(np.asarray(sound)[np.newaxis], RATE_HZ)


OURS: Final[dict[str, Callable[[Clip], Answer]]] = {"Tapehand, mix": from_mix, "Tapehand, stems": from_stems}
CONTESTANTS: Final = OURS | {"librosa": from_librosa}
Row = tuple[Clip, dict[str, Answer]]


def family(quality: str) -> str | None:
    """Major or minor; None for what is neither."""
    return "maj" if quality in SOUNDS_MAJOR else "min" if quality in SOUNDS_MINOR else None


def chord_overlap(played: Clip, answer: Answer) -> tuple[float, float, float]:
    """Share of the time in which root and third are right (of true major and minor chords), in which all of the
    quality is right, and in which the bass is.
    """
    right = whole = bass = counted = total = 0
    for at_s in np.arange(played.chords[0].start_s + 0.5 * STEP_S, played.chords[-1].end_s, STEP_S):
        truth = next((each for each in played.chords if each.start_s <= at_s < each.end_s), None)
        said = next((each for each in answer.chords if each[0] <= at_s < each[1]), None)
        if truth is None:
            continue
        total += 1
        bass += said is not None and said[4] == truth.bass
        whole += said is not None and said[2] == truth.root and said[3] == _SYMBOLS[truth.quality]
        if family(truth.quality):
            counted += 1
            right += said is not None and said[2] == truth.root and family(said[3]) == family(truth.quality)
    return right / max(counted, 1), whole / max(total, 1), bass / max(total, 1)


_SYMBOLS: Final = {"maj": "", "min": "m", "7": "7", "maj7": "maj7", "min7": "m7", "sus4": "sus4", "dim": "dim"}


def key_score(played: Clip, answer: Answer) -> float:
    """MIREX points averaged over time."""
    ends = [*(key.start_s for key in played.keys[1:]), played.chords[-1].end_s]
    points = total = 0.0
    for key, end_s in zip(played.keys, ends, strict=True):
        for at_s in np.arange(key.start_s + 0.5, end_s, 1.0):
            said = next(((each[2], each[3]) for each in answer.keys if each[0] <= at_s < each[1]), None)
            points, total = points + key_points(said, (key.tonic, key.mode)), total + 1.0
    return points / max(total, 1.0)


def scored(played: Clip, answer: Answer) -> dict[str, float]:
    """The figures of one answer."""
    majmin, whole, bass = chord_overlap(played, answer)
    off = abs((answer.cents - played.tuning_cents + 50.0) % 100.0 - 50.0) if answer.cents is not None else 50.0
    modulates = len(played.keys) > 1
    key = key_score(played, answer)
    return {
        "majmin": majmin, "quality": whole, "bass": bass, "key": key, "cents": off, "cpu": answer.cpu_s,
        "steady": float("nan") if modulates else key, "modulating": key if modulates else float("nan"),
    }  # fmt: skip


_COLUMNS: Final = ("key", "steady", "modulating", "majmin", "quality", "bass")


def run(seeds: Sequence[int], contestants: dict[str, Callable[[Clip], Answer]]) -> list[Row]:
    """Every contestant on every clip, in turn."""
    return [
        (played, {name: contestant(played) for name, contestant in contestants.items()})
        for played in (clip(seed) for seed in seeds)
    ]


def table(rows: Sequence[Row]) -> list[str]:
    """One line a contestant."""
    lines = []
    for name in rows[0][1]:
        figures = [scored(played, answers[name]) for played, answers in rows]
        means = {key: float(np.nanmean([figure[key] for figure in figures])) for key in figures[0]}
        cells = " | ".join(f"{means[key]:.3f}" for key in _COLUMNS)
        worst = float(np.percentile([figure["cents"] for figure in figures], 95))
        lines.append(f"| {name} | {cells} | {means['cents']:.1f} / {worst:.1f} | {1000 * means['cpu']:.0f} |")
    return lines


def reliability(rows: Sequence[Row], nothing: Sequence[Harmony]) -> list[str]:
    """How often each level of a key's confidence was right."""
    sure = [
        (key[4], key_points((key[2], key[3]), (truth.tonic, truth.mode)) == 1.0)
        for played, answers in rows
        for key in answers["Tapehand, mix"].keys
        for truth in [reigning(played, 0.5 * (key[0] + min(key[1], played.chords[-1].end_s)))]
    ]
    sure += [(key.confidence, False) for each in nothing for key in each.keys]
    lines = []
    for label, low, high in (("confident", 0.8, 1.01), ("perhaps", 0.5, 0.8), ("not sure", -1.0, 0.5)):
        right = [was for confidence, was in sure if low <= confidence < high]
        lines.append(f"| {label} | {len(right)}: {np.mean(right):.3f} |" if right else f"| {label} | 0: - |")
    return lines


def reigning(played: Clip, at_s: float) -> KeyTruth:
    """The key at a time."""
    return [key for key in played.keys if key.start_s <= at_s or key is played.keys[0]][-1]


def measure(clips: int = CLIPS, first_seed: int = FIRST_SEED) -> str:
    """The section of the results."""
    from_librosa(clip(first_seed))  # what it compiles when first called is not counted
    rows = run(range(first_seed, first_seed + clips), OURS)
    beside = run(range(first_seed, first_seed + min(PEER_CLIPS, clips)), CONTESTANTS)
    nothing = [hear(sound, [sound]) for seed in range(UNMUSICAL) for sound in [unmusical(first_seed + seed)[1]]]
    return section(rows, beside, nothing)


def section(rows: Sequence[Row], beside: Sequence[Row], nothing: Sequence[Harmony]) -> str:
    """The figures as a page shows them."""
    head = [
        "| | key | one key | modulating | majmin | seven qualities | bass | cents | CPU ms |",
        "|---|---|---|---|---|---|---|---|---|",
    ]
    return "\n".join([
        "## Harmony: keys, chords, tuning",
        f"{len(rows)} clips of 28 styles, beats our own; CPU in ms a clip of 24 s, beats included. Keys in MIREX"
        " points, chords as share of the time, tuning in cents (mean / 95 % of the clips).",
        "", *head, *table(rows),
        "", f"Beside librosa's chroma with key profiles and triads, on {len(beside)} of them.",
        "", *head, *table(beside),
        "", f"| our confidence, with {len(nothing)} sounds without a key | key right |", "|---|---|",
        *reliability(rows, nothing),
    ])  # fmt: skip


if __name__ == "__main__":
    print(measure())
