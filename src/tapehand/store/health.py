"""Examining a song folder without trusting it, and repairing what can be repaired. Nothing is ever thrown away.

A log is repaired by putting together every sound event of ``log.db`` and ``log.jsonl``; what was there before is kept
beside it as ``log.damaged-N.*``. Audio is repaired by finding the same bytes again, by their hash.
"""

import contextlib
import json
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Final

from tapehand.audio.unfinished import unfinished_folder
from tapehand.errors import InputError, TapehandError
from tapehand.ports.song_doctor import Repair, Trouble
from tapehand.song.event import AudioAdded, Event
from tapehand.song.fold import fold
from tapehand.song.hearing import TrialClosed, TrialOpened
from tapehand.song.source import Source
from tapehand.song.trial import Trial, TrialKey
from tapehand.store import mirror
from tapehand.store.chain import MAIN, Row, assembled
from tapehand.store.durable import sync_folder, told_as_output_errors
from tapehand.store.event_log import EventLog, salvaged
from tapehand.store.media_pool import BlobPool, file_sha256
from tapehand.store.places import network_kind
from tapehand.store.sealed import LONGEST_BYTES, SealedTexts
from tapehand.store.song_folder import (
    AUDIO,
    BRANCH,
    LOG,
    MIRROR,
    SEALED,
    SongFolder,
    current_branch,
    event_of,
    refuse_strange_folder,
)

REBUILDABLE: Final = ("store.damaged", "store.chain_broken", "store.foreign_schema", "store.not_a_song")
SAID_OF_SEALS: Final = {"store.seal_missing": "gone", "store.seal_changed": "not the one that was sealed"}
# Preparing a trial renders all of its options first and seals then, so this is long.
OPENING_TAKES_S: Final = 600.0


def examine(path: Path) -> list[Trouble]:
    """Everything that is wrong with a song folder; nothing is changed. Raises InputError for what is no song at all."""
    _refuse_no_song(path)
    log_trouble = _log_trouble(path)
    if log_trouble is not None:
        return [*_place_troubles(path), log_trouble]
    rows = _logged(path)
    return [
        *_place_troubles(path),
        *_fold_troubles(path),
        *_mirror_troubles(path, rows),
        *_branch_troubles(path),
        *_audio_troubles(path, _sources(rows)),
        *_seal_troubles(path, rows),
    ]


def repair(path: Path, search: Sequence[Path] = ()) -> list[Repair]:
    """Repair what can be repaired and say what was done.

    Parameters
    ----------
    path : the song folder.
    search : folders and files to look through for audio that is missing, known by its hash.

    Raises
    ------
    InputError
        ``store.nothing_to_rebuild`` when not even the first event is sound; ``store.newer_version``.
    OutputError
        ``output.not_writable``, ``output.full``.
    """
    done: list[Repair] = []
    for trouble in examine(path):
        if trouble.code in REBUILDABLE:
            done.append(Repair(code=trouble.code, what=f"Rebuilt the log with {rebuild_log(path)} events"))
    if any(trouble.code == "branch.unknown" for trouble in examine(path)):
        (path / BRANCH).unlink(missing_ok=True)
        done.append(Repair(code="branch.unknown", what=f"Went back to the branch {MAIN}"))
    behind = any(trouble.code == "store.mirror_behind" for trouble in examine(path))
    with SongFolder(path) as song:  # opening it catches the mirror up
        if behind:
            done.append(Repair(code="store.mirror_behind", what="Wrote log.jsonl anew from log.db"))
        rows = _logged(path)
        done.extend(_put_back(song.media, _sources(rows), [path / AUDIO, *search]))
    done.extend(_mend_seals(path, rows, search))
    return done


def rebuild_log(path: Path) -> int:
    """Make ``log.db`` anew from every sound event of the old one and of the mirror; the number of events saved.

    The old database is kept beside it as ``log.damaged-N.db``, and so is a mirror that holds more than was saved.

    Raises
    ------
    InputError
        ``store.nothing_to_rebuild`` when not even the first event is sound.
    """
    mirrored = mirror.sound_rows(path / MIRROR) if (path / MIRROR).is_file() else []
    rows = assembled(salvaged(path / LOG), mirrored)
    if not rows:
        raise InputError(
            "store.nothing_to_rebuild",
            "Neither log.db nor log.jsonl holds one sound event",
            where=str(path),
            hint="Take the song from a backup; its audio is still in the folder.",
        )
    with told_as_output_errors(path), unfinished_folder(path) as folder:
        log = EventLog.create(folder / LOG)
        log.restore(rows)
        log.close()
        _set_aside(path, keep_mirror=bool({row.id for row in mirrored} - {row.id for row in rows}))
        (folder / LOG).rename(path / LOG)
        sync_folder(path)
    return len(rows)


