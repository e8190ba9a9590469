"""Parts of a song by the names people give them: tracks, buses, ``mix``, ``song``; and sections."""

from collections.abc import Iterable, Sequence

from tapehand.errors import InputError
from tapehand.music.form import Section
from tapehand.music.time import Place
from tapehand.song.difference import parts
from tapehand.song.lock import WHOLE_SONG
from tapehand.song.mixer import MIX
from tapehand.song.op import AddBus, AddTrack, Op
from tapehand.song.region import Span
from tapehand.song.song import Song


def part_named(song: Song, name: str, ops: Sequence[Op] = ()) -> str:
    """The id of the track or bus of that name or id (also of one that ``ops`` bring), ``"mix"`` or ``"song"``.

    Raises InputError (``song.no_target``), also where several have the name.
    """
    named = _names(song, ops)
    if name in named:
        return name
    found = [identity for identity, its_name in named.items() if its_name.casefold() == name.casefold()]
    if len(found) != 1:
        said = f"{len(found)} parts are called {name}" if found else f"The song has no part called {name}"
        raise InputError("song.no_target", said, hint=f"Parts are: {', '.join(named.values())}.")
    return found[0]


def part_names(song: Song, ops: Iterable[Op]) -> list[str]:
    """The names of all that ``ops`` change, for a person to read."""
    ops = tuple(ops)
    named = _names(song, ops)
    return sorted({named.get(part, part) for op in ops for part in parts(op)})


def section_named(song: Song, name: str) -> Section:
    """The section of that name. Raises InputError (``song.no_section``), also where several have it."""
    found = [section for section in song.sections if section.name.casefold() == name.casefold()]
    if len(found) != 1 or song.grid is None:
        known = ", ".join(section.name for section in song.sections) or "none"
        raise InputError("song.no_section", f"The song has no section called {name}", hint=f"Sections are: {known}.")
    return found[0]


def section_span(song: Song, name: str) -> Span:
    """The stretch of the section of that name; raises as ``section_named``."""
    section = section_named(song, name)
    assert song.grid is not None, "refused above"
    ends = (song.grid.tick_of(Place(bar=bar)) for bar in (section.start_bar, section.end_bar))
    start, end = (song.grid.samples_at(tick, song.rate_hz) for tick in ends)
    return Span(start_samples=start, end_samples=end)


def _names(song: Song, ops: Sequence[Op]) -> dict[str, str]:
    brought = {op.track.id: op.track.name for op in ops if isinstance(op, AddTrack)}
    brought |= {op.bus.id: op.bus.name for op in ops if isinstance(op, AddBus)}
    return brought | {owner.id: owner.name for owner in song.owners} | {MIX: MIX, WHOLE_SONG: WHOLE_SONG}
