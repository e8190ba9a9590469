"""A genre as data: what ``catalogue/genres/<name>.toml`` says, checked and typed."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cache
from types import MappingProxyType

from tapehand.catalogue.loading import load
from tapehand.catalogue.table import Table
from tapehand.music.key import MODES
from tapehand.music.pitch import pitch_class
from tapehand.song.processors import Band, BandKind, Delay, HighPass, Reverb

STEPS = 16
_DRUM_SIGNS = frozenset("Xxgo.123456789")
_BASS_SIGNS = frozenset("rftsoa-.")
_COMP_SIGNS = frozenset("xs-.")


@dataclass(frozen=True, slots=True, kw_only=True)
class Progression:
    """Scale degrees from 1, each for ``bars_each`` bars."""

    degrees: tuple[int, ...]
    bars_each: int
    weight: float


@dataclass(frozen=True, slots=True, kw_only=True)
class FormTemplate:
    """Section kinds with bars; ``repeat`` is the slice that longer songs play again."""

    sections: tuple[tuple[str, int], ...]
    repeat: tuple[int, int]
    weight: float

    @property
    def bars(self) -> int:
        """How many bars it has, played once."""
        return sum(bars for _, bars in self.sections)


@dataclass(frozen=True, slots=True, kw_only=True)
class SectionStyle:
    """How a kind of section is played: which parts, which of them only from the second time on, who comes and goes.

    ``enter`` and ``leave`` give, for a part, the share of the section (0..1) before it comes in or after it stops.
    """

    energy: float
    grid: str
    parts: tuple[str, ...]
    later: tuple[str, ...]
    enter: Mapping[str, float]
    leave: Mapping[str, float]


@dataclass(frozen=True, slots=True, kw_only=True)
class Feel:
    """Time and touch: the drift all share, the scatter and lay-back of each part, accents by place in the bar."""

    drift_ms: float
    jitter_ms: Mapping[str, float]
    lay_back_ms: Mapping[str, float]
    accents: Mapping[str, float]
    velocity_spread: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Ducking:
    """A side-chain compressor driven by another part."""

    by: str
    threshold_db: float
    ratio: float
    attack_ms: float
    release_ms: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Squeeze:
    """A part's own compressor."""

    threshold_db: float
    ratio: float
    attack_ms: float
    release_ms: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Part:
    """One track of the beat as the genre knows it.

    ``level_db`` is the wished loudness (LUFS) while it plays; sends are relative to that, None is no send. ``chance``
    is how often the genre brings the part unasked.
    """

    id: str
    name: str
    player: str
    patches: tuple[str, ...]
    level_db: float
    pieces: tuple[str, ...] = ()
    pan: float = 0.0
    chance: float = 1.0
    high_pass: HighPass | None = None
    bands: tuple[Band, ...] = ()
    squeeze: Squeeze | None = None
    ducking: Ducking | None = None
    reverb_db: float | None = None
    delay_db: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Lines:
    """The grids of a pitched player and the register it keeps to (MIDI numbers)."""

    low: int
    high: int
    grids: tuple[str, ...]
    others: tuple[str, ...] = ()
    numbers: Mapping[str, float] = field(default_factory=dict)
    glide_ms: tuple[float, float] = (0.0, 0.0)


@dataclass(frozen=True, slots=True, kw_only=True)
class Roll:
    """A burst of hats: first sixteenth (from 0), length in sixteenths, ticks from hit to hit."""

    start_step: int
    steps: int
    every_ticks: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Genre:
    """Everything the players and the planner know of a genre.

    ``wet_lu`` is how loud the reverb and the delay return are against the mix.
    """

    id: str
    name: str
    tempo_bpm: tuple[float, float]
    length_s: float
    energy: float
    swing_percent: tuple[float, float]
    tonics: tuple[int, ...]
    modes: Mapping[str, float]
    chord_size: int
    feel: Feel
    fill_every_bars: int
    change_every_bars: int
    fill_styles: tuple[str, ...]
    progressions: tuple[Progression, ...]
    forms: tuple[FormTemplate, ...]
    sections: Mapping[str, SectionStyle]
    grids: Mapping[str, Mapping[str, tuple[str, ...]]]
    bass: Lines
    comping: Lines
    lead: Lines
    counter: Lines
    stabs: Lines
    rolls: tuple[Roll, ...]
    roll_chances: tuple[float, float]
    parts: tuple[Part, ...]
    reverb: Reverb
    delay_quarters: float
    delay: Delay
    wet_lu: tuple[float, float]

    def part(self, part_id: str) -> Part | None:
        """The part of that id, None where the genre has none."""
        return next((part for part in self.parts if part.id == part_id), None)


