"""A person's word about what was heard: what a track is, what a stretch is called, how fast it goes.

It is an edit by hand like any other (``by_hand``): kept in the log, undone by ``undo``, and no listening overrules it.
What is said of recordings leaves their sound alone; to let a song be played otherwise is ``arrange``.
"""

from collections.abc import Sequence
from dataclasses import replace
from itertools import count

from tapehand.app.by_hand import Wish, edit
from tapehand.app.listen import SCOPE
from tapehand.app.parts import part_named
from tapehand.app.view import song_of
from tapehand.catalogue.loading import load
from tapehand.errors import InputError
from tapehand.listening.roles import group_of
from tapehand.listening.section_names import kind_spoken_of
from tapehand.music.form import Section
from tapehand.music.time import Metre, TempoMap
from tapehand.ports.song_store import SongStore
from tapehand.song import rearrange
from tapehand.song.fold import SongState
from tapehand.song.op import Op, SetGrid, SetRole, SetSections, apply_all
from tapehand.song.region import NoteRegion


def say_role(store: SongStore, track: str, role: str, *, by: str) -> SongState:
    """What a track is; raises InputError (``song.no_target``, ``listen.no_role``)."""
    roles = load("roles")["roles"]
    if role not in roles:
        raise InputError("listen.no_role", f"There is no role called {role}", hint=f"Say one of {', '.join(roles)}.")
    state = store.state()
    identity = song_of(state).track(part_named(song_of(state), track)).id
    op = SetRole(track=identity, role=role, group=group_of(role), role_confidence=1.0)
    return _said(store, f"{track} is {role.replace('_', ' ')}", [op], by)


def say_tempo(store: SongStore, bpm: float, metre: Metre | None = None, *, by: str) -> SongState:
    """One tempo throughout, from the song's start; the beats that are heard give way to it.

    Without ``metre`` the song's own holds, or 4/4. Recordings stay as they are, and notes follow. A song of notes alone
    is played at that tempo with all that lies at its bars, which is the same as ``by_hand.tempo_wish``.
    """
    song = song_of(store.state())
    grid = TempoMap.steady(bpm, metre or (song.grid.metre_at(0) if song.grid else Metre()))
    regions = [region for track in song.tracks for region in track.regions]
    if song.grid is not None and regions and all(isinstance(region, NoteRegion) for region in regions):
        moved = rearrange.at_tempo(song, bpm)
        metres = grid.metres if metre else song.grid.metres
        ops = [*moved, SetGrid(grid=replace(apply_all(song, moved).grid or grid, metres=metres))]
    else:
        ops = [SetGrid(grid=grid)]
    return _said(store, f"it goes at {bpm:g} BPM", ops, by)


def say_sections(store: SongStore, spoken: Sequence[tuple[str, int, int]], *, by: str) -> SongState:
    """Names of stretches of bars, ``(name, first bar, last bar)``; what they overlap gives way.

    The form that was heard last is where it starts from, until the song has sections of its own.

    Raises
    ------
    InputError
        ``listen.no_bars``: a stretch is empty; ``song.no_grid``: the song has no bars yet.
    """
    state = store.state()
    song = song_of(state)
    if song.grid is None:
        raise InputError("song.no_grid", "The song has no bars to name yet", hint="Say its tempo with --tempo first.")
    sections = list(song.sections) or heard_sections(state)
    for name, first, last in spoken:
        if not 1 <= first <= last:
            raise InputError("listen.no_bars", f"Bars {first} to {last} are no stretch", hint="Say FIRST-LAST=NAME.")
        sections = _with(sections, Section(name=name, kind=kind_named(name), start_bar=first, bars=last - first + 1))
    names = ", ".join(name for name, _, _ in spoken)
    return _said(store, f"sections: {names}", [SetSections(sections=tuple(sections))], by)


def heard_sections(state: SongState) -> list[Section]:
    """The form that was heard last, in the song's bars; empty where it has none."""
    grid = song_of(state).grid
    heard = [fact for fact in state.facts.get(SCOPE, ()) if fact.name == "section"]
    if grid is None:
        return []
    sections = []
    for fact in heard:
        first, end = (grid.place_at(grid.tick_at(at_s or 0.0)).bar for at_s in (fact.start_s, fact.end_s))
        name = str(fact.value)
        sections.append(Section(name=name, kind=kind_named(name), start_bar=first, bars=max(1, end - first)))
    return sections


def kind_named(name: str) -> str:
    """The kind of ``catalogue/form.toml`` that a section's name speaks of; ``"groove"`` where it says none."""
    return kind_spoken_of(name, otherwise="groove")


def _with(sections: Sequence[Section], new: Section) -> list[Section]:
    """The sections with a new one; others keep the bars that it leaves them, and no two have one name."""
    kept, names = [new], {section.name for section in sections} | {new.name}
    for old in sections:
        if old.name == new.name:
            old = replace(old, name=next(f"{new.name} {n}" for n in count(2) if f"{new.name} {n}" not in names))
            names.add(old.name)
        before = min(old.end_bar, new.start_bar) - old.start_bar
        after = old.end_bar - max(old.start_bar, new.end_bar)
        if before > 0:
            kept.append(replace(old, bars=before))
        if after > 0:
            kept.append(replace(old, start_bar=old.end_bar - after, bars=after))
    return sorted(kept, key=lambda section: section.start_bar)


def _said(store: SongStore, what: str, ops: Sequence[Op], by: str) -> SongState:
    return edit(store, Wish(what=what, ops=tuple(ops)), by=by)
