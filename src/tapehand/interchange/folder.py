"""A multitrack folder in: which of its files are stems, what each is called, and what was left out and why.

Nothing is decoded beyond a first block and nothing is changed. Names are kept as they are; show them through
``errors.safe_text``.
"""

import os
import re
import unicodedata
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from fractions import Fraction
from itertools import count
from pathlib import Path
from typing import Final, NamedTuple

import numpy as np

from tapehand.audio import Audio, io
from tapehand.audio.facts import FileFacts
from tapehand.audio.read_tags import read_tags
from tapehand.catalogue.loading import load
from tapehand.errors import InputError
from tapehand.interchange.daw_time import SUFFIXES as MIDI_SUFFIXES
from tapehand.interchange.daw_time import read_daw_time
from tapehand.listening.lengths import session_rate_hz
from tapehand.listening.marks import DawTime
from tapehand.work import Work

# "X.L", "X_R", "X-left"; not "X L", which as often names two performances placed left and right.
SIDE: Final = re.compile(r"(?P<base>.+)[._-](?P<side>l|r|left|right)", re.IGNORECASE | re.DOTALL)
PAIR_SLACK_SAMPLES: Final = 64


@dataclass(frozen=True, slots=True, kw_only=True)
class StemFile:
    """One track of the session: a file, or the left and right file of a split pair.

    Parameters
    ----------
    name : track name, unlike every other in the session (whatever the case of its letters).
    path : the file, or the left one of a pair; ``right_path`` the right one.
    facts : what the file says about itself (for a pair, the left one).
    start_samples : where it begins in the session, at the session's rate, by its time reference; 0 without one.
    """

    name: str
    path: Path
    right_path: Path | None
    facts: FileFacts
    start_samples: int = 0

    @property
    def channels(self) -> int:
        """1 or 2."""
        return 2 if self.right_path else self.facts.channels


@dataclass(frozen=True, slots=True, kw_only=True)
class SkippedFile:
    """A file or folder that is no stem, with a stable reason (an error's code or ``session.*``) and a sentence."""

    path: Path
    code: str
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class SessionFolder:
    """What was found in a folder.

    Parameters
    ----------
    stems : in natural order of their paths.
    rough_mixes : files that by their names are mixes of the others: for reference, not to be mixed.
    rate_hz : the session's rate, the most common one among the stems.
    notes : sentences about what was concluded: joined pairs, changed names, lossy files, mono beside stereo.
    daw_time : the tempo map and markers of a MIDI file that lies beside them.
    """

    folder: Path
    stems: tuple[StemFile, ...]
    rough_mixes: tuple[StemFile, ...]
    skipped: tuple[SkippedFile, ...]
    rate_hz: int
    notes: tuple[str, ...]
    daw_time: DawTime | None = None

    @property
    def to_resample(self) -> tuple[StemFile, ...]:
        """Stems of another rate than the session's."""
        return tuple(stem for stem in self.stems if stem.facts.rate_hz != self.rate_hz)


def list_session(folder: Path, work: Work | None = None) -> SessionFolder:
    """Look through ``folder`` and its sub-folders.

    Raises
    ------
    InputError
        ``session.missing``, ``session.not_a_folder``, ``session.no_permission``, ``session.empty``,
        ``session.no_audio``.
    """
    folder = Path(folder)
    paths, skipped = _walk(folder)
    if not paths and not skipped:
        raise InputError(
            "session.empty",
            f"{_shown_name(folder)} is an empty folder",
            where=str(folder),
            hint="Put the stems into it, one audio file per track",
        )
    files: list[StemFile] = []
    for done, path in enumerate(paths):
        if work is not None:
            work.report("session.list", done, len(paths))
        _sort_in(path, files, skipped)
    if not files:
        raise _no_audio(folder, skipped)
    tracks, notes = _joined_pairs(files)
    tracks, renamed = _with_own_names(tracks, folder)
    mixes = [track for track in tracks if is_mix_name(track.path.stem)] if len(tracks) > 1 else []
    stems = [track for track in tracks if track not in mixes]
    if not stems:  # every file is called a mix: then they are what there is to work on
        stems, mixes = mixes, []
    rate_hz = session_rate_hz([stem.facts.rate_hz for stem in stems])
    placed, starts = _placed(stems, rate_hz)
    daw_time = read_daw_time([each.path for each in skipped if each.path.suffix.casefold() in MIDI_SUFFIXES])
    return SessionFolder(
        folder=folder,
        stems=tuple(placed),
        rough_mixes=tuple(mixes),
        skipped=tuple(skipped),
        rate_hz=rate_hz,
        notes=tuple(notes + renamed + starts + _remarks(placed, mixes) + _time_remarks(daw_time)),
        daw_time=daw_time,
    )