def _set_aside(path: Path, *, keep_mirror: bool) -> None:
    number = 1
    while any((path / f"log.damaged-{number}{ending}").exists() for ending in (".db", ".jsonl")):
        number += 1
    for ending in ("", "-wal", "-shm"):
        old = path / f"{LOG}{ending}"
        if old.exists():
            old.rename(path / f"log.damaged-{number}.db{ending}")
    if keep_mirror:
        (path / MIRROR).rename(path / f"log.damaged-{number}.jsonl")


def _refuse_no_song(path: Path) -> None:
    """A folder with either form of the log is a song, however damaged."""
    if not (path / MIRROR).is_file() or (path / MIRROR).is_symlink():
        refuse_strange_folder(path)


def _log_trouble(path: Path) -> Trouble | None:
    """Why the log cannot be opened, or None."""
    try:
        refuse_strange_folder(path)
        EventLog(path / LOG).close()
    except TapehandError as error:
        return _told(error, can_repair=error.code in REBUILDABLE)
    return None


def _logged(path: Path) -> list[Row]:
    log = EventLog(path / LOG)
    with contextlib.closing(log):
        return log.rows()


def _sources(rows: Iterable[Row]) -> list[Source]:
    """All audio that any branch ever named; what cannot be read is told elsewhere."""
    sources: dict[str, Source] = {}
    for row in rows:
        if row.kind == AudioAdded.KIND:
            with contextlib.suppress(TapehandError):
                body = event_of(row).body
                if isinstance(body, AudioAdded):
                    sources[body.source.blob] = body.source
    return list(sources.values())


def _fold_troubles(path: Path) -> Iterator[Trouble]:
    """Why branches cannot be read to their ends; each event that is in the way once."""
    told: set[int] = set()
    log = EventLog(path / LOG)
    with contextlib.closing(log):
        for branch in log.heads():
            trouble, seq = _fold_trouble(log.rows(branch=branch))
            if trouble is not None and seq not in told:
                yield trouble
                told.add(seq)


def _fold_trouble(rows: Iterable[Row]) -> tuple[Trouble | None, int]:
    """The first event that cannot be read or cannot have happened, and its number."""
    seq = 0

    def events() -> Iterator[Event]:
        nonlocal seq
        for row in rows:
            seq = row.seq
            yield event_of(row)

    try:
        fold(events())
    except TapehandError as error:
        return _told(error, where=f"event {seq}: {error.where or error.message}"), seq
    return None, 0


def _place_troubles(path: Path) -> Iterator[Trouble]:
    kind = network_kind(path)
    if kind is not None:
        yield Trouble(
            code="store.network_drive",
            what=f"The song lies on a network drive ({kind})",
            where=str(path),
            hint="Copy the whole folder to a disk of this computer and work there.",
        )


def _mirror_troubles(path: Path, rows: Sequence[Row]) -> Iterator[Trouble]:
    with contextlib.suppress(InputError):
        if mirror.read(path / MIRROR) == list(rows):
            return
    yield Trouble(
        code="store.mirror_behind",
        what="log.jsonl does not hold what log.db holds",
        where=str(path / MIRROR),
        can_repair=True,
    )


def _branch_troubles(path: Path) -> Iterator[Trouble]:
    log = EventLog(path / LOG)
    with contextlib.closing(log):
        if current_branch(path) not in {MAIN, *log.heads()}:
            yield Trouble(
                code="branch.unknown",
                what="The branch that was worked on is not in the log",
                where=str(path / BRANCH),
                can_repair=True,
            )


def _audio_troubles(path: Path, sources: Iterable[Source]) -> Iterator[Trouble]:
    for source, how in BlobPool(path / AUDIO).reader.unsound(sources):
        said = "is gone" if how == "missing" else "is not what it was"
        yield Trouble(
            code=f"store.audio_{how}",
            what=f"The song's copy of {source.name} {said}",
            where=f"{AUDIO}/{source.blob[:2]}/{source.blob}.{source.media}",
            hint="Run 'tapehand doctor --repair --from FOLDER' with a folder that may hold the file, under any name; "
            "or mute what plays it and go on without.",
            can_repair=True,
        )


