"""The plan of a beat: form and energy, chords, who plays, and which of the genre's variants this song uses."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Final

from tapehand.catalogue.loading import load
from tapehand.engines.composing.brief import Understood, excluded_pieces
from tapehand.engines.composing.chance import dice, one_of, weighted
from tapehand.engines.composing.genre import FormTemplate, Genre, Part, Progression, SectionStyle
from tapehand.music.chord import Chord
from tapehand.music.chord_symbols import chord_named, diatonic_chord
from tapehand.music.form import Section
from tapehand.music.key import Key
from tapehand.music.time import PPQ, Metre

STEP_TICKS: Final = PPQ // 4
PIECES: Final[Mapping[str, int]] = {
    "kick": 36, "rim": 37, "snare": 38, "clap": 39, "closed_hat": 42, "open_hat": 46, "tom_low": 41, "tom_mid": 45,
    "tom_high": 48, "crash": 49, "ride": 51, "tambourine": 54, "cowbell": 56, "conga": 63, "shaker": 70, "claves": 75,
    "snap": 82,
}  # fmt: skip
_STRETCH_ORDER: Final = ("verse", "groove", "drop", "hook", "break", "outro", "intro", "bridge", "build", "pre")
_LOUD: Final = ("hook", "drop")


@dataclass(frozen=True, slots=True, kw_only=True)
class ChordSpan:
    """A chord and where it sounds, in ticks from the section's start."""

    start_tick: int
    length_ticks: int
    chord: Chord

    @property
    def end_tick(self) -> int:
        return self.start_tick + self.length_ticks


@dataclass(frozen=True, slots=True, kw_only=True)
class PlannedSection:
    """A section with all a player must know of it. ``occurrence`` counts from 1 within its kind."""

    form: Section
    occurrence: int
    last_of_kind: bool
    next_kind: str | None
    previous_kind: str | None
    style: SectionStyle
    chords: tuple[ChordSpan, ...]
    metre: Metre

    @property
    def kind(self) -> str:
        return self.form.kind

    @property
    def bars(self) -> int:
        return self.form.bars

    @property
    def bar_ticks(self) -> int:
        return self.metre.bar_ticks

    @property
    def start_tick(self) -> int:
        """Position in the song."""
        return (self.form.start_bar - 1) * self.bar_ticks

    @property
    def length_ticks(self) -> int:
        return self.bars * self.bar_ticks

    @property
    def is_loud(self) -> bool:
        """Whether this is where the song opens up."""
        return self.kind in _LOUD

    @property
    def leads_up(self) -> bool:
        """Whether the next section is one the song opens up in."""
        return self.next_kind in _LOUD and not self.is_loud

    def chord_at(self, tick: int) -> ChordSpan:
        """The chord that sounds at a tick of the section."""
        return next((span for span in reversed(self.chords) if span.start_tick <= tick), self.chords[0])

    def bars_of(self, part_id: str) -> range:
        """The bars (from 0) of the section in which a part is on."""
        if part_id not in self.style.parts:
            return range(0)
        first = round(self.style.enter.get(part_id, 0.0) * self.bars)
        last = round(self.style.leave.get(part_id, 1.0) * self.bars)
        return range(first, max(last, min(first + 1, self.bars)))


@dataclass(frozen=True, slots=True, kw_only=True)
class Member:
    """A part that plays in this song, with its sound. ``density`` 0..2 thins or thickens it, 1 is as written."""

    part: Part
    patch: str
    pieces: tuple[str, ...] = ()
    density: float = 1.0
    sounds: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """Everything the players share. ``motif_seed`` and the rest hang on ``seed`` by name."""

    seed: int
    genre: Genre
    tempo_bpm: float
    key: Key
    metre: Metre
    swing_percent: float
    energy: float
    half_time: bool
    sections: tuple[PlannedSection, ...]
    roster: tuple[Member, ...]
    loop: tuple[Chord, ...]
    missing: tuple[str, ...] = ()

    @property
    def bars(self) -> int:
        return sum(section.bars for section in self.sections)

    @property
    def steps_per_bar(self) -> int:
        return self.metre.bar_ticks // STEP_TICKS

    def ms_to_ticks(self, time_ms: float) -> float:
        """Ticks of a time at the song's tempo."""
        return time_ms / 1000.0 * self.tempo_bpm / 60.0 * PPQ

    def member(self, part_id: str) -> Member | None:
        """Who plays a part, None if nobody does."""
        return next((member for member in self.roster if member.part.id == part_id), None)


def make_plan(understood: Understood, seed: int) -> Plan:
    """The plan of a brief: same brief and seed, same plan."""
    genre, metre = understood.genre, understood.metre
    outline = _outline(understood, seed)
    verse_loop, hook_loop = _loops(understood, seed)
    roster, missing = _roster(understood, seed)
    sections = _planned(understood, outline, verse_loop, hook_loop, {member.part.id for member in roster})
    return Plan(
        seed=seed, genre=genre, tempo_bpm=understood.tempo_bpm, key=understood.key, metre=metre,
        swing_percent=understood.swing_percent, energy=understood.energy,
        half_time=understood.wishes.facts.half_time and genre.id != "trap",
        sections=sections, roster=roster, loop=tuple(chord for chord, _ in verse_loop), missing=missing,
    )  # fmt: skip