def read_stem(stem: StemFile, work: Work | None = None) -> io.Decoded:
    """The sound of a stem at its own rate; a split pair comes as stereo, the shorter side filled with silence."""
    left = io.decode(stem.path, work)
    if stem.right_path is None:
        return left
    right = io.decode(stem.right_path, work)
    length_samples = max(left.audio.length_samples, right.audio.length_samples)
    samples = np.zeros((2, length_samples), dtype=np.float32)
    for channel, side in enumerate((left.audio, right.audio)):
        samples[channel, : side.length_samples] = side.samples[0]
    return replace(left, audio=Audio(samples, left.audio.rate_hz), damage=left.damage or right.damage)


def natural_order(text: str) -> list[tuple[int, int, str]]:
    """Sort key under which ``Audio 2`` stands before ``Audio 10``, whatever the case of letters."""
    parts = re.findall(r"[0-9]+|[^0-9]+", unicodedata.normalize("NFC", text).casefold())
    return [(0, int(part), "") if part[0] in "0123456789" else (1, 0, part) for part in parts]


def is_mix_name(name: str) -> bool:
    """Whether a file name (without suffix) says that the file is a mix of the others."""
    words = load("session_names")
    ignored = set(words["version_words"])
    spoken = [word for word in re.findall(r"[a-z]+|[0-9]+mix|[0-9]+ ?bit", _plain(name)) if word not in ignored]
    for length in (2, 1):
        if " ".join(spoken[-length:]) in words["mix_phrases"]:
            return not set(spoken[:-length]) & set(words["group_words"])
    return False


class _Walked(NamedTuple):
    paths: list[Path]
    skipped: list[SkippedFile]


def _walk(folder: Path) -> _Walked:
    """All files that may be audio, in natural order; the rest with its reason. Links to folders are not followed."""
    _refuse_root(folder)
    found = _Walked([], [])
    for path in _entries(folder, found.skipped):
        reason = _reason_by_name(path)
        if reason is None:
            found.paths.append(path)
        else:
            found.skipped.append(reason)
    return found


def _entries(folder: Path, skipped: list[SkippedFile]) -> Iterator[Path]:
    words = load("session_names")
    junk, song_suffix = set(words["junk_names"]), words["song_suffix"]
    try:
        entries = sorted(os.scandir(folder), key=lambda entry: natural_order(entry.name))
    except OSError as error:
        reason = (error.strerror or "unknown reason").lower()
        skipped.append(SkippedFile(path=folder, code="session.no_permission", reason=f"cannot be opened: {reason}"))
        return
    ours = {"options"} if any(entry.name.endswith(song_suffix) for entry in entries) else set()
    for entry in entries:
        if not entry.is_dir(follow_symlinks=False):
            yield Path(entry.path)
        elif entry.name.startswith(".") or entry.name.casefold() in junk:
            skipped.append(_left_out(Path(entry.path), "session.hidden", "is a hidden or system folder"))
        elif entry.name.endswith(song_suffix) or entry.name in ours:
            skipped.append(_left_out(Path(entry.path), "session.song", "was made by Tapehand"))
        else:
            yield from _entries(Path(entry.path), skipped)