def _open_trials(rows: Iterable[Row]) -> dict[str, Trial]:
    """Trials of any branch whose key is not in the log yet, by their id."""
    trials: dict[str, Trial] = {}
    for row in rows:
        with contextlib.suppress(TapehandError):
            match event_of(row).body if row.kind in (TrialOpened.KIND, TrialClosed.KIND) else None:
                case TrialOpened(trial=trial):
                    trials[trial.id] = trial
                case TrialClosed(trial=identity):
                    trials.pop(identity, None)
    return trials


def _seal_troubles(path: Path, rows: Sequence[Row]) -> Iterator[Trouble]:
    """Open trials whose key is gone or another, and keys of no trial."""
    seals = SealedTexts(path / SEALED)
    for identity, trial in _open_trials(rows).items():
        code = _unsound_seal(seals, trial)
        if code:
            yield Trouble(
                code=code,
                what=f"The key of {trial.voter}'s open trial of proposal {trial.number} is {SAID_OF_SEALS[code]}",
                where=f"{SEALED}/{identity}.json",
                hint="Repair with --from a backup of the song, or let the voter open another trial.",
                can_repair=True,
            )
    for name in _orphans(seals, rows):
        yield Trouble(
            code="store.seal_orphaned",
            what="A sealed key belongs to no trial; one was interrupted when it was opened",
            where=f"{SEALED}/{name}.json",
            can_repair=True,
        )


def _unsound_seal(seals: SealedTexts, trial: Trial) -> str:
    """What is wrong with the key of a trial; nothing where it is what was sealed."""
    try:
        return "" if is_key(seals.text(trial.id), trial) else "store.seal_changed"
    except InputError:
        return "store.seal_missing"


def is_key(text: str, trial: Trial) -> bool:
    """Whether a text is the key that was sealed for a trial."""
    try:
        return TrialKey.of_text(text).seal() == trial.seal
    except (ValueError, KeyError, TypeError):
        return False


def _orphans(seals: SealedTexts, rows: Iterable[Row]) -> list[str]:
    """Keys of no trial; a fresh one may be of a trial that is just being opened."""
    known = set()
    for row in rows:
        if row.kind == TrialOpened.KIND:
            known.add(json.loads(row.body)["trial"]["id"])
    return [name for name in seals.names() if name not in known and seals.age_s(name) > OPENING_TAKES_S]


def _mend_seals(path: Path, rows: Sequence[Row], search: Iterable[Path]) -> Iterator[Repair]:
    """Keys found again by their hash in the places to search; those of no trial out of the way."""
    seals = SealedTexts(path / SEALED)
    wanted = {trial.seal: trial for trial in _open_trials(rows).values() if _unsound_seal(seals, trial)}
    for file in _files(search):
        text = _short_text(file) if wanted else None
        found = next((trial for trial in wanted.values() if text is not None and is_key(text, trial)), None)
        if text is not None and found is not None:
            seals.put_back(wanted.pop(found.seal).id, text)
            yield Repair(code="store.seal_missing", what=f"Put the key of {found.voter}'s trial back from {file.name}")
    for name in _orphans(seals, rows):
        seals.set_aside(name)
        yield Repair(code="store.seal_orphaned", what=f"Put the key {name} of no trial aside, as {name}.unused")


def _short_text(file: Path) -> str | None:
    with contextlib.suppress(OSError, UnicodeDecodeError):
        if file.stat().st_size <= LONGEST_BYTES:
            return file.read_bytes().decode()
    return None


def _put_back(pool: BlobPool, sources: Iterable[Source], search: Iterable[Path]) -> Iterator[Repair]:
    """Copies of what is missing or changed, found by their hash in the places to search."""
    wanted = {source.blob: source for source, _ in pool.reader.unsound(sources)}
    for file in _files(search):
        if not wanted:
            return
        blob = file_sha256(file)
        if blob in wanted and file != pool.reader.path_of(wanted[blob]):
            source = wanted.pop(blob)
            pool.put_back(file, source)
            yield Repair(code="store.audio_missing", what=f"Put {source.name} back from {file.name}")


def _files(search: Iterable[Path]) -> Iterator[Path]:
    for place in search:
        found = sorted(place.rglob("*")) if place.is_dir() else [place]
        yield from (file for file in found if file.is_file() and not file.is_symlink())


def _told(error: TapehandError, *, can_repair: bool = False, where: str = "") -> Trouble:
    return Trouble(
        code=error.code, what=error.message, where=where or error.where, hint=error.hint, can_repair=can_repair
    )
