"""Asking an engine for options, and filing what it proposes. Nothing in the song changes."""

from dataclasses import fields, is_dataclass, replace
from math import isnan
from typing import Any

import numpy as np

from tapehand.app.by_hand import join_options
from tapehand.app.decide import RECOMMENDED
from tapehand.app.engine_host import run_engine
from tapehand.app.studio import Studio
from tapehand.app.view import view_of
from tapehand.audio import Audio
from tapehand.errors import Conflict, InputError
from tapehand.ports.engine import EngineFacts, SongView
from tapehand.ports.song_store import MediaPool, SongStore
from tapehand.song.brief import Brief
from tapehand.song.event import AudioAdded, Body, ProposalFiled
from tapehand.song.fold import Filed
from tapehand.song.op import AddTrack, Op, SetRegions, apply_all
from tapehand.song.proposal import Option, Proposal
from tapehand.song.region import AudioRegion, Region
from tapehand.song.song import Song
from tapehand.song.source import Source
from tapehand.work import Work


def propose(studio: Studio, store: SongStore, engine: str, brief: Brief, *, seed: int, work: Work) -> Filed:
    """Ask an installed engine for options on the song as it stands, and file them.

    Raises
    ------
    InputError
        ``engine.unknown``, ``engine.failed``, ``engine.bad_proposal``, or what the engine says of song and brief.
    Refused
        What is asked would do harm; the cost is in the error.
    """
    base = store.state().head
    facts, proposal = ask(studio, view_of(studio, store), engine, brief, seed=seed, work=work)
    return file_proposal(store, proposal, base_event=base, actor=facts.name)


def propose_beside(
    studio: Studio, store: SongStore, number: int, engine: str, brief: Brief, *, by: str, seed: int, work: Work
) -> Filed:
    """Let an engine counter: its options on the song as it stands join those of open proposal ``number``.

    ``by`` is the person who wants them there. Raises as ``propose`` and as ``by_hand.join_options``.
    """
    _, proposal = ask(studio, view_of(studio, store), engine, brief, seed=seed, work=work)
    stored = [_with_stored_audio(option, store.media, proposal) for option in proposal.options]
    sources = [source for _, added in stored for source in added]
    return join_options(store, number, [option for option, _ in stored], proposal.provenance, by=by, sources=sources)


def refuse_unknown_option(studio: Studio, engine: str, wanted: str) -> None:
    """Raise InputError (``proposal.no_option``) for an option that a built-in engine never gives, before long work."""
    door = studio.engine(engine)
    known = door.load().describe().options if door.is_built_in else ()
    if known and wanted != RECOMMENDED and wanted.casefold() not in {name.casefold() for name in known}:
        raise InputError(
            "proposal.no_option",
            f"There is no option {wanted!r}",
            hint=f"Options are: {', '.join((RECOMMENDED, *known))}.",
        )


def ask(
    studio: Studio, view: SongView, engine: str, brief: Brief, *, seed: int, work: Work
) -> tuple[EngineFacts, Proposal]:
    """An engine's sound proposal on a view, filed nowhere; raises as ``propose``."""
    facts, proposal = run_engine(studio.engine(engine), view, brief, seed, work)
    refuse_unsound(view.state, facts.name, proposal)
    return facts, proposal


def file_proposal(store: SongStore, proposal: Proposal, *, base_event: str, actor: str) -> Filed:
    """Store the sound a proposal brings, then write the proposal into the log."""
    stored = [_with_stored_audio(option, store.media, proposal) for option in proposal.options]
    added: list[Body] = [AudioAdded(source=source) for _, sources in stored for source in sources]
    filed = ProposalFiled(
        proposal=replace(proposal, options=tuple(option for option, _ in stored)), base_event=base_event
    )
    state = store.append([*added, filed], actor=actor, actor_kind="engine")
    return state.proposals[-1]


def refuse_unsound(song: Song, engine: str, proposal: Proposal) -> None:
    """Raise InputError (``engine.bad_proposal``) for a proposal that could not be carried out as it says."""
    ids = [option.id for option in proposal.options]
    if not ids or len(set(ids)) != len(ids):
        raise _bad(engine, "its options are missing or share an id")
    if proposal.recommended is not None and proposal.recommended not in ids:
        raise _bad(engine, "it recommends an option that is not there")
    if _holds_nan(replace(proposal, options=tuple(replace(option, new_audio=()) for option in proposal.options))):
        raise _bad(engine, "one of its numbers is not a number")
    for option in proposal.options:
        for name, sound in option.new_audio:
            if not isinstance(sound, Audio) or not np.isfinite(sound.samples).all():
                raise _bad(engine, f"the sound {name} is not finite")
        try:
            apply_all(song, option.ops)
        except (InputError, Conflict) as error:
            raise _bad(engine, f"option {option.id} does not fit the song ({error.message})") from error


def _with_stored_audio(option: Option, pool: MediaPool, proposal: Proposal) -> tuple[Option, list[Source]]:
    """The option with the hashes of its sounds in the place of their names."""
    sources = {}
    for name, sound in option.new_audio:
        assert isinstance(sound, Audio)
        sources[name] = pool.add_audio(name, sound, "generated", proposal.provenance)
    blobs = {name: source.blob for name, source in sources.items()}
    ops = tuple(_with_blobs(op, blobs) for op in option.ops)
    return replace(option, ops=ops, new_audio=()), list(sources.values())


def _with_blobs(op: Op, blobs: dict[str, str]) -> Op:
    if isinstance(op, SetRegions):
        return replace(op, regions=_regions_with_blobs(op.regions, blobs))
    if isinstance(op, AddTrack):
        return replace(op, track=replace(op.track, regions=_regions_with_blobs(op.track.regions, blobs)))
    return op


def _regions_with_blobs(regions: tuple[Region, ...], blobs: dict[str, str]) -> tuple[Region, ...]:
    return tuple(
        replace(region, source=blobs.get(region.source, region.source)) if isinstance(region, AudioRegion) else region
        for region in regions
    )


def _holds_nan(value: Any) -> bool:
    if isinstance(value, float):
        return isnan(value)
    if isinstance(value, tuple):
        return any(_holds_nan(inner) for inner in value)
    if is_dataclass(value):
        return any(_holds_nan(getattr(value, field.name)) for field in fields(value))
    return False


def _bad(engine: str, what: str) -> InputError:
    return InputError(
        "engine.bad_proposal",
        f"The engine {engine} proposed something that cannot be done: {what}",
        hint="The song is as it was. Ask whoever makes that engine.",
    )
