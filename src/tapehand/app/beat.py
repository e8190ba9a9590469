"""A sentence becomes a song: composed, mixed, mastered, with stems and MIDI, all from one seed."""

import json
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

import numpy as np

from tapehand.app.audition import write_options
from tapehand.app.decide import decide
from tapehand.app.deliver import note_rendered, stem_files, write_mix_and_stems
from tapehand.app.master import Mastered, master_brief, write_master
from tapehand.app.propose import ask, propose
from tapehand.app.songs import create_empty
from tapehand.app.studio import Studio
from tapehand.app.view import FileView, song_of, view_of
from tapehand.audio import Audio
from tapehand.audio.atomic import AtomicFile
from tapehand.audio.atomic_folder import AtomicFolder
from tapehand.audio.buffer import Samples
from tapehand.ports.song_store import SongStore
from tapehand.song.brief import Brief, BriefField
from tapehand.song.fold import Filed
from tapehand.song.op import apply_all
from tapehand.song.song import Song
from tapehand.work import Work

SONG: Final = "song.tapehand"
RATE_HZ: Final = 44_100
LONGEST_TITLE: Final = 80


class Stopwatch:
    """Seconds spent in each part of the work."""

    def __init__(self) -> None:
        self.seconds: dict[str, float] = {}

    @contextmanager
    def timing(self, part: str) -> Iterator[None]:
        """Add what passes in the block to ``part``."""
        start = time.perf_counter()
        try:
            yield
        finally:
            self.seconds[part] = round(self.seconds.get(part, 0.0) + time.perf_counter() - start, 3)


def make_beat(
    studio: Studio,
    prompt: str,
    out: Path,
    *,
    by: str,
    seed: int = 0,
    takes: int = 1,
    draft: bool = False,
    rate_hz: int = RATE_HZ,
    work: Work,
) -> dict[str, Any]:
    """Make ``out``/{mix.wav, master.wav, stems/*.wav, song.mid, brief.json, song.tapehand}; the ``Beat.1`` record.

    The command is the decision: the first take is accepted for ``by``. With more ``takes`` all of them lie in
    ``out``/options, matched in loudness, and another can be decided for after an undo. A ``draft`` has neither stems
    nor master. ``out`` appears whole or not at all.

    Raises
    ------
    InputError
        The prompt cannot be understood, or asks for what cannot be made.
    OutputError
        ``out`` is taken, cannot be written, or the disk is full.
    Cancelled
        ``work`` was cancelled.
    """
    out, watch = Path(out), Stopwatch()
    with AtomicFolder(out) as target:
        building = target.building
        with create_empty(studio, building / SONG, rate_hz, name=_title(prompt), by=by) as store:
            with watch.timing("plan"):
                filed = propose(studio, store, "composing", beat_brief(prompt, takes), seed=seed, work=work)
            _write_brief(building / "brief.json", prompt, seed, filed)
            with watch.timing("render"):
                options = _write_takes(studio, store, filed, building, work) if takes > 1 else []
            decide(store, filed.number, "accept", by=by, option=filed.proposal.options[0].id)
            mix, stems = _write_mix(studio, store, building, watch, by=by, with_stems=not draft, work=work)
            song = song_of(store.state())
            studio.write_midi(song, building / "song.mid")
            if not draft:
                with watch.timing("master"):
                    _write_master(studio, store, mix, building / "master.wav", by=by, seed=seed, work=work)
    return {
        "schema": "Beat.1",
        "brief": brief_plain(filed.proposal.brief or Brief()),
        "sections": [
            {"name": section.name, "start_bar": section.start_bar, "bars": section.bars} for section in song.sections
        ],
        "stems": [{"part": part, "path": str(out / "stems" / name)} for part, name in stems],
        "parts": [track.name for track in song.tracks],
        "midi": str(out / "song.mid"),
        "mix": str(out / "mix.wav"),
        "master": None if draft else str(out / "master.wav"),
        "song": str(out / SONG),
        "options": [{"name": name, "path": str(out / "options" / file)} for name, file in options],
        "not_made": list(filed.proposal.not_made),
        "seconds": {part: watch.seconds.get(part, 0.0) for part in ("plan", "render", "mix", "master")},
    }


