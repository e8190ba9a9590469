"""Starting a song from a folder of stems, opening one, finding the one that is meant."""

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from tapehand.app.studio import Studio
from tapehand.audio import Audio
from tapehand.errors import UsageError
from tapehand.listening.faults import damage_finding, listen
from tapehand.listening.grid import marked_sections
from tapehand.listening.kinds import clock_time, finding
from tapehand.listening.lengths import TrackLength, session_findings
from tapehand.ports.song_store import MediaPool, SongStore
from tapehand.ports.stem_folder import Stem, StemFolder
from tapehand.song.event import AudioAdded, Body, FindingsNoted, SongCreated
from tapehand.song.finding import Finding
from tapehand.song.provenance import Provenance
from tapehand.song.region import AudioRegion
from tapehand.song.song import Song, Track
from tapehand.song.source import Source
from tapehand.units import samples_to_seconds
from tapehand.work import Work

SONG_SUFFIX: Final = ".tapehand"
# Left out without a word: what every system and DAW strews into folders.
EXPECTED_COMPANY: Final = ("session.hidden", "session.not_audio", "session.song")
IMPORT_SCOPE: Final = "import"


@dataclass(frozen=True, slots=True, kw_only=True)
class _Imported:
    sources: tuple[Source, ...]
    track: Track
    length: TrackLength
    findings: tuple[Finding, ...]
    end_s: float


def create_from_folder(studio: Studio, folder: Path, path: Path, *, by: str, work: Work) -> SongStore:
    """A new song at ``path`` from the stems in ``folder``, which are copied in, listened to and left as they are.

    Every stem lies on a track of its own (``t01``, ``t02`` ...), from the song's start or where its time reference puts
    it, at unity gain.

    Raises
    ------
    InputError
        As the folder's reader: nothing there, nothing readable, not allowed.
    OutputError
        ``path`` exists, cannot be written, or the disk is full; nothing is left behind.
    """
    found = studio.list_stems(Path(folder), work)
    name = Path(path).name.removesuffix(SONG_SUFFIX)
    return create_from_stems(studio, found, path, name=name, by=by, work=work)


def create_from_stems(studio: Studio, found: StemFolder, path: Path, *, name: str, by: str, work: Work) -> SongStore:
    """The same from a folder that was listed already; track ``t01`` is its first stem, and so on."""

    def first_events(pool: MediaPool) -> Sequence[Body]:
        imported = _import_all(studio, found, pool, work)
        return _events_of_import(name, found, imported)

    return studio.create_song(Path(path), first_events, actor=by)


def create_empty(studio: Studio, path: Path, rate_hz: int, *, name: str, by: str) -> SongStore:
    """A new song without a track."""
    song = Song(name=name, rate_hz=rate_hz)
    return studio.create_song(path, lambda _pool: [SongCreated(song=song)], actor=by)


def open_song(studio: Studio, path: Path | None) -> SongStore:
    """The song at ``path``, else the only one in the current folder. Raises UsageError (``song.which``)."""
    return studio.open_song(find_song(Path.cwd()) if path is None else Path(path))


def find_song(folder: Path) -> Path:
    """The only ``*.tapehand`` in a folder (or the folder itself). Raises UsageError (``song.which``)."""
    if folder.suffix == SONG_SUFFIX:
        return folder
    songs = sorted(path for path in folder.glob(f"*{SONG_SUFFIX}") if path.is_dir() and not path.name.startswith("."))
    if len(songs) != 1:
        found = f"There are {len(songs)} songs here" if songs else "There is no song here"
        raise UsageError("song.which", found, where=str(folder), hint="Say which one with --song PATH.")
    return songs[0]


def _import_all(studio: Studio, found: StemFolder, pool: MediaPool, work: Work) -> list[_Imported]:
    total = len(found.stems)
    done = iter(range(1, total + 1))

    def one(number: int, stem: Stem) -> _Imported:
        work.check_cancelled()
        imported = _import_stem(studio, stem, f"t{number:02d}", found.rate_hz, pool)
        work.report("song.import", next(done), total)
        return imported

    with ThreadPoolExecutor(max(studio.threads, 1)) as workers:
        futures = [workers.submit(one, number, stem) for number, stem in enumerate(found.stems, start=1)]
        try:
            return [future.result() for future in futures]
        except BaseException:
            for future in futures:
                future.cancel()
            raise


