"""Listening to a song, a folder of stems or a file: facts, findings, form; from the cache where nothing has changed."""

import hashlib
import json
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any, Final

from tapehand.app.heard_before import HeardBefore
from tapehand.app.hearing import content_of, recording_of_file, recordings_of_song, recordings_of_stems
from tapehand.app.inbox import finding_plain
from tapehand.app.songs import IMPORT_SCOPE, SONG_SUFFIX, late_findings, left_out_findings
from tapehand.app.studio import Studio
from tapehand.app.view import song_of
from tapehand.errors import InputError
from tapehand.listening.form import HeardSection
from tapehand.listening.lines import HeardLine, LineNote
from tapehand.listening.listener import OnFacts, known_unheard
from tapehand.listening.marks import DawTime
from tapehand.listening.session import Known, Listening, TrackRow, listen_to_session
from tapehand.listening.sources import Recording
from tapehand.ports.song_store import SongStore
from tapehand.song.event import FindingsNoted
from tapehand.song.finding import Fact, Finding
from tapehand.song.fold import SongState
from tapehand.song.kept import kept_stretches
from tapehand.work import Work

SCOPE: Final = "listening"
LISTENER: Final = "tapehand listening"


@dataclass(frozen=True, slots=True, kw_only=True)
class Listened:
    """What was heard, and of what."""

    title: str
    heard: Listening
    recordings: tuple[Recording, ...]


def listen_to_song(studio: Studio, store: SongStore, work: Work, on_facts: OnFacts | None = None) -> Listened:
    """Listen to the tracks of a song and note what was heard in its log, where it is news.

    A tempo map, sections and roles that a person has set outrank what is heard.

    Raises
    ------
    InputError : the song has no sound, or its audio is missing.
    Cancelled : ``work`` was cancelled; nothing is noted then.
    """
    state = store.state()
    listened = listen_unnoted(studio, store, work, on_facts)
    _note(store, state, listened.heard)
    return listened


def listen_unnoted(studio: Studio, store: SongStore, work: Work, on_facts: OnFacts | None = None) -> Listened:
    """The same, and nothing is noted."""
    song = song_of(store.state())
    recordings = recordings_of_song(studio, store)
    if not recordings:
        raise InputError("listen.no_sound", "There is nothing on the song's tracks yet", where=str(store.path))
    known = Known(grid=song.grid, sections=song.sections, kept=kept_stretches(song))
    heard = _listen(studio, recordings, song.rate_hz, known, work, on_facts)
    return Listened(title=song.name, heard=heard, recordings=tuple(recordings))


def listen_to_path(studio: Studio, path: Path, work: Work, on_facts: OnFacts | None = None) -> Listened:
    """Listen to a folder of stems or a file; nothing is kept but in the cache. Raises InputError as their readers."""
    if not path.is_dir():
        recording = recording_of_file(path)
        heard = _listen(studio, [recording], recording.rate_hz, Known(), work, on_facts)
        return Listened(title=path.name, heard=heard, recordings=(recording,))
    listed = studio.list_stems(path, work)
    recordings = recordings_of_stems(listed.stems, listed.rate_hz)
    heard = _listen(studio, recordings, listed.rate_hz, _told_by_daw(listed.daw_time), work, on_facts)
    late = late_findings(listed, [stem.name for stem in listed.stems])
    heard = replace(heard, findings=(*heard.findings, *left_out_findings(listed), *late))
    return Listened(title=path.absolute().name, heard=heard, recordings=tuple(recordings))


def _told_by_daw(told: DawTime | None) -> Known:
    return Known() if told is None else Known(grid=told.grid, grid_of=told.source, marks=told.marks)


def is_song(path: Path) -> bool:
    """Whether a path is a song folder by its name."""
    return path.suffix == SONG_SUFFIX and path.is_dir()


def listening_plain(heard: Listening) -> dict[str, Any]:
    """The ``Listening.1`` object of the JSON interface."""
    named = {track.id: track.name for track in heard.tracks}
    return {
        "schema": "Listening.1",
        "tracks": [asdict(track) for track in heard.tracks],
        "facts": [{**asdict(fact), "track": named.get(fact.track or "", fact.track)} for fact in heard.facts],
        "findings": [finding_plain(each, named.get(each.track or "", each.track)) for each in heard.findings],
        "sections": [asdict(section) for section in heard.sections],
        "lines": [{**asdict(line), "track": named.get(line.track, line.track)} for line in heard.lines],
        "has_bars": heard.has_bars,
    }


def _listen(
    studio: Studio,
    recordings: Sequence[Recording],
    rate_hz: int,
    known: Known,
    work: Work,
    on_facts: OnFacts | None,
) -> Listening:
    """From the cache, where these sounds were listened to before by the same code; what names say is told at once."""
    if on_facts is not None:
        on_facts(known_unheard(recordings))
    recordings = _with_contents(recordings, studio.threads)
    key = _key(studio, recordings, rate_hz, known)
    kept = studio.listenings.get(key)
    if kept is not None:
        return _from_plain(json.loads(kept))
    heard = listen_to_session(
        recordings,
        rate_hz,
        known=known,
        threads=studio.threads,
        work=work,
        on_facts=on_facts,
        memory=HeardBefore(studio.hearings, studio.ears),
        second=studio.second_ear,
    )
    studio.listenings.put(key, json.dumps(asdict(heard)))
    return heard


def _with_contents(recordings: Sequence[Recording], threads: int) -> list[Recording]:
    """The recordings, each with the hash of its sound."""
    with ThreadPoolExecutor(max(threads, 1)) as workers:
        contents = workers.map(content_of, recordings)
        return [replace(each, content=content) for each, content in zip(recordings, contents, strict=True)]


def _key(studio: Studio, recordings: Sequence[Recording], rate_hz: int, known: Known) -> str:
    """Everything that hearing depends on, in a hash."""
    tracks = [
        (each.id, each.name, each.path, each.content, each.start_samples, each.role, each.regions, each.marks)
        for each in recordings
    ]
    ears = (studio.ears, studio.second_ear.name if studio.second_ear else "")
    return hashlib.sha256(repr((ears, rate_hz, known, tracks)).encode()).hexdigest()


def _from_plain(plain: Mapping[str, Any]) -> Listening:
    return Listening(
        rate_hz=plain["rate_hz"],
        tracks=tuple(TrackRow(**each) for each in plain["tracks"]),
        facts=tuple(Fact(**each) for each in plain["facts"]),
        findings=tuple(Finding(**each) for each in plain["findings"]),
        sections=tuple(HeardSection(**each) for each in plain["sections"]),
        bars_s=tuple(plain["bars_s"]),
        has_bars=plain["has_bars"],
        playing=tuple(tuple(track) for track in plain["playing"]),
        lines=tuple(
            HeardLine(**{**each, "notes": tuple(LineNote(**note) for note in each["notes"])}) for each in plain["lines"]
        ),
    )


def _note(store: SongStore, state: SongState, heard: Listening) -> None:
    """Into the log, unless it says so already. What the import asked is not asked twice."""
    asked = {(each.kind, each.track) for each in state.findings.get(IMPORT_SCOPE, ())}
    findings = tuple(each for each in heard.findings if (each.kind, each.track) not in asked)
    # Single places (each breath, each click) stay in the cache: the log keeps what is said of tracks and of the song.
    facts = tuple(each for each in heard.facts if each.track is None or each.start_s is None)
    if (state.findings.get(SCOPE), state.facts.get(SCOPE)) != (findings, facts):
        noted = FindingsNoted(scope=SCOPE, findings=findings, facts=facts)
        store.append([noted], actor=LISTENER, actor_kind="engine")
