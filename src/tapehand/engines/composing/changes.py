"""The chord changes: the loop of a song, the loop of its loud sections, and where the chords fall."""

from dataclasses import replace

from tapehand.engines.composing.brief import Understood
from tapehand.engines.composing.chance import dice, weighted
from tapehand.engines.composing.genre import Progression
from tapehand.engines.composing.plan import ChordSpan
from tapehand.music.chord import Chord
from tapehand.music.chord_symbols import chord_named, diatonic_chord
from tapehand.music.key import Key

Loop = list[tuple[Chord, int]]


def loops_of(understood: Understood, seed: int) -> tuple[Loop, Loop]:
    """The chord loop of the song and the one of its loudest sections: chords with bars. Stated chords are both."""
    if understood.chords:
        loop = [(chord_named(symbol), 1) for symbol in understood.chords]
        return loop, loop
    genre = understood.genre
    weights = {index: progression.weight for index, progression in enumerate(genre.progressions)}
    first = weighted(dice(seed, "progression"), weights)
    size = _chord_size(understood, seed)
    loop = _loop(genre.progressions[first], understood.key, size)
    if dice(seed, "hook progression").random() < 0.55:
        return loop, loop
    del weights[first]
    second = weighted(dice(seed, "hook progression", "choice"), weights)
    return loop, _loop(genre.progressions[second], understood.key, size)


def _chord_size(understood: Understood, seed: int) -> int:
    size = understood.genre.chord_size
    if size == 9 and dice(seed, "chord size").random() < 0.35:
        return 7
    if size == 3 and dice(seed, "chord size").random() < 0.3:
        return 7
    return size


def _loop(progression: Progression, key: Key, size: int) -> Loop:
    return [(diatonic_chord(key, degree, size), progression.bars_each) for degree in progression.degrees]


def spans_of(loop: Loop, bars: int, bar_ticks: int) -> tuple[ChordSpan, ...]:
    """The loop repeated over a section, equal neighbours joined."""
    spans: list[ChordSpan] = []
    tick, end = 0, bars * bar_ticks
    while tick < end:
        for chord, length_bars in loop:
            length = min(length_bars * bar_ticks, end - tick)
            if length <= 0:
                break
            if spans and spans[-1].chord == chord and tick % (4 * bar_ticks):
                spans[-1] = replace(spans[-1], length_ticks=spans[-1].length_ticks + length)
            else:
                spans.append(ChordSpan(start_tick=tick, length_ticks=length, chord=chord))
            tick += length
    return tuple(spans)
