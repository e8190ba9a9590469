"""The plan of a beat: what the players share, and what each of them must know of a section."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from tapehand.engines.composing.genre import Genre, Part, SectionStyle
from tapehand.music.chord import Chord
from tapehand.music.form import Section
from tapehand.music.key import Key
from tapehand.music.time import PPQ, Metre

STEP_TICKS: Final = PPQ // 4
PIECES: Final[Mapping[str, int]] = {
    "kick": 36, "rim": 37, "snare": 38, "clap": 39, "closed_hat": 42, "open_hat": 46, "tom_low": 41, "tom_mid": 45,
    "tom_high": 48, "crash": 49, "ride": 51, "tambourine": 54, "cowbell": 56, "conga": 63, "shaker": 70, "claves": 75,
    "snap": 82,
}  # fmt: skip
LOUD_KINDS: Final = ("hook", "drop")


@dataclass(frozen=True, slots=True, kw_only=True)
class ChordSpan:
    """A chord and where it sounds, in ticks from the section's start."""

    start_tick: int
    length_ticks: int
    chord: Chord

    @property
    def end_tick(self) -> int:
        """The tick after its last one."""
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
        """The section's kind, a word of ``catalogue/form.toml``."""
        return self.form.kind

    @property
    def bars(self) -> int:
        """How many bars the section has."""
        return self.form.bars

    @property
    def bar_ticks(self) -> int:
        """Ticks of one bar."""
        return self.metre.bar_ticks

    @property
    def start_tick(self) -> int:
        """Position in the song."""
        return (self.form.start_bar - 1) * self.bar_ticks

    @property
    def length_ticks(self) -> int:
        """Ticks of the whole section."""
        return self.bars * self.bar_ticks

    @property
    def is_loud(self) -> bool:
        """Whether this is where the song opens up."""
        return self.kind in LOUD_KINDS

    @property
    def leads_up(self) -> bool:
        """Whether the next section is one the song opens up in."""
        return self.next_kind in LOUD_KINDS and not self.is_loud

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
        """How many bars the song has."""
        return sum(section.bars for section in self.sections)

    @property
    def steps_per_bar(self) -> int:
        """Sixteenths in a bar."""
        return self.metre.bar_ticks // STEP_TICKS

    def ms_to_ticks(self, time_ms: float) -> float:
        """Ticks of a time at the song's tempo."""
        return time_ms / 1000.0 * self.tempo_bpm / 60.0 * PPQ

    def member(self, part_id: str) -> Member | None:
        """Who plays a part, None if nobody does."""
        return next((member for member in self.roster if member.part.id == part_id), None)
