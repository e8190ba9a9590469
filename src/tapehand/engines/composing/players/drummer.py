"""The drummer: kick, snare, hats, percussion and cymbals from the genre's grids, with changes, fills and drop-outs."""

from collections.abc import Iterator
from typing import Final

from tapehand.engines.composing.chance import dice, one_of
from tapehand.engines.composing.feel import cells
from tapehand.engines.composing.plan import PIECES, STEP_TICKS, Member, Plan, PlannedSection
from tapehand.music.notes import Note

_VELOCITIES: Final = {"X": 116, "x": 100, "g": 48, "o": 44}
_HIT_TICKS: Final = STEP_TICKS // 2
_BACKBEAT: Final = frozenset({"snare", "clap", "rim", "snap"})
_PHRASE_BARS: Final = 4
_TOMS: Final = ("tom_high", "tom_high", "tom_mid", "tom_low")


def play(section: PlannedSection, plan: Plan, member: Member) -> list[Note]:
    """The notes of one drum track in a section, on the grid."""
    notes: list[Note] = []
    for piece in member.pieces:
        if piece == "crash":
            notes += _crashes(section, plan, member)
        elif section.kind == "build" and piece in _BACKBEAT:
            notes += _build_roll(section, PIECES[piece], plan)
        else:
            for bar in section.bars_of(member.part.id):
                notes += _bar(section, plan, member, piece, bar)
    notes += _fill_notes(section, plan, member)
    return _without_doubles(notes)


def kick_steps(section: PlannedSection, plan: Plan, bar: int) -> list[int]:
    """The sixteenths (from 0) on which the kick falls in a bar, fills and drop-outs obeyed; none where it is silent."""
    member = plan.member("kick")
    if member is None or "kick" not in member.pieces or bar not in section.bars_of("kick"):
        return []
    return [
        note.start_tick // STEP_TICKS - bar * plan.steps_per_bar for note in _bar(section, plan, member, "kick", bar)
    ]


def fill_style(section: PlannedSection, plan: Plan, bar: int) -> str:
    """How the drums lead out of a bar: a style of the genre, ``""`` for bars that simply go on."""
    if "snare" not in section.style.parts or bar not in section.bars_of("snare") or section.kind == "build":
        return ""
    ends = bar == section.bars - 1
    if not ends and (bar + 1) % plan.genre.fill_every_bars:
        return ""
    if ends and section.leads_up:
        return "kick_out"
    style = one_of(dice(plan.seed, "fill", section.kind, section.occurrence, bar), plan.genre.fill_styles)
    return "snare_run" if style == "toms" and plan.member("percussion") is None else style


def grid_of(plan: Plan, piece: str, kind: str) -> str:
    """The grid of a piece that this song uses in calm or full sections."""
    if plan.half_time and piece in _BACKBEAT:
        return "........X......."
    return one_of(dice(plan.seed, "grid", piece, kind), plan.genre.grids[piece][kind])


def _bar(section: PlannedSection, plan: Plan, member: Member, piece: str, bar: int) -> list[Note]:
    signs = _signs(section, plan, piece, bar)
    style = fill_style(section, plan, bar)
    silent_from = plan.steps_per_bar - _silent_steps(section, style, piece)
    notes = []
    for step, sign in enumerate(signs):
        if step >= silent_from or sign == ".":
            continue
        velocity = _velocity(sign, plan, member, (piece, section.style.grid, bar % _PHRASE_BARS, step))
        if velocity:
            notes.append(_hit(bar * plan.steps_per_bar + step, PIECES[piece], velocity))
    return notes


def _signs(section: PlannedSection, plan: Plan, piece: str, bar: int) -> str:
    """A bar of the piece's grid, with the small change that every fourth bar brings."""
    signs = cells(grid_of(plan, piece, section.style.grid), bar, plan.steps_per_bar)
    if piece in _BACKBEAT and plan.metre.unit == 8 and plan.metre.beats % 3 == 0:
        signs = "".join("X" if step % 12 == 6 else "." for step in range(plan.steps_per_bar))
    if (bar + 1) % plan.genre.change_every_bars or len(signs) < 16:
        return signs
    throw = dice(plan.seed, "change", piece, section.style.grid, bar % 8)
    if piece == "open_hat" and throw.random() < 0.7:
        return signs[:14] + "x" + signs[15:]
    if piece == "kick" and "X...X...X...X" not in signs and throw.random() < 0.6:
        place = one_of(throw, [step for step in (9, 11, 13, 14, 15) if signs[step] == "."] or [14])
        return signs[:place] + "x" + signs[place + 1 :]
    return signs