@cache
def genre_named(genre_id: str) -> Genre:
    """The genre of ``catalogue/genres/<genre_id>.toml``. Raises InputError for a table that does not hold together."""
    return read_genre(genre_id, load(f"genres/{genre_id}"))


def read_genre(genre_id: str, values: Mapping[str, object]) -> Genre:
    """A genre from its table; every value out of place raises InputError ``catalogue.invalid`` with its place."""
    table = Table(f"genres/{genre_id}", values)
    fills, rolls, space = table.table("fills"), table.table("rolls", {}), table.table("space")
    delay = space.table("delay")
    return Genre(
        id=genre_id,
        name=table.text("name"),
        tempo_bpm=table.pair("tempo_bpm", 30, 300),
        length_s=table.number("length_s", 4, 900),
        energy=table.number("energy", 0, 1),
        swing_percent=table.pair("swing_percent", 50, 75),
        tonics=tuple(pitch_class(name) for name in table.texts("tonics")),
        modes=_modes(table),
        chord_size=int(table.number("chord_size", 3, 9)),
        feel=_feel(table.table("feel")),
        fill_every_bars=int(fills.number("every_bars", 2, 64)),
        change_every_bars=int(fills.number("small_every_bars", 1, 64)),
        fill_styles=fills.texts("styles"),
        progressions=tuple(_progression(row) for row in table.rows("progressions")),
        forms=tuple(_form(row) for row in table.rows("forms")),
        sections=MappingProxyType({kind: _section(row) for kind, row in table.tables("sections")}),
        grids=MappingProxyType({piece: _drum_grids(row) for piece, row in table.tables("grids")}),
        bass=_lines(table.table("bass"), _BASS_SIGNS, "breaks"),
        comping=_lines(table.table("comping"), _COMP_SIGNS, "breaks"),
        lead=_lines(table.table("lead"), _COMP_SIGNS, "answers"),
        counter=_lines(table.table("counter"), _COMP_SIGNS, "answers"),
        stabs=_lines(table.table("stabs"), _COMP_SIGNS, "answers"),
        rolls=_rolls(rolls),
        roll_chances=(rolls.number("chance", 0, 1, 0.0), rolls.number("hook_chance", 0, 1, 0.0)),
        parts=tuple(_part(row) for row in table.rows("parts")),
        reverb=_reverb(space.table("reverb")),
        delay_quarters=delay.number("quarters", 0.0625, 4),
        delay=Delay(
            time_s=0.375,
            feedback=delay.number("feedback", 0, 0.9),
            low_cut_hz=delay.number("low_cut_hz", 20, 2000),
            high_cut_hz=delay.number("high_cut_hz", 1000, 20000),
        ),
        wet_lu=(space.table("reverb").number("wet_lu", -40, 0), delay.number("wet_lu", -40, 0)),
    )


def _modes(table: Table) -> Mapping[str, float]:
    modes = table.numbers("modes")
    if not modes or any(mode not in MODES for mode in modes):
        raise table.refuse("modes", f"a table of weights by mode ({', '.join(MODES)})")
    return modes


def _feel(row: Table) -> Feel:
    return Feel(
        drift_ms=row.number("drift_ms", 0, 30),
        jitter_ms=row.numbers("jitter_ms"),
        lay_back_ms=row.numbers("lay_back_ms"),
        accents=row.numbers("accents"),
        velocity_spread=row.number("velocity_spread", 0, 30),
    )


def _progression(row: Table) -> Progression:
    degrees = row.texts("degrees")
    if not degrees or any(degree not in "1234567" for degree in degrees):
        raise row.refuse("degrees", "scale degrees from 1 to 7")
    return Progression(
        degrees=tuple(int(degree) for degree in degrees),
        bars_each=int(row.number("bars_each", 1, 8)),
        weight=row.number("weight", 0, 100),
    )


def _form(row: Table) -> FormTemplate:
    sections = []
    for text in row.texts("sections"):
        kind, _, bars = text.partition(" ")
        if not bars.isdigit() or int(bars) < 1:
            raise row.refuse("sections", 'texts such as "verse 16"')
        sections.append((kind, int(bars)))
    first, last = (int(value) for value in row.pair("repeat", 0, len(sections)))
    return FormTemplate(sections=tuple(sections), repeat=(first, last), weight=row.number("weight", 0, 100))


