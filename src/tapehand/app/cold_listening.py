"""Listening cold: the song as it stands, before anybody's suggestions about it."""

from pathlib import Path

from tapehand.app.deliver import refuse_taken, write_mix_and_stems, write_native
from tapehand.app.studio import Studio
from tapehand.app.view import song_of, view_of
from tapehand.errors import InputError
from tapehand.ports.song_store import SongStore
from tapehand.song.fold import SongState
from tapehand.song.hearing import ColdListeningAsked, Remarked, SongPlayed
from tapehand.work import Work


def ask_cold(store: SongStore, *, wanted: bool, by: str) -> SongState:
    """Hide proposals in the inbox until the song was played once and remarked on; or stop hiding them."""
    return store.append([ColdListeningAsked(wanted=wanted)], actor=by, actor_kind="person")


def play(studio: Studio, store: SongStore, path: Path, *, by: str, work: Work) -> Path:
    """Write the song as it stands, through its master chain if it has one, to a new file; it counts as played.

    Raises OutputError as ``deliver.native_writer``, and before any work where ``path`` is taken.
    """
    refuse_taken(path)
    renderer = view_of(studio, store).renderer(work=work)
    mastered = bool(song_of(store.state()).master)
    if mastered:
        write_native(path, renderer.master(), work)
    else:
        write_mix_and_stems(renderer, path, {})
    store.append([SongPlayed()], actor=by, actor_kind="person")
    return path


def remark(store: SongStore, text: str, *, by: str, at_s: float | None = None) -> SongState:
    """Keep what a person noted while listening. Raises InputError (``remark.empty``)."""
    if not text.strip():
        raise InputError("remark.empty", "There is nothing in that remark")
    return store.append([Remarked(text=text.strip(), at_s=at_s)], actor=by, actor_kind="person")
