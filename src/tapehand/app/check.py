"""Findings of a file, a folder of stems, or a song. Nothing is changed."""

from pathlib import Path
from typing import Any

from tapehand.app.inbox import finding_plain, questions, track_name
from tapehand.app.listen import is_song, listen_to_path, listen_unnoted
from tapehand.app.studio import Studio
from tapehand.app.view import song_of
from tapehand.ports.song_store import SongStore
from tapehand.song.finding import Finding
from tapehand.work import Work


def check(studio: Studio, path: Path, work: Work) -> dict[str, Any]:
    """The ``Findings.1`` record of a file, a folder of stems, or a song folder.

    Raises
    ------
    InputError
        The file, folder or song cannot be read at all.
    """
    path = Path(path)
    if is_song(path):
        with studio.open_song(path) as store:
            found = _of_song(studio, store, work)
    else:
        listened = listen_to_path(studio, path, work)
        found = [finding_plain(finding, finding.track) for finding in listened.heard.findings]
    return {"schema": "Findings.1", "findings": found}


def _of_song(studio: Studio, store: SongStore, work: Work) -> list[dict[str, object]]:
    """What was noted already, and what a listening adds; a song without sound has only the former."""
    state = store.state()
    noted = [each.finding for each in questions(state)]
    known = {(finding.kind, finding.track) for finding in noted}
    heard: tuple[Finding, ...] = ()
    if any(track.regions for track in song_of(state).tracks):
        heard = listen_unnoted(studio, store, work).heard.findings
    added = [finding for finding in heard if (finding.kind, finding.track) not in known]
    return [finding_plain(each, track_name(song_of(state), each.track)) for each in (*noted, *added)]