def _section(row: Table) -> SectionStyle:
    grid = row.text("grid")
    if grid not in ("calm", "full"):
        raise row.refuse("grid", '"calm" or "full"')
    return SectionStyle(
        energy=row.number("energy", 0, 1),
        grid=grid,
        parts=row.texts("parts"),
        later=row.texts("later", ()),
        enter=row.numbers("enter", {}),
        leave=row.numbers("leave", {}),
    )


def _drum_grids(row: Table) -> Mapping[str, tuple[str, ...]]:
    return {kind: _grids(row, kind, _DRUM_SIGNS) for kind in ("calm", "full")}


def _grids(row: Table, key: str, signs: frozenset[str], default: object = None) -> tuple[str, ...]:
    grids = row.texts(key) if default is None else row.texts(key, default)
    for grid in grids:
        if not grid or len(grid) % STEPS or not set(grid) <= signs:
            raise row.refuse(key, f"grids of {STEPS} signs a bar out of {''.join(sorted(signs))}")
    return grids


def _lines(row: Table, signs: frozenset[str], others: str) -> Lines:
    return Lines(
        low=int(row.number("low", 0, 127)),
        high=int(row.number("high", 0, 127)),
        grids=_grids(row, "grids", signs),
        others=_grids(row, others, signs, ()),
        numbers={key: row.number(key, 0, 1, 0.0) for key in ("follow_kick", "glide_chance", "rest")},
        glide_ms=row.pair("glide_ms", 10, 1000) if "glide_ms" in row.values else (0.0, 0.0),
    )


def _rolls(row: Table) -> tuple[Roll, ...]:
    shapes = row.values.get("shapes", [])
    if any(len(shape) != 3 or not 0 <= shape[0] < STEPS or shape[2] < 40 for shape in shapes):
        raise row.refuse("shapes", "lists of first sixteenth, sixteenths, ticks from hit to hit")
    return tuple(Roll(start_step=shape[0], steps=shape[1], every_ticks=shape[2]) for shape in shapes)


def _part(row: Table) -> Part:
    return Part(
        id=row.text("id"),
        name=row.text("name"),
        player=row.text("player"),
        patches=row.texts("patches"),
        level_db=row.number("level_db", -80, 0),
        pieces=row.texts("pieces", ()),
        pan=row.number("pan", -1, 1, 0.0),
        chance=1.0 if row.values.get("core") else row.number("chance", 0, 1),
        high_pass=HighPass(cutoff_hz=row.number("high_pass_hz", 10, 2000)) if "high_pass_hz" in row.values else None,
        bands=tuple(_band(row, values) for values in row.values.get("equalise", [])),
        squeeze=_squeeze(row.table("compress")) if "compress" in row.values else None,
        ducking=_ducking(row.table("duck")) if "duck" in row.values else None,
        reverb_db=row.number("reverb_db", -60, 6) if "reverb_db" in row.values else None,
        delay_db=row.number("delay_db", -60, 6) if "delay_db" in row.values else None,
    )


def _band(row: Table, values: list[object]) -> Band:
    kinds: dict[object, BandKind] = {"peak": "peak", "low_shelf": "low_shelf", "high_shelf": "high_shelf"}
    if len(values) != 4 or values[0] not in kinds:
        raise row.refuse("equalise", "lists of kind (peak, low_shelf, high_shelf), Hz, dB, Q")
    frequency, gain, q = (float(str(value)) for value in values[1:])
    return Band(kind=kinds[values[0]], frequency_hz=frequency, gain_db=gain, q=q)


def _squeeze(row: Table) -> Squeeze:
    return Squeeze(
        threshold_db=row.number("threshold_db", -60, 0),
        ratio=row.number("ratio", 1, 20),
        attack_ms=row.number("attack_ms", 0.1, 200),
        release_ms=row.number("release_ms", 5, 2000),
    )


def _ducking(row: Table) -> Ducking:
    squeeze = _squeeze(row)
    return Ducking(
        by=row.text("by"),
        threshold_db=squeeze.threshold_db,
        ratio=squeeze.ratio,
        attack_ms=squeeze.attack_ms,
        release_ms=squeeze.release_ms,
    )


def _reverb(row: Table) -> Reverb:
    return Reverb(
        decay_s=row.number("decay_s", 0.1, 20),
        pre_delay_ms=row.number("pre_delay_ms", 0, 200),
        size=row.number("size", 0, 1),
        damping_hz=row.number("damping_hz", 500, 20000),
        low_cut_hz=row.number("low_cut_hz", 20, 2000),
        high_cut_hz=row.number("high_cut_hz", 1000, 20000),
    )
