"""Voicings: which octave each note of a chord takes, so that a hand moves as little as it must."""

from collections.abc import Iterator, Sequence
from itertools import pairwise, product

from tapehand.music.chord import Chord
from tapehand.music.pitch import nearest_pitch

_ESSENTIAL_FIRST = (3, 4, 10, 11, 14, 6, 8, 9, 2, 5, 17, 21, 0, 7)


def voice_classes(chord: Chord, voices: int) -> tuple[int, ...]:
    """Up to ``voices`` pitch classes of a chord: thirds, sevenths and colours stay; the fifth goes first.

    From five notes on the root goes before the fifth, as the bass has it and a ninth beside it clouds.
    """
    ranked = sorted(chord.intervals, key=_rank)
    if len(ranked) >= 5:
        ranked.remove(0)
        ranked.append(0)
    kept = ranked[:voices]
    return tuple((chord.root + interval) % 12 for interval in sorted(kept))


def voice_lead(
    chords: Sequence[Chord], *, low: int, high: int, voices: int = 4, centre: int | None = None
) -> list[tuple[int, ...]]:
    """Voicings of a chord sequence within ``low``..``high`` (MIDI), each as near as can be to the one before.

    The measure is the summed motion of the sorted voices in semitones; a top voice that leaps more than a major third
    and clusters of semitones cost extra. Voicings rise from low to high; none holds a pitch twice.
    """
    middle = (low + high) // 2 if centre is None else centre
    voicings: list[tuple[int, ...]] = []
    for chord in chords:
        candidates = list(_candidates(chord, low, high, voices))
        previous = voicings[-1] if voicings else None
        voicings.append(min(candidates, key=lambda voicing: (_cost(voicing, previous, middle), voicing)))
    return voicings


def _rank(interval: int) -> int:
    return _ESSENTIAL_FIRST.index(interval) if interval in _ESSENTIAL_FIRST else len(_ESSENTIAL_FIRST)


def _candidates(chord: Chord, low: int, high: int, voices: int) -> Iterator[tuple[int, ...]]:
    places = [
        [pitch for pitch in range(low, high + 1) if pitch % 12 == pitch_class]
        or [nearest_pitch(pitch_class, (low + high) // 2)]
        for pitch_class in voice_classes(chord, voices)
    ]
    for choice in product(*places):
        voicing = tuple(sorted(choice))
        if voicing[-1] - voicing[0] <= 19 or len(voicing) == 1:
            yield voicing


def _cost(voicing: tuple[int, ...], previous: tuple[int, ...] | None, middle: int) -> float:
    gaps = [high - low for low, high in pairwise(voicing)]
    clusters = sum(12 for gap in gaps if gap == 1) + sum(
        2 for low, gap in zip(voicing, gaps, strict=False) if gap < 3 and low < 55
    )
    spread = abs(sum(voicing) / len(voicing) - middle) * 0.35
    if previous is None:
        return clusters + 3 * spread
    motion = sum(abs(new - old) for new, old in zip(voicing, previous, strict=False))
    motion += 6 * abs(len(voicing) - len(previous))
    leap = max(0, abs(voicing[-1] - previous[-1]) - 4) * 2
    return clusters + spread + motion + leap
