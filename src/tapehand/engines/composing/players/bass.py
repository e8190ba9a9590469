"""The bass: an 808 that follows the kick and glides, or a line that walks from root to root."""

from typing import Final

from tapehand.engines.composing.chance import dice, one_of
from tapehand.engines.composing.feel import cells
from tapehand.engines.composing.plan import STEP_TICKS, ChordSpan, Member, Plan, PlannedSection
from tapehand.engines.composing.players.drummer import kick_steps
from tapehand.music.chord import Chord
from tapehand.music.notes import Note

_PHRASE_BARS: Final = 4
_GLIDE_GOALS: Final = (7, 12, 5, 3, 4, -5, 10, 2, -2)


def play(section: PlannedSection, plan: Plan, member: Member) -> list[Note]:
    """The bass notes of a section, on the grid, never two at a time."""
    follows = plan.genre.bass.numbers["follow_kick"] >= 1.0
    notes = _following(section, plan, member) if follows else _line(section, plan, member)
    return _one_at_a_time(sorted(notes), section)


def root_pitch(chord: Chord, low: int) -> int:
    """The lowest pitch from ``low`` up that is the chord's bass note."""
    return low + (chord.bass_class - low) % 12


# -- 808 ----------------------------------------------------------------------------------------------------------


def _following(section: PlannedSection, plan: Plan, member: Member) -> list[Note]:
    low = plan.genre.bass.low
    bar_steps = plan.steps_per_bar
    notes = []
    starts = {span.start_tick for span in section.chords}
    for bar in section.bars_of(member.part.id):
        ticks = {
            (bar * bar_steps + step) * STEP_TICKS
            for step in kick_steps(section, plan, bar)
            if _keeps(plan, member, bar, step)
        }
        ticks |= {tick for tick in starts if bar * plan.metre.bar_ticks <= tick < (bar + 1) * plan.metre.bar_ticks}
        for tick in sorted(ticks):
            span = section.chord_at(tick)
            accent = tick == span.start_tick
            notes.append(_note(tick, span.end_tick - tick, root_pitch(span.chord, low), 112 if accent else 100))
    return _with_glides(_cut(sorted(notes), section), section, plan)


def _keeps(plan: Plan, member: Member, bar: int, step: int) -> bool:
    """Most kicks carry the 808; a few are left dry so that it breathes."""
    return step == 0 or dice(plan.seed, "808", bar % _PHRASE_BARS, step).random() < 0.85 * member.density