# -- form ---------------------------------------------------------------------------------------------------------


def _outline(understood: Understood, seed: int) -> list[tuple[str, int]]:
    """Section kinds with bars that add up to the song."""
    facts, bars = understood.wishes.facts, understood.bars
    if facts.form:
        default = {kind: length for form in understood.genre.forms for kind, length in form.sections}
        outline = [(kind, length or default.get(kind, 8)) for kind, length in facts.form]
        return _fitted(outline, bars)
    if bars < 4:
        return [("drop" if "drop" in understood.genre.sections else "hook", bars)]
    outline = _nearest_form(understood, seed)
    fixed = dict(facts.section_bars)
    outline = [(kind, fixed.get(kind, length)) for kind, length in outline]
    return _fitted(outline, bars, frozenset(fixed))


def _nearest_form(understood: Understood, seed: int) -> list[tuple[str, int]]:
    """One of the genre's forms whose length comes near the song's, seeded among those that come near enough."""
    wished = {*understood.wishes.sections, *(kind for kind, _ in understood.wishes.facts.section_bars)}
    unwanted = understood.wishes.excluded_sections
    candidates: list[tuple[float, float, list[tuple[str, int]]]] = []
    for form in understood.genre.forms:
        for times in range(60):
            outline = [pair for pair in _repeated(form, times) if pair[0] not in unwanted]
            total = sum(length for _, length in outline)
            lacking = len(wished - {kind for kind, _ in outline})
            plain = 20 if understood.bars > 16 and len({kind for kind, _ in outline}) < 4 else 0
            distance = abs(total - understood.bars) + 40 * lacking + plain + 2 * times
            candidates.append((distance, form.weight, outline))
            if total > understood.bars:
                break
    best = min(distance for distance, _, _ in candidates)
    near = [(weight, outline) for distance, weight, outline in candidates if distance <= best + understood.bars * 0.12 and outline]
    weights = {index: weight + 0.01 for index, (weight, _) in enumerate(near)}
    return near[weighted(dice(seed, "form"), weights)][1]


def _repeated(form: FormTemplate, times: int) -> list[tuple[str, int]]:
    first, last = form.repeat
    return [*form.sections[:last], *(form.sections[first:last] * times), *form.sections[last:]]


def _fitted(outline: list[tuple[str, int]], bars: int, fixed: frozenset[str] = frozenset()) -> list[tuple[str, int]]:
    """The outline stretched or cut to the song's bars: fours from the roomiest sections, the rest at the edges."""
    lengths = [length for _, length in outline]
    kinds = [kind for kind, _ in outline]
    difference = bars - sum(lengths)
    while abs(difference) >= 4:
        step = 4 if difference > 0 else -4
        open_to = [i for i, kind in enumerate(kinds) if kind not in fixed and (step > 0 or lengths[i] > 4)]
        if not open_to:
            break
        sign = 1 if step > 0 else -1
        choice = min(open_to, key=lambda i: (sign * lengths[i] // 8, _STRETCH_ORDER.index(kinds[i]), -i * sign))
        lengths[choice] += step
        difference -= step
    while difference < 0 and len(lengths) > 1:
        edge = min(range(len(lengths)), key=lambda i: (kinds[i] in fixed, kinds[i] not in ("outro", "intro"), -i))
        cut = min(lengths[edge], -difference)
        lengths[edge] -= cut
        difference += cut
        if lengths[edge] == 0:
            del lengths[edge], kinds[edge]
    loose = [i for i, kind in enumerate(kinds) if kind not in fixed] or [len(kinds) - 1]
    lengths[loose[-1]] += difference
    return list(zip(kinds, lengths, strict=True))


# -- chords -------------------------------------------------------------------------------------------------------

Loop = list[tuple[Chord, int]]


def _loops(understood: Understood, seed: int) -> tuple[Loop, Loop]:
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


def _spans(loop: Loop, bars: int, bar_ticks: int) -> tuple[ChordSpan, ...]:
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


# -- sections -----------------------------------------------------------------------------------------------------


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
                chords=_spans(hook if kind in _LOUD else verse, bars, bar_ticks),
                metre=understood.metre,
            )
        )
        start_bar += bars
    return tuple(planned)