def understand(studio: Studio, prompt: str, *, seed: int = 0, work: Work) -> dict[str, Any]:
    """What would be made of a prompt, without a sound: ``brief``, ``sections`` and ``not_made`` of ``Beat.1``."""
    song = Song(name="brief", rate_hz=RATE_HZ)
    view = FileView(state=song, sounds={}, mixed="")
    _, proposal = ask(studio, view, "composing", beat_brief(prompt, 1), seed=seed, work=work)
    planned = apply_all(song, proposal.options[0].ops)
    return {
        "schema": "Beat.1",
        "brief": brief_plain(proposal.brief or Brief()),
        "sections": [
            {"name": section.name, "start_bar": section.start_bar, "bars": section.bars} for section in planned.sections
        ],
        "parts": [track.name for track in planned.tracks],
        "not_made": list(proposal.not_made),
    }


def beat_brief(prompt: str, takes: int) -> Brief:
    """The brief of a prompt that nobody has read yet."""
    wanted = (BriefField(name="takes", value=takes, origin="said"),) if takes > 1 else ()
    return Brief(text=prompt, fields=wanted)


def brief_plain(brief: Brief) -> dict[str, Any]:
    """The fields of a brief with where they come from."""
    return {
        field.name: {"value": field.value, "origin": field.origin, "confidence": field.confidence}
        for field in brief.fields
    }


def _title(prompt: str) -> str:
    """A name for the song until somebody gives it one."""
    return " ".join(prompt.split())[:LONGEST_TITLE] or "beat"


def field_words(name: str) -> str:
    """The name of a brief's field for people, its unit in brackets."""
    for suffix, unit in (("_bpm", "BPM"), ("_percent", "%"), ("_s", "s")):
        if name.endswith(suffix):
            return f"{name.removesuffix(suffix).replace('_', ' ')} ({unit})"
    return name.replace("_", " ")


def value_words(value: object) -> str:
    """The value of a brief's field for people; a dash for nothing."""
    if isinstance(value, list | tuple):
        return ", ".join(value_words(part) for part in value) or "–"
    return "–" if value is None else f"{value:g}" if isinstance(value, float) else str(value)


def _write_brief(path: Path, prompt: str, seed: int, filed: Filed) -> None:
    """What was asked, understood, and by which engine and seed; the same bytes for the same question."""
    proposal = filed.proposal
    plain = {
        "schema": "BeatBrief.1",
        "prompt": prompt,
        "seed": seed,
        "engine": proposal.provenance.engine,
        "version": proposal.provenance.version,
        "licence": proposal.provenance.licence,
        "brief": brief_plain(proposal.brief or Brief()),
        "not_made": list(proposal.not_made),
    }
    with AtomicFile(path) as target:
        target.file.write((json.dumps(plain, indent=2, ensure_ascii=True, allow_nan=False) + "\n").encode())


def _write_takes(studio: Studio, store: SongStore, filed: Filed, building: Path, work: Work) -> list[tuple[str, str]]:
    folder = building / "options"
    folder.mkdir()
    heard = write_options(view_of(studio, store), filed.proposal, folder, work=work)
    return [(each.option.name, each.path.name) for each in heard]


def _write_mix(
    studio: Studio, store: SongStore, building: Path, watch: Stopwatch, *, by: str, with_stems: bool, work: Work
) -> tuple[Audio, list[tuple[str, str]]]:
    renderer = view_of(studio, store).renderer(work=work)
    stems = stem_files(renderer.song, building / "stems") if with_stems else {}
    if with_stems:
        (building / "stems").mkdir()
    heard: list[Samples] = []
    with watch.timing("render"):
        write_mix_and_stems(renderer, building / "mix.wav", stems, heard=heard.append)
    with watch.timing("mix"):
        note_rendered(studio, store, building / "mix.wav", by=by)
    names = {owner.id: owner.name for owner in renderer.song.owners}
    mix = Audio.of(np.concatenate(heard, axis=1), renderer.song.rate_hz)
    return mix, [(names[identity], path.name) for identity, path in stems.items()]


def _write_master(
    studio: Studio, store: SongStore, mix: Audio, path: Path, *, by: str, seed: int, work: Work
) -> Mastered:
    filed = propose(studio, store, "mastering", master_brief({}), seed=seed, work=work)
    before = song_of(store.state())
    mastered = write_master(before, mix, filed.proposal, path, work=work)
    decide(store, filed.number, "accept", by=by, option=mastered.option.id)
    note_rendered(studio, store, path, by=by)
    return mastered