def _silent_steps(section: PlannedSection, style: str, piece: str) -> int:
    """How many sixteenths at the end of a bar a piece leaves out for the fill."""
    if piece == "kick" and style == "kick_out":
        return 8 if section.leads_up else 4
    if piece in ("closed_hat", "open_hat") and style in ("hat_stop", "toms"):
        return 4
    if piece in _BACKBEAT and style in ("snare_run", "clap_run"):
        return 4
    return 0


def _velocity(sign: str, plan: Plan, member: Member, place: tuple[object, ...]) -> int:
    """The touch of a hit; 0 where chance leaves it out."""
    throw = dice(plan.seed, "hit", *place).random()
    if sign.isdigit():
        return 84 if throw < int(sign) / 10 * (0.7 + 0.6 * plan.energy) * member.density else 0
    if sign == "o" and throw > 0.5 * member.density:
        return 0
    if member.density < 1.0 and sign in "xg" and throw > member.density:
        return 0
    return _VELOCITIES[sign]


def _crashes(section: PlannedSection, plan: Plan, member: Member) -> list[Note]:
    """A crash where a section opens, softer again after sixteen bars."""
    if member.part.id not in section.style.parts:
        return []
    opening = section.is_loud or section.kind == "groove"
    return [
        _hit(bar * plan.steps_per_bar, PIECES["crash"], 108 if bar == 0 else 84, 4 * STEP_TICKS)
        for bar in range(0, section.bars, 16)
        if opening
    ]


def _build_roll(section: PlannedSection, pitch: int, plan: Plan) -> Iterator[Note]:
    """Quarters, then eighths, then sixteenths, ever louder; the last beat is left empty."""
    steps = section.bars * plan.steps_per_bar
    for step in range(steps - 4):
        done = step / steps
        every = 4 if done < 0.5 else 2 if done < 0.75 else 1
        if step % every == 0:
            yield _hit(step, pitch, 58 + round(62 * done))


def _fill_notes(section: PlannedSection, plan: Plan, member: Member) -> list[Note]:
    """What a track adds in the bars that lead out."""
    notes: list[Note] = []
    for bar in range(section.bars):
        style = fill_style(section, plan, bar)
        first = (bar + 1) * plan.steps_per_bar - 4
        if member.part.id == "snare" and style:
            piece = PIECES[member.pieces[0]]
            notes += [_hit(first + step, piece, velocity) for step, velocity in _snare_fill(style, plan, section, bar)]
        if member.part.id == "percussion" and style == "toms":
            notes += [_hit(first + step, PIECES[tom], 92 + 6 * step) for step, tom in enumerate(_TOMS)]
    return notes


def _snare_fill(style: str, plan: Plan, section: PlannedSection, bar: int) -> list[tuple[int, int]]:
    """Sixteenths of the last beat with their touch."""
    if style == "snare_run":
        return [(0, 84), (1, 76), (2, 94), (3, 108)]
    if style == "clap_run":
        return [(0, 112), (2, 92), (3, 100)]
    if style == "snare_ghosts":
        return [(1, 46), (2, 52), (3, 60)]
    if style == "kick_out":
        return [(2, 70), (3, 92)] if dice(plan.seed, "pickup", section.form.name, bar).random() < 0.5 else [(3, 88)]
    return [(3, 72)]


def _hit(step: int, pitch: int, velocity: int, length_ticks: int = _HIT_TICKS) -> Note:
    return Note(start_tick=step * STEP_TICKS, length_ticks=length_ticks, pitch=pitch, velocity=velocity)


def _without_doubles(notes: list[Note]) -> list[Note]:
    """One note for each place and pitch: the loudest."""
    best: dict[tuple[int, int], Note] = {}
    for note in notes:
        place = (note.start_tick, note.pitch)
        if place not in best or best[place].velocity < note.velocity:
            best[place] = note
    return sorted(best.values())