def _refuse_root(folder: Path) -> None:
    name = _shown_name(folder)
    try:
        if not folder.exists():
            raise InputError(
                "session.missing", f"There is no folder {name}", where=str(folder), hint="Check the name and the place"
            )
        if not folder.is_dir():
            raise InputError(
                "session.not_a_folder",
                f"{name} is not a folder",
                where=str(folder),
                hint="Name the folder that holds the stems",
            )
        os.scandir(folder).close()
    except (PermissionError, ValueError):
        raise InputError(
            "session.no_permission",
            f"The folder {name} may not be read",
            where=str(folder),
            hint="Change its permissions or copy it",
        ) from None


def _reason_by_name(path: Path) -> SkippedFile | None:
    words = load("session_names")
    if path.name.startswith(".") or path.name.casefold() in words["junk_names"]:
        return _left_out(path, "session.hidden", "is a hidden or system file")
    suffix = path.suffix.casefold().removeprefix(".")
    if suffix and suffix not in words["audio_suffixes"]:
        return _left_out(path, "session.not_audio", "is not an audio file by its name")
    return None


def _sort_in(path: Path, files: list[StemFile], skipped: list[SkippedFile]) -> None:
    try:
        facts = io.probe(path)
    except InputError as error:
        skipped.append(SkippedFile(path=path, code=error.code, reason=error.message))
        return
    if facts.channels > 2:
        skipped.append(_left_out(path, "session.many_channels", f"has {facts.channels} channels; stems have 1 or 2"))
    else:
        files.append(StemFile(name=path.stem, path=path, right_path=None, facts=facts))


def _joined_pairs(files: Sequence[StemFile]) -> tuple[list[StemFile], list[str]]:
    """Mono files that are the left and right of one name become one stereo track, in the left one's place."""
    sides: dict[tuple[Path, str, str], dict[str, StemFile]] = {}
    for file in files:
        match = SIDE.fullmatch(file.path.stem)
        if match and file.facts.channels == 1:
            key = (file.path.parent, match["base"], file.path.suffix.casefold())
            sides.setdefault(key, {})[match["side"][0].casefold()] = file
    pairs = {
        pair["l"].path: (base, pair["r"])
        for (_folder, base, _suffix), pair in sides.items()
        if len(pair) == 2 and _belong_together(pair["l"].facts, pair["r"].facts)
    }
    right_paths = {right.path for _base, right in pairs.values()}
    tracks, notes = [], []
    for file in files:
        if file.path in pairs:
            base, right = pairs[file.path]
            tracks.append(replace(file, name=base, right_path=right.path))
            notes.append(f"{file.path.name} and {right.path.name} were joined to the stereo track {base}")
        elif file.path not in right_paths:
            tracks.append(file)
    return tracks, notes


def _belong_together(left: FileFacts, right: FileFacts) -> bool:
    if left.rate_hz != right.rate_hz:
        return False
    if left.announced_samples is None or right.announced_samples is None:
        return True
    return abs(left.announced_samples - right.announced_samples) <= PAIR_SLACK_SAMPLES


def _with_own_names(tracks: Sequence[StemFile], folder: Path) -> tuple[list[StemFile], list[str]]:
    """Where two files have one name, the later ones say their format or folder too."""
    taken: set[str] = set()
    named, notes = [], []
    for track in tracks:
        name = next(name for name in _candidates(track, folder) if _same(name) not in taken)
        taken.add(_same(name))
        if name != track.name:
            notes.append(f"{track.path.relative_to(folder)} is called {name}, as there is another {track.name}")
        named.append(replace(track, name=name))
    return named, notes


def _candidates(track: StemFile, folder: Path) -> Iterator[str]:
    yield track.name
    if track.path.parent != folder:
        yield f"{track.name} ({track.path.parent.name})"
    yield f"{track.name} ({track.path.suffix.removeprefix('.') or 'no suffix'})"
    yield from (f"{track.name} ({number})" for number in count(2))