def _import_stem(studio: Studio, stem: Stem, track_id: str, rate_hz: int, pool: MediaPool) -> _Imported:
    decoded = studio.read_stem(stem, None)
    audio = decoded.audio
    sources = _stored(studio, stem, audio, pool)
    findings = listen(audio).findings(track_id, str(stem.path))
    if decoded.damage is not None:
        findings = (damage_finding(decoded.damage, audio.rate_hz, track_id, str(stem.path)), *findings)
    length_samples = _length_at(audio, rate_hz)
    region = AudioRegion(source=sources[-1].blob, start_samples=stem.start_samples, length_samples=length_samples)
    return _Imported(
        sources=sources,
        track=Track(id=track_id, name=stem.name, regions=(region,)),
        length=TrackLength(
            track=track_id, path=str(stem.path), length_samples=audio.length_samples, rate_hz=audio.rate_hz
        ),
        findings=findings,
        end_s=samples_to_seconds(stem.start_samples + length_samples, rate_hz),
    )


def _stored(studio: Studio, stem: Stem, audio: Audio, pool: MediaPool) -> tuple[Source, ...]:
    """The files as they came; for a split pair also the stereo sound that the track plays."""
    if stem.right_path is None:
        return (pool.add_file(stem.path, audio),)
    sides = (pool.add_file(stem.path), pool.add_file(stem.right_path))
    provenance = Provenance(
        engine="tapehand import",
        version=studio.version,
        maker="human",
        settings=(("joined", "left and right"),),
        inputs=tuple(side.blob for side in sides),
    )
    return (*sides, pool.add_audio(stem.name, audio, "render", provenance))


def _length_at(audio: Audio, rate_hz: int) -> int:
    """Length at the song's rate, as ``audio.resample`` will give it."""
    return round(audio.length_samples * rate_hz / audio.rate_hz)


def _events_of_import(name: str, found: StemFolder, imported: Sequence[_Imported]) -> list[Body]:
    sources = {source.blob: source for each in imported for source in each.sources}
    end_s = max((each.end_s for each in imported), default=0.0)
    told = found.daw_time
    song = Song(
        name=name,
        rate_hz=found.rate_hz,
        tracks=tuple(each.track for each in imported),
        grid=told.grid if told else None,
        sections=marked_sections(told, end_s) if told else (),
    )
    findings = (
        *(one for each in imported for one in each.findings),
        *session_findings([each.length for each in imported], found.rate_hz),
        *left_out_findings(found),
        *late_findings(found, [each.track.id for each in imported]),
    )
    return [
        SongCreated(song=song),
        *(AudioAdded(source=source) for source in sources.values()),
        FindingsNoted(scope=IMPORT_SCOPE, findings=findings),
    ]


def left_out_findings(found: StemFolder) -> list[Finding]:
    """Files of the folder that somebody may miss on the tracks."""
    missing = [(each.path, each.reason) for each in found.skipped if each.code not in EXPECTED_COMPANY]
    mixes = [(each.path, f"by its name {each.path.name} is a mix of the others") for each in found.rough_mixes]
    return [
        finding("left_out", track=None, path=str(path), value=None, reason=reason)
        for path, reason in (*missing, *mixes)
    ]


def late_findings(found: StemFolder, tracks: Sequence[str]) -> list[Finding]:
    """Stems that begin later than the session, by their time reference; ``tracks`` says what each is called."""
    late = ((stem, track) for stem, track in zip(found.stems, tracks, strict=True) if stem.start_samples)
    return [
        finding("starts_later", track=track, path=str(stem.path), value=start_s, start=clock_time(start_s))
        for stem, track in late
        for start_s in [samples_to_seconds(stem.start_samples, found.rate_hz)]
    ]
