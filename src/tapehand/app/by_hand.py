"""What people do themselves: a hand on a fader, bars in another order; at once, proposed, or put beside a proposal.

A hand does not ask anybody, and a lock lets it through; it is an event like any other and can be undone.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Final

from tapehand.app.decide import refuse_stale
from tapehand.app.parts import part_named, section_named, section_span
from tapehand.app.view import song_of
from tapehand.errors import Conflict, InputError
from tapehand.listening.section_names import kind_spoken_of
from tapehand.music.form import Section
from tapehand.ports.song_store import SongStore
from tapehand.song import rearrange
from tapehand.song.arrange import muted_within, solo_within, sounding_within, transposed
from tapehand.song.event import ActorKind, AudioAdded, Body, Edited, OptionJoined, ProposalFiled
from tapehand.song.fold import Filed, SongState
from tapehand.song.mixer import AutomationPoint, Strip
from tapehand.song.op import Op, SetAutomation, SetFader, SetMute, SetPan, SetPolarity
from tapehand.song.proposal import Option, Proposal
from tapehand.song.provenance import Maker, Provenance
from tapehand.song.song import Song
from tapehand.song.source import Source

IDEA: Final = "idea"
DRUMS: Final = "drums"


@dataclass(frozen=True, slots=True, kw_only=True)
class Wish:
    """What somebody wants to do to the song: in words, and as ops."""

    what: str
    ops: tuple[Op, ...]


# --- what can be wished ---


def strip_wish(
    song: Song,
    part: str,
    *,
    fader_db: float | None = None,
    louder_db: float | None = None,
    pan: float | None = None,
    mute: bool | None = None,
    flip: bool = False,
) -> Wish:
    """A part (a name of a track or bus, or ``"mix"``) set otherwise; ``louder_db`` moves its automation along.

    Raises
    ------
    InputError
        ``song.no_target``; ``song.fader_automated``: automation would go on in the place of the fader;
        ``edit.nothing``: nothing was said, or all of it is so already.
    """
    target = part_named(song, part)
    strip = song.strip(target)
    ops: list[Op] = []
    said = []
    if fader_db is not None:
        _refuse_automated(strip, part)
        ops.append(SetFader(target=target, fader_db=fader_db))
        said.append(f"fader {fader_db:g} dB")
    if louder_db is not None:
        ops += _louder(strip, target, louder_db)
        said.append(f"fader {louder_db:+g} dB")
    if pan is not None:
        ops.append(SetPan(target=target, pan=pan))
        said.append(f"pan {pan:+g}")
    if mute is not None:
        ops.append(SetMute(target=target, mute=mute))
        said.append("muted" if mute else "not muted")
    if flip:
        ops.append(SetPolarity(target=target, polarity=-strip.polarity))
        said.append("polarity flipped")
    return _wish(song, f"{_name(song, target)}: {', '.join(said)}", ops)


def _louder(strip: Strip, target: str, louder_db: float) -> list[Op]:
    ops: list[Op] = [SetFader(target=target, fader_db=strip.fader_db + louder_db)]
    moved = tuple(
        replace(lane, points=tuple(_louder_point(point, louder_db) for point in lane.points))
        if lane.parameter == "fader_db"
        else lane
        for lane in strip.automation
    )
    if moved != strip.automation:
        ops.append(SetAutomation(target=target, automation=moved))
    return ops


def _louder_point(point: AutomationPoint, louder_db: float) -> AutomationPoint:
    return replace(point, value=point.value + louder_db)


def _refuse_automated(strip: Strip, part: str) -> None:
    if any(lane.parameter == "fader_db" and lane.points for lane in strip.automation):
        raise InputError(
            "song.fader_automated",
            f"The fader of {part} is automated, so it would go on as it does",
            hint="Say --louder DB, which moves the automation along.",
        )


def repeat_wish(song: Song, section: str, times: int = 1) -> Wish:
    """A section once more, or ``times`` more, right after itself; raises InputError (``song.no_section`` ...)."""
    found = section_named(song, section)
    again = "once more" if times == 1 else f"{times} times more"
    return _wish(song, f"{found.name} {again}", rearrange.rearranged(song, rearrange.repeated(found, times)))


def swap_wish(song: Song, one: str, other: str) -> Wish:
    """Two sections in each other's places; raises as ``repeat_wish``, and ``song.sections_overlap``."""
    first, second = section_named(song, one), section_named(song, other)
    ops = rearrange.rearranged(song, rearrange.swapped(first, second))
    return _wish(song, f"{first.name} and {second.name} in each other's places", ops)


def remove_wish(song: Song, section: str) -> Wish:
    """The song without a section; raises as ``repeat_wish``."""
    found = section_named(song, section)
    return _wish(song, f"without {found.name}", rearrange.rearranged(song, rearrange.removed(found)))


def insert_wish(song: Song, name: str, bars: int, before: str | None = None) -> Wish:
    """A new section of empty bars before another, or after the last; raises as ``repeat_wish``, ``song.name_taken``."""
    if any(section.name.casefold() == name.casefold() for section in song.sections):
        raise InputError("song.name_taken", f"The song already has a section {name}", hint="Choose another name.")
    at = section_named(song, before).start_bar if before else max((each.end_bar for each in song.sections), default=1)
    new = Section(name=name, kind=kind_spoken_of(name, otherwise="break"), start_bar=at, bars=bars)
    ops = rearrange.rearranged(song, rearrange.with_empty_bars(at, bars), new)
    return _wish(song, f"{name}, {bars} empty bars from bar {at}", ops)


