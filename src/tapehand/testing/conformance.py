"""What every engine must keep to, ours and other people's: call ``broken_promises`` with yours in a test."""

import dataclasses
from typing import Any

import numpy as np

from tapehand.audio import Audio
from tapehand.errors import Cancelled, TapehandError
from tapehand.ports.engine import Engine, SongView
from tapehand.song.brief import Brief
from tapehand.song.op import apply_all
from tapehand.song.proposal import Proposal
from tapehand.work import Work


def broken_promises(engine: Engine, view: SongView, brief: Brief, seed: int = 1) -> list[str]:
    """Every promise of ``ports.engine.Engine`` that ``engine`` breaks on this view and brief, in words; none is good.

    The view must be one the engine can work with. The engine is asked three times.
    """
    if not isinstance(engine, Engine):
        return ["it has no describe() or propose()"]
    facts = engine.describe()
    before = {track.id: view.audio(track.id).samples.copy() for track in view.state.tracks}
    first = engine.propose(view, brief, seed, Work())
    broken = [
        *_facts_missing(facts),
        *_unsound(first, view),
        *(f"it wrote into the sound of track {name}" for name in _changed(view, before)),
    ]
    if facts.deterministic and not _same(first, engine.propose(view, brief, seed, Work())):
        broken.append("it says that it is deterministic, and proposed something else when asked again")
    if not _stops_when_asked(engine, view, brief, seed):
        broken.append("it went on although the work was cancelled")
    return broken


def _facts_missing(facts: Any) -> list[str]:
    return [
        f"it does not say its {name}" for name in ("name", "version", "kind", "licence") if not getattr(facts, name)
    ]


def _unsound(proposal: Proposal, view: SongView) -> list[str]:
    broken = []
    ids = [option.id for option in proposal.options]
    if not ids or len(set(ids)) != len(ids):
        broken.append("its options are missing or share an id")
    if proposal.recommended is not None and (proposal.recommended not in ids or not proposal.recommended_because):
        broken.append("it recommends what is not there, or does not say why")
    if not (proposal.provenance.engine and proposal.provenance.version and proposal.provenance.licence):
        broken.append("its provenance lacks engine, version or licence")
    for option in proposal.options:
        if not option.why:
            broken.append(f"option {option.id} does not say why")
        try:
            apply_all(view.state, option.ops)
        except TapehandError as error:
            broken.append(f"option {option.id} does not fit the song: {error.message}")
    return broken


def _changed(view: SongView, before: dict[str, Any]) -> list[str]:
    return [name for name, samples in before.items() if not np.array_equal(view.audio(name).samples, samples)]


def _same(first: Proposal, second: Proposal) -> bool:
    def plain(proposal: Proposal) -> Proposal:
        options = tuple(dataclasses.replace(option, new_audio=()) for option in proposal.options)
        return dataclasses.replace(proposal, options=options)

    sounds = [
        (one, other)
        for mine, yours in zip(first.options, second.options, strict=False)
        for (_, one), (_, other) in zip(mine.new_audio, yours.new_audio, strict=False)
    ]
    return plain(first) == plain(second) and all(
        isinstance(one, Audio) and isinstance(other, Audio) and np.array_equal(one.samples, other.samples)
        for one, other in sounds
    )


def _stops_when_asked(engine: Engine, view: SongView, brief: Brief, seed: int) -> bool:
    work = Work()
    work.cancel()
    try:
        engine.propose(view, brief, seed, work)
    except Cancelled:
        return True
    return False
