"""What can be listened to, as recordings: the tracks of a song, the stems of a folder, a file."""

import hashlib
from collections.abc import Sequence
from pathlib import Path

from tapehand.app.studio import Studio
from tapehand.app.view import StoredView, song_of, view_of
from tapehand.audio import io
from tapehand.audio.markers import read_markers
from tapehand.errors import InputError
from tapehand.listening.marks import Mark
from tapehand.listening.sources import FileSound, PlayedSound, Recording
from tapehand.ports.song_store import SongStore
from tapehand.ports.stem_folder import Stem
from tapehand.song.region import AudioRegion
from tapehand.song.song import Track
from tapehand.song.source import Source


def recordings_of_song(studio: Studio, store: SongStore) -> list[Recording]:
    """The tracks of a song, before any fader or insert; those without a region are left out."""
    view = view_of(studio, store)
    return [_of_track(store, view, track) for track in song_of(store.state()).tracks if track.regions]


def recordings_of_stems(stems: Sequence[Stem], rate_hz: int) -> list[Recording]:
    """The stems of a folder of that rate, by their names."""
    return [
        Recording(
            id=stem.name,
            name=stem.name,
            rate_hz=stem.facts.rate_hz,
            channels=2 if stem.right_path else stem.facts.channels,
            sound=FileSound(stem.path, stem.right_path),
            path=str(stem.path),
            start_samples=stem.start_samples,
            length_samples=stem.facts.announced_samples or 0,
            marks=_marks_of(stem.path, stem.facts.rate_hz, stem.start_samples / rate_hz),
        )
        for stem in stems
    ]


def recording_of_file(path: Path) -> Recording:
    """One file; raises InputError as ``audio.io.decode``."""
    facts = io.probe(path)
    return Recording(
        id=path.stem,
        name=path.stem,
        rate_hz=facts.rate_hz,
        channels=facts.channels,
        sound=FileSound(path),
        path=str(path),
        length_samples=facts.announced_samples or 0,
        marks=_marks_of(path, facts.rate_hz),
    )


def _of_track(store: SongStore, view: StoredView, track: Track) -> Recording:
    source = _whole_source(view, track)
    if source is None:
        return Recording(
            id=track.id,
            name=track.name,
            rate_hz=view.state.rate_hz,
            sound=PlayedSound(lambda: view.audio(track.id)),
            role=_said_role(track),
            content=hashlib.sha256(repr((track.regions, view.state.grid, view.build)).encode()).hexdigest(),
            regions=_regions_of(view, track),
        )
    start_samples = track.regions[0].start_samples if isinstance(track.regions[0], AudioRegion) else 0
    return Recording(
        id=track.id,
        name=track.name,
        rate_hz=source.rate_hz,
        channels=source.channels,
        sound=FileSound(store.media.path(source)),
        start_samples=start_samples,
        length_samples=source.length_samples,
        role=_said_role(track),
        content=source.blob,
        regions=_regions_of(view, track),
        marks=_marks_of(store.media.path(source), source.rate_hz, start_samples / view.state.rate_hz),
    )


def _regions_of(view: StoredView, track: Track) -> tuple[Mark, ...]:
    """The stretches of a track by the names of the files that they came from, where those differ from its own."""
    laid = [region for region in track.regions if isinstance(region, AudioRegion) and region.source in view.sources]
    named = [(Path(view.sources[region.source].name).stem, region) for region in laid]
    rate_hz = view.state.rate_hz
    return tuple(
        Mark(
            name=name,
            start_s=region.start_samples / rate_hz,
            end_s=(region.start_samples + region.length_samples) / rate_hz,
        )
        for name, region in named
        if name != track.name
    )


def _marks_of(path: Path, rate_hz: int, start_s: float = 0.0) -> tuple[Mark, ...]:
    """What the markers of a file say, in seconds of the session; nothing where it cannot be read."""
    try:
        markers = read_markers(path, rate_hz)
    except InputError:
        return ()
    places = [(each.name, each.position_samples, each.length_samples) for each in markers]
    return tuple(
        Mark(
            name=name,
            start_s=start_s + first / rate_hz,
            end_s=start_s + (first + length) / rate_hz if length else None,
        )
        for name, first, length in places
    )


def _whole_source(view: StoredView, track: Track) -> Source | None:
    """The recording that lies on a track from its first to its last sample and as it is; None where it is not so."""
    region = track.regions[0]
    if len(track.regions) > 1 or not isinstance(region, AudioRegion) or region.source not in view.sources:
        return None
    source = view.sources[region.source]
    length_samples = round(source.length_samples * view.state.rate_hz / source.rate_hz)
    as_it_is = AudioRegion(source=region.source, start_samples=region.start_samples, length_samples=length_samples)
    return source if region == as_it_is else None


def _said_role(track: Track) -> str | None:
    """What a person said that it is."""
    return track.role if track.role != "unknown" and track.role_confidence >= 1.0 else None


def content_of(recording: Recording) -> str:
    """A hash of what is heard: the stored one, else of the bytes of its files, which takes a while."""
    sound = recording.sound
    if recording.content or not isinstance(sound, FileSound):
        return recording.content
    digests = []
    for path in (sound.path, sound.right_path):
        if path is not None:
            with path.open("rb") as file:
                digests.append(hashlib.file_digest(file, "sha256").hexdigest())
    return " ".join(digests)