def transpose_wish(song: Song, section: str, semitones: int, parts: Sequence[str] = ()) -> Wish:
    """The notes of a section higher or lower, of all tracks or some; raises as ``repeat_wish``, ``song.no_such_pitch``.

    Drums stay as they are: their notes are not pitches.
    """
    found = section_named(song, section)
    named = [part_named(song, part) for part in parts]
    targets = named or [track.id for track in song.tracks if track.group != DRUMS]
    return _wish(song, f"{found.name} {semitones:+d} semitones", transposed(song, targets, found, semitones))


def tempo_wish(song: Song, bpm: float, section: str | None = None) -> Wish:
    """The song, or one section, at another tempo; raises as ``rearrange.at_tempo``."""
    found = section_named(song, section) if section else None
    said = f"{found.name if found else 'the song'} at {bpm:g} BPM"
    return _wish(song, said, rearrange.at_tempo(song, bpm, found))


def silence_wish(song: Song, section: str, parts: Sequence[str], *, how: str) -> Wish:
    """Parts muted, sounding again, or alone (``how``: mute, play, solo) in a section; raises as ``repeat_wish``."""
    span = section_span(song, section)
    targets = [part_named(song, part) for part in parts]
    if how == "solo":
        ops = solo_within(song, targets, span)
    else:
        ops = tuple((muted_within if how == "mute" else sounding_within)(target, span) for target in targets)
    return _wish(song, f"{how} {', '.join(_name(song, target) for target in targets)} in {section}", ops)


def _wish(song: Song, what: str, ops: Sequence[Op]) -> Wish:
    changing = [op for op in ops if op.apply(song) != song]
    if not changing:
        raise InputError("edit.nothing", "Nothing would change", where=what, hint="It is so already, or nothing said.")
    return Wish(what=what, ops=tuple(ops))


def _name(song: Song, target: str) -> str:
    return next((owner.name for owner in song.owners if owner.id == target), target)


# --- what becomes of it ---


def edit(store: SongStore, wish: Wish, *, by: str, note: str = "", actor_kind: ActorKind = "person") -> SongState:
    """Do it now, as a person's own hand. Raises Refused (``decision.not_a_person``) for anybody else."""
    said = f"{wish.what}; {note}" if note else wish.what
    edited = Edited(ops=wish.ops, note=said)
    return store.append([edited], actor=by, actor_kind=actor_kind, expected_head=store.state().head)


def suggest(
    store: SongStore, wish: Wish, *, by: str, version: str, note: str = "", actor_kind: ActorKind = "person"
) -> Filed:
    """File it as a proposal of one option; a person decides, or puts another option beside it."""
    state = store.state()
    proposal = Proposal(
        kind=IDEA,
        question=f"{by} proposes: {wish.what}. Do it?",
        options=(_option(wish, by, note, ()),),
        provenance=_provenance(by, version, actor_kind),
    )
    filed = ProposalFiled(proposal=proposal, base_event=state.head)
    return store.append([filed], actor=by, actor_kind=actor_kind, expected_head=state.head).proposals[-1]


def counter(store: SongStore, number: int, wish: Wish, *, by: str, version: str, note: str = "") -> Filed:
    """Put it beside the options of an open proposal; raises as ``join_options``."""
    filed = store.state().filed(number)
    option = _option(wish, by, note, filed.proposal.options)
    return join_options(store, number, [option], _provenance(by, version, "person"), by=by)


def join_options(
    store: SongStore,
    number: int,
    options: Sequence[Option],
    provenance: Provenance,
    *,
    by: str,
    sources: Sequence[Source] = (),
) -> Filed:
    """Put options beside those of an open proposal, whoever had the idea; ids that are taken get a number.

    Raises
    ------
    Conflict
        ``proposal.cannot_join``: it was decided; ``proposal.stale``: the song has changed there since it was filed.
    InputError
        ``proposal.unknown``.
    """
    state = store.state()
    filed = state.filed(number)
    if not filed.is_open:
        raise Conflict("proposal.cannot_join", f"Proposal {number} was decided already", hint="File one of its own.")
    taken = {option.id for option in filed.proposal.options}
    bodies: list[Body] = [AudioAdded(source=source) for source in sources if source.blob not in state.sources]
    for option in options:
        refuse_stale(store, state, filed, option.ops)
        own = replace(option, id=_free(option.id, taken))
        taken.add(own.id)
        bodies.append(OptionJoined(number=number, option=own, provenance=provenance))
    return store.append(bodies, actor=by, actor_kind="person", expected_head=state.head).filed(number)


def _option(wish: Wish, by: str, note: str, others: Sequence[Option]) -> Option:
    identity = _free("-".join(by.casefold().split()) or IDEA, {option.id for option in others})
    return Option(id=identity, name=f"{by}: {wish.what}", why=note or f"{by}'s idea", ops=wish.ops)


def _free(wanted: str, taken: set[str]) -> str:
    if wanted not in taken:
        return wanted
    return next(name for number in range(2, len(taken) + 3) if (name := f"{wanted}-{number}") not in taken)


def _provenance(by: str, version: str, actor_kind: ActorKind) -> Provenance:
    maker: Maker = "human" if actor_kind == "person" else "machine"
    return Provenance(engine="tapehand by hand", version=version, maker=maker, settings=(("by", by),))


def song_now(store: SongStore) -> Song:
    """The song as it stands, for making a wish."""
    return song_of(store.state())