def _style(understood: Understood, kind: str, occurrence: int, last: bool, on: set[str], kinds: list[str]) -> SectionStyle:
    """The genre's style for a kind of section, with the parts that join later and those the brief brought in."""
    sections = understood.genre.sections
    style = sections.get(kind) or sections["verse"]
    parts = list(style.parts) + (list(style.later) if occurrence > 1 or (last and kind in _LOUD) else [])
    brought = {*(sound.part for sound in understood.wishes.sounds), *understood.wishes.parts} & on
    if kind in (*_LOUD, "verse", "groove") or len(kinds) == 1:
        parts += sorted(brought - set(parts))
    parts = [part for part in dict.fromkeys(parts) if part in on]
    if not parts:
        parts = sorted(on)
    scale = 0.75 + 0.5 * understood.energy
    energy = min(1.0, style.energy * scale + (0.05 if occurrence > 1 else 0.0))
    return replace(style, parts=tuple(parts), energy=round(energy, 3))


# -- roster -------------------------------------------------------------------------------------------------------


def _roster(understood: Understood, seed: int) -> tuple[tuple[Member, ...], tuple[str, ...]]:
    """Who plays: the genre's parts that are core, asked for or thrown by the dice, less what was excluded."""
    wishes, genre = understood.wishes, understood.genre
    asked = {*(sound.part for sound in wishes.sounds), *wishes.parts}
    moods = load("moods")["moods"]
    brought = {part for mood in wishes.moods for part in moods[mood].get("brings", ())}
    members, missing = [], []
    for part in genre.parts:
        if part.id in wishes.excluded_parts or (wishes.only and part.id not in asked):
            continue
        if part.id not in asked | brought and dice(seed, "roster", part.id).random() >= _chance(part, understood.energy):
            continue
        member = _member(part, understood, seed, frozenset(member.patch for member in members))
        if member is None:
            missing.append(f"nothing is left to play the {part.name.lower()} once all that was excluded is gone")
        else:
            members.append(member)
    missing += [f"{genre.name} has no {part} here" for part in sorted(asked) if genre.part(part) is None]
    return _with_second_voices(members, understood), tuple(missing)


def _chance(part: Part, energy: float) -> float:
    return part.chance if part.chance >= 1.0 else min(1.0, part.chance * (0.5 + energy))


def _member(part: Part, understood: Understood, seed: int, taken: frozenset[str]) -> Member | None:
    wishes = understood.wishes
    unwanted = {sound.patch for sound in wishes.excluded_sounds if sound.patch}
    said = [sound for sound in wishes.sounds if sound.part == part.id]
    patches = [patch for patch in part.patches if patch not in unwanted]
    if not patches:
        return None
    fresh = [patch for patch in patches if patch not in taken] if not part.pieces else patches
    patch = next((sound.patch for sound in said if sound.patch), None)
    patch = patch or _preferred(fresh or patches, understood, seed, part.id)
    pieces = _pieces(part, understood, seed, [sound.piece for sound in said if sound.piece])
    if part.pieces and not pieces:
        return None
    density = 1.0
    for part_id, amount in wishes.amounts:
        density *= amount if part_id == part.id else 1.0
    return Member(part=part, patch=patch, pieces=pieces, density=density, sounds=tuple(sound.name for sound in said))


def _preferred(patches: list[str], understood: Understood, seed: int, part_id: str) -> str:
    """One of the patches, those that suit the moods four times as often."""
    moods = load("moods")["moods"]
    tones = {tone for mood in understood.moods for tone in moods[mood]["tones"]}
    weights = {patch: patches.count(patch) * (4.0 if patch in tones else 1.0) for patch in patches}
    return weighted(dice(seed, "patch", part_id), weights)


def _pieces(part: Part, understood: Understood, seed: int, said: list[int]) -> tuple[str, ...]:
    """The drum pieces of a part: of alternatives (``a|b``) one is thrown, said ones join, excluded ones go."""
    gone = excluded_pieces(understood.wishes.excluded_sounds)
    pieces = []
    for index, choice in enumerate(part.pieces):
        options = [piece for piece in choice.split("|") if PIECES[piece] not in gone and piece not in pieces]
        asked = [piece for piece in options if PIECES[piece] in said]
        if options:
            pieces.append(asked[0] if asked else one_of(dice(seed, "piece", part.id, index), options))
    names = {pitch: piece for piece, pitch in PIECES.items()}
    pieces += [names[pitch] for pitch in said if names.get(pitch) not in pieces and pitch not in gone]
    return tuple(dict.fromkeys(pieces))


def _with_second_voices(members: list[Member], understood: Understood) -> tuple[Member, ...]:
    """A track more for every further sound asked of a part that already plays another (piano and organ, bell and flute)."""
    out: list[Member] = []
    for member in members:
        out.append(member)
        said = [s for s in understood.wishes.sounds if s.part == member.part.id and s.patch and s.patch != member.patch]
        if member.part.player == "fx":
            out[-1] = replace(member, sounds=tuple(s.patch for s in understood.wishes.sounds if s.part == "fx" and s.patch))
            continue
        for number, sound in enumerate(said, start=2):
            part = replace(member.part, id=f"{member.part.id}-{number}", pan=-member.part.pan or 0.25, level_db=member.part.level_db - 2)
            out.append(replace(member, part=part, patch=str(sound.patch), sounds=(sound.name,)))
    return tuple(out)
