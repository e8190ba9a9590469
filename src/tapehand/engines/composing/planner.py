"""The planner: from a full brief to the plan that everybody plays from."""

from dataclasses import replace

from tapehand.catalogue.loading import load
from tapehand.engines.composing.brief import Understood
from tapehand.engines.composing.changes import Loop, loops_of, spans_of
from tapehand.engines.composing.genre import SectionStyle
from tapehand.engines.composing.outline import outline_of
from tapehand.engines.composing.plan import LOUD_KINDS, Plan, PlannedSection
from tapehand.engines.composing.roster import roster_of
from tapehand.music.form import Section


def make_plan(understood: Understood, seed: int) -> Plan:
    """The plan of a brief: same brief and seed, same plan."""
    genre, metre = understood.genre, understood.metre
    outline = outline_of(understood, seed)
    verse_loop, hook_loop = loops_of(understood, seed)
    roster, missing = roster_of(understood, seed)
    absent = [kind for kind in understood.wishes.sections if kind not in {kind for kind, _ in outline}]
    missing += tuple(f"this form of {genre.name} has no {kind}" for kind in absent)
    sections = _planned(understood, outline, verse_loop, hook_loop, {member.part.id for member in roster})
    return Plan(
        seed=seed, genre=genre, tempo_bpm=understood.tempo_bpm, key=understood.key, metre=metre,
        swing_percent=understood.swing_percent, energy=understood.energy,
        half_time=understood.wishes.facts.half_time and genre.id != "trap",
        sections=sections, roster=roster, loop=tuple(chord for chord, _ in verse_loop), missing=missing,
    )  # fmt: skip


def _planned(
    understood: Understood, outline: list[tuple[str, int]], verse: Loop, hook: Loop, on: set[str]
) -> tuple[PlannedSection, ...]:
    names = {kind: row["name"] for kind, row in load("form")["kinds"].items()}
    kinds = [kind for kind, _ in outline]
    bar_ticks = understood.metre.bar_ticks
    planned, start_bar = [], 1
    for index, (kind, bars) in enumerate(outline):
        occurrence = kinds[: index + 1].count(kind)
        last = kind not in kinds[index + 1 :]
        style = _style(understood, kind, occurrence, last, on, kinds)
        name = f"{names[kind]} {occurrence}" if kinds.count(kind) > 1 else names[kind]
        planned.append(
            PlannedSection(
                form=Section(name=name, kind=kind, start_bar=start_bar, bars=bars, energy=style.energy),
                occurrence=occurrence,
                last_of_kind=last,
                next_kind=kinds[index + 1] if index + 1 < len(kinds) else None,
                previous_kind=kinds[index - 1] if index else None,
                style=style,
                chords=spans_of(hook if kind in LOUD_KINDS else verse, bars, bar_ticks),
                metre=understood.metre,
            )
        )
        start_bar += bars
    return tuple(planned)


def _style(
    understood: Understood, kind: str, occurrence: int, last: bool, on: set[str], kinds: list[str]
) -> SectionStyle:
    """The genre's style for a kind of section, with the parts that join later and those the brief brought in."""
    sections = understood.genre.sections
    style = sections.get(kind) or sections["verse"]
    parts = list(style.parts) + (list(style.later) if occurrence > 1 or (last and kind in LOUD_KINDS) else [])
    brought = {*(sound.part for sound in understood.wishes.sounds), *understood.wishes.parts} & on
    if kind in (*LOUD_KINDS, "verse", "groove") or len(kinds) == 1:
        parts += sorted(brought - set(parts))
    parts = [part for part in dict.fromkeys(parts) if part in on]
    if not parts:
        parts = sorted(on)
    scale = 0.75 + 0.5 * understood.energy
    energy = min(1.0, style.energy * scale + (0.05 if occurrence > 1 else 0.0))
    return replace(style, parts=tuple(parts), energy=round(energy, 3))
