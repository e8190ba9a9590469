"""Findings of a file, a folder of stems, or a song. Nothing is changed."""

from pathlib import Path
from typing import Any

from tapehand.app.inbox import finding_plain, findings_plain, questions
from tapehand.app.songs import SONG_SUFFIX, late_findings, left_out_findings
from tapehand.app.studio import Studio
from tapehand.audio import io
from tapehand.listening.faults import damage_finding, listen, listen_to_blocks
from tapehand.listening.lengths import TrackLength, session_findings
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
    if path.suffix == SONG_SUFFIX and path.is_dir():
        with studio.open_song(path) as store:
            found = findings_plain(questions(store.state()))
    elif path.is_dir():
        found = [finding_plain(finding, finding.track) for finding in folder_findings(studio, path, work)]
    else:
        found = [finding_plain(finding, path.stem) for finding in file_findings(path, work)]
    return {"schema": "Findings.1", "findings": found}


def file_findings(path: Path, work: Work) -> list[Finding]:
    """What one file gives reason to ask; raises InputError as ``audio.io.decode``."""
    with io.Reader(path) as reader:
        heard = listen_to_blocks(reader.blocks(), reader.facts.channels, reader.facts.rate_hz)
        work.report("check.listen", 1, 1)
        damage, rate_hz = reader.damage(), reader.facts.rate_hz
    damaged = [] if damage is None else [damage_finding(damage, rate_hz, path.stem, str(path))]
    return [*damaged, *heard.findings(path.stem, str(path))]


def folder_findings(studio: Studio, folder: Path, work: Work) -> list[Finding]:
    """What a folder of stems gives reason to ask; raises InputError as its reader."""
    listed = studio.list_stems(folder, work)
    found: list[Finding] = []
    lengths: list[TrackLength] = []
    for done, stem in enumerate(listed.stems):
        work.report("check.listen", done, len(listed.stems))
        decoded = studio.read_stem(stem, None)
        audio, path = decoded.audio, str(stem.path)
        if decoded.damage is not None:
            found.append(damage_finding(decoded.damage, audio.rate_hz, stem.name, path))
        found.extend(listen(audio).findings(stem.name, path))
        lengths.append(
            TrackLength(track=stem.name, path=path, length_samples=audio.length_samples, rate_hz=audio.rate_hz)
        )
    late = late_findings(listed, [stem.name for stem in listed.stems])
    return [*found, *session_findings(lengths, listed.rate_hz), *left_out_findings(listed), *late]