def _with_glides(notes: list[Note], section: PlannedSection, plan: Plan) -> list[Note]:
    """At the end of some two-bar phrases the long last note slides on to another tone of the chord or key."""
    out: list[Note] = []
    lines = plan.genre.bass
    for index, note in enumerate(notes):
        bar = note.start_tick // plan.metre.bar_ticks
        following = notes[index + 1].start_tick if index + 1 < len(notes) else section.length_ticks
        ends_phrase = bar % 2 == 1 and following >= (bar + 1) * plan.metre.bar_ticks
        throw = dice(plan.seed, "glide", section.kind, bar % 8)
        goal = _glide_goal(note.pitch, section.chord_at(note.start_tick).chord, plan)
        if (
            not ends_phrase
            or note.length_ticks < 4 * STEP_TICKS
            or goal is None
            or throw.random() >= lines.numbers["glide_chance"]
        ):
            out.append(note)
            continue
        split = max(2 * STEP_TICKS, note.length_ticks // 2 // STEP_TICKS * STEP_TICKS)
        glide_ms = lines.glide_ms[0] + (lines.glide_ms[1] - lines.glide_ms[0]) * throw.random()
        out.append(_note(note.start_tick, split, note.pitch, note.velocity))
        rest = note.length_ticks - split
        glide = min(round(plan.ms_to_ticks(glide_ms)), rest)
        out.append(_note(note.start_tick + split, rest, goal, note.velocity - 8, glide))
    return out


def _glide_goal(pitch: int, chord: Chord, plan: Plan) -> int | None:
    allowed = {*plan.key.pitch_classes, *chord.pitch_classes}
    goals = [pitch + interval for interval in _GLIDE_GOALS]
    lines = plan.genre.bass
    fitting = [goal for goal in goals if lines.low <= goal <= lines.high and goal % 12 in allowed]
    return fitting[0] if fitting else None


# -- lines --------------------------------------------------------------------------------------------------------


def _line(section: PlannedSection, plan: Plan, member: Member) -> list[Note]:
    """A grid of roots, fifths, octaves and approaches; the first note of every chord is its root."""
    lines = plan.genre.bass
    grid = one_of(dice(plan.seed, "bass grid", section.style.grid), lines.grids)
    notes: list[Note] = []
    rooted: ChordSpan | None = None
    for bar in section.bars_of(member.part.id):
        signs = cells(grid, bar, plan.steps_per_bar)
        for step, sign in enumerate(_with_kicks(signs, section, plan, bar)):
            if sign in ".-":
                continue
            tick = (bar * plan.steps_per_bar + step) * STEP_TICKS
            span = section.chord_at(tick)
            if span != rooted:
                sign, rooted = "r", span
            elif sign in "os" and not section.is_loud and dice(plan.seed, "ornament", bar % 4, step).random() < 0.5:
                sign = "r"
            held = 1 + len(signs[step + 1 :]) - len(signs[step + 1 :].lstrip("-"))
            length = min(held * STEP_TICKS - STEP_TICKS // 6, span.end_tick - tick)
            notes.append(_note(tick, length, _pitch(sign, span, section, plan), 104 if step == 0 else 90))
    return notes


def _with_kicks(signs: str, section: PlannedSection, plan: Plan, bar: int) -> str:
    """The grid with a root under some of the kicks that fall in its rests."""
    share = plan.genre.bass.numbers["follow_kick"]
    out = list(signs)
    for step in kick_steps(section, plan, bar):
        if out[step] == "." and dice(plan.seed, "with kick", bar % _PHRASE_BARS, step).random() < share:
            out[step] = "r"
    return "".join(out)


def _pitch(sign: str, span: ChordSpan, section: PlannedSection, plan: Plan) -> int:
    lines, chord = plan.genre.bass, span.chord
    root = root_pitch(chord, lines.low)
    if sign == "o":
        return root + 12 if root + 12 <= lines.high else root
    if sign in "fts":
        wanted = {"f": (7, 6, 8), "t": (3, 4, 5, 2), "s": (10, 11, 9, 7)}[sign]
        interval = next((i for i in wanted if i in chord.intervals), 0)
        above = (chord.root + interval - root) % 12
        return root + above if root + above <= lines.high else root + above - 12
    if sign == "a":
        return _approach(root, _next_root(span, section, plan), plan, chord)
    return root


def _next_root(span: ChordSpan, section: PlannedSection, plan: Plan) -> int:
    place = section.chords.index(span)
    following = section.chords[(place + 1) % len(section.chords)]
    return root_pitch(following.chord, plan.genre.bass.low)


def _approach(root: int, goal: int, plan: Plan, chord: Chord) -> int:
    """The tone of the key a step from where the line goes, on the side it comes from; the fifth if it goes nowhere."""
    if goal == root:
        return root + 7 if (root + 7) % 12 in (*chord.pitch_classes, *plan.key.pitch_classes) else root
    side = -1 if goal > root else 1
    for distance in (1, 2, 3):
        pitch = goal + side * distance
        if pitch % 12 in plan.key.pitch_classes and pitch >= plan.genre.bass.low - 2:
            return pitch
    return root


# -- both ---------------------------------------------------------------------------------------------------------


def _note(tick: int, length_ticks: int, pitch: int, velocity: int, glide_ticks: int = 0) -> Note:
    return Note(
        start_tick=tick, length_ticks=max(length_ticks, 1), pitch=pitch, velocity=velocity, glide_ticks=glide_ticks
    )


def _cut(notes: list[Note], section: PlannedSection) -> list[Note]:
    return _one_at_a_time(notes, section)


def _one_at_a_time(notes: list[Note], section: PlannedSection) -> list[Note]:
    """Each note ends where the next begins, or with the section."""
    out = []
    for index, note in enumerate(notes):
        end = notes[index + 1].start_tick if index + 1 < len(notes) else section.length_ticks
        length = min(note.length_ticks, end - note.start_tick)
        if length > 0:
            out.append(_note(note.start_tick, length, note.pitch, note.velocity, note.glide_ticks))
    return out