def _same(name: str) -> str:
    """Names that would meet in one file on a disk that ignores case or composes accents."""
    return unicodedata.normalize("NFC", name).casefold()


def _placed(stems: Sequence[StemFile], rate_hz: int) -> tuple[list[StemFile], list[str]]:
    """Each stem where the time reference of its file puts it; all at the start where the references make no sense."""
    told = [_time_reference_s(stem) for stem in stems]
    starts_s = session_starts_s(told, [float(stem.facts.announced_s or 0) for stem in stems])
    if starts_s is None:
        return list(stems), ["the time references of the files do not fit together, so every file begins at the start"]
    placed = [
        replace(stem, start_samples=round(start_s * rate_hz)) for stem, start_s in zip(stems, starts_s, strict=True)
    ]
    late = [stem for stem in placed if stem.start_samples]
    return placed, [
        f"{stem.name} begins at {stem.start_samples / rate_hz:.3f} s by its time reference" for stem in late
    ]


def session_starts_s(references_s: Sequence[Fraction | None], durations_s: Sequence[float]) -> list[Fraction] | None:
    """Where files begin, from the time references that they carry (None: it carries none).

    The earliest reference is the start of the session. Files without one begin at the start; where the others, taken
    literally, fall into the length of those, the references count from the session's start and are used as they are.
    None where a file would begin later than all files one after the other could last.
    """
    known = [reference for reference in references_s if reference is not None]
    silent_s = [duration for each, duration in zip(references_s, durations_s, strict=True) if each is None]
    literal = bool(silent_s) and max(known, default=Fraction(0)) < max(silent_s)
    origin = Fraction(0) if literal else min(known, default=Fraction(0))
    starts_s = [Fraction(0) if each is None else each - origin for each in references_s]
    return starts_s if max(starts_s, default=0) <= sum(durations_s) else None


def _time_reference_s(stem: StemFile) -> Fraction | None:
    """Of a broadcast wave file, exactly; the reference counts samples at the file's own rate."""
    broadcast = read_tags(stem.path).broadcast
    return None if broadcast is None else Fraction(broadcast.time_reference_samples, stem.facts.rate_hz)


def _remarks(stems: Sequence[StemFile], mixes: Sequence[StemFile]) -> list[str]:
    remarks = [f"{mix.name} is taken for a mix of the others by its name and is kept for reference" for mix in mixes]
    lossy = [stem.name for stem in stems if stem.facts.lossy]
    if lossy:
        remarks.append(f"{len(lossy)} of {len(stems)} stems come from lossy files: {', '.join(lossy)}")
    mono = sum(stem.channels == 1 for stem in stems)
    if 0 < mono < len(stems):
        remarks.append(f"{mono} of {len(stems)} stems are mono, the others stereo")
    return remarks


def _time_remarks(daw_time: DawTime | None) -> list[str]:
    return [] if daw_time is None else [f"{daw_time.source} tells the tempo map"]


def _no_audio(folder: Path, skipped: Sequence[SkippedFile]) -> InputError:
    unreadable = [each for each in skipped if each.code.startswith("audio.")]
    detail = f": {unreadable[0].reason}" if len(unreadable) == 1 else f" among {len(skipped)}"
    return InputError(
        "session.no_audio",
        f"{_shown_name(folder)} holds no audio file that can be read{detail}",
        where=str(folder),
        hint="Put the stems into it as WAV, AIFF, FLAC, OGG, MP3 or M4A",
    )


def _left_out(path: Path, code: str, what: str) -> SkippedFile:
    return SkippedFile(path=path, code=code, reason=f"{path.name} {what}")


def _shown_name(folder: Path) -> str:
    return folder.name or str(folder)


def _plain(name: str) -> str:
    """Lower case, accents kept apart, camel case and punctuation opened up: ``RoughMix_v2`` to ``rough mix v2``."""
    opened = re.sub(r"(?<=[a-z])(?=[A-Z])", " ", name)
    return re.sub(r"[^a-z0-9]+", " ", opened.casefold())
