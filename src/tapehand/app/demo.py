"""The demo: one sentence becomes a beat, its stems are thrown together, mixed by a proposal, mastered, and reported.

Everything in it goes through the use cases that everybody else calls; only the throwing together is its own.
"""

import random
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np

from tapehand.app.beat import make_beat
from tapehand.app.deliver import write_native
from tapehand.app.demo_report import DemoFacts, demo_report
from tapehand.app.log_view import log_rows
from tapehand.app.master import master_file
from tapehand.app.matching import turned
from tapehand.app.mix import mix_folder
from tapehand.app.report import Report, as_html
from tapehand.app.studio import Studio
from tapehand.app.view import song_of, view_of
from tapehand.audio import Audio, io
from tapehand.audio.atomic_folder import AtomicFolder
from tapehand.meters.loudness import integrated_lufs
from tapehand.units import gain_to_db
from tapehand.work import Work

PROMPT: Final = "dusty boom bap, 88 bpm, F minor, two minutes"
BEAT, THROWN, MIXED, MASTER, REPORT = "1-beat", "2-thrown-together", "3-mix", "master.wav", "report.html"
THROWN_GAIN_DB: Final = 12.0
HEADROOM_DBFS: Final = -1.0
TARGET_LUFS: Final = -14.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Demo:
    """What the demo made: the JSON record, and the report for people."""

    record: dict[str, Any]
    report: Report


def make_demo(studio: Studio, out: Path, *, by: str, seed: int = 7, prompt: str | None = None, work: Work) -> Demo:
    """Make the demo's folder, whole or not at all; ``by`` is the decider of the decisions it states.

    Raises
    ------
    InputError
        ``prompt`` cannot be understood.
    OutputError
        ``out`` is taken, cannot be written, or the disk is full.
    Cancelled
        ``work`` was cancelled.
    """
    with AtomicFolder(Path(out)) as target:
        building = target.building
        beat = make_beat(studio, prompt or PROMPT, building / BEAT, by=by, seed=seed, work=work)
        gains_db = throw_together(building / BEAT / "stems", building / THROWN, seed=seed, work=work)
        mix = mix_folder(studio, building / THROWN, building / MIXED, by=by, accept="recommended", seed=seed, work=work)
        master = master_file(
            studio,
            building / MIXED / "mix.wav",
            building / MASTER,
            wishes={"lufs": TARGET_LUFS},
            seed=seed,
            work=work,
        )
        work.report("demo.report", 0, 1)
        thrown = _sounds(building / THROWN)
        rough = _write_rough(building, thrown, work)
        facts = DemoFacts(
            prompt=prompt or PROMPT,
            seed=seed,
            by=by,
            beat=beat,
            mix=mix,
            master=master,
            thrown_gains_db=gains_db,
            levels_before=_levels(thrown),
            levels_composed=_levels(_sounds(building / BEAT / "stems")),
            rough=rough,
            mastered=io.read(building / MASTER),
            **_told_by_the_songs(studio, building),
        )
        report = demo_report(facts)
        (building / REPORT).write_text(as_html(report), encoding="utf-8")
    return Demo(record=_record(Path(out), facts), report=report)


def throw_together(stems: Path, folder: Path, *, seed: int, work: Work) -> dict[str, float]:
    """Copies of ``stems`` at random levels within 12 dB either way, as a stranger's export might arrive.

    All are turned down together so that none goes over full scale. Returns the gain of each by its name, in dB.
    """
    folder.mkdir()
    draw = random.Random(f"throw together {seed}")
    sounds = _sounds(stems)
    gains_db = {name: draw.uniform(-THROWN_GAIN_DB, THROWN_GAIN_DB) for name in sounds}
    peaks_db = [_peak_db(audio) + gains_db[name] for name, audio in sounds.items()]
    trim_db = min(0.0, HEADROOM_DBFS - max(peaks_db, default=0.0))
    for done, (name, audio) in enumerate(sounds.items()):
        work.report("demo.throw", done, len(sounds))
        io.write(folder / f"{name}.wav", turned(audio, gains_db[name] + trim_db))
    return {name: gain_db + trim_db for name, gain_db in gains_db.items()}


def _peak_db(audio: Audio) -> float:
    return gain_to_db(float(np.abs(audio.samples).max(initial=0.0)))


def _sounds(folder: Path) -> dict[str, Audio]:
    """Every WAV of a folder by its name, in order."""
    return {path.stem: io.read(path) for path in sorted(folder.glob("*.wav"))}


def _levels(sounds: Mapping[str, Audio]) -> dict[str, float]:
    return {name: integrated_lufs(audio) for name, audio in sounds.items()}


def _told_by_the_songs(studio: Studio, building: Path) -> dict[str, Any]:
    """What the report takes from the two songs: the composed one, and the one that was mixed."""
    with studio.open_song(building / BEAT / "song.tapehand") as store:
        composed = song_of(store.state())
        provenance = store.state().proposals[0].proposal.provenance
    after: dict[str, float] = {}
    with studio.open_song(building / MIXED / "song.tapehand") as store:
        view_of(studio, store).renderer().mix(
            lambda _identity, name, audio: after.__setitem__(name, integrated_lufs(audio))
        )
        log = tuple(log_rows(store))
    return {"composed": composed, "provenance": provenance, "levels_after": after, "log": log}


def _write_rough(building: Path, thrown: Mapping[str, Audio], work: Work) -> Audio:
    """The plain sum of the thrown-together stems, also as a file that is no louder than the mix."""
    rough = _plain_sum(list(thrown.values()))
    difference_db = integrated_lufs(io.read(building / MIXED / "mix.wav")) - integrated_lufs(rough)
    write_native(building / f"{THROWN}.wav", turned(rough, min(difference_db, 0.0)), work)
    return rough


def _plain_sum(sounds: list[Audio]) -> Audio:
    length = max(audio.length_samples for audio in sounds)
    total = np.zeros((2, length))
    for audio in sounds:
        total[:, : audio.length_samples] += audio.stereo().samples
    return Audio.of(total, sounds[0].rate_hz)


def _record(out: Path, facts: DemoFacts) -> dict[str, Any]:
    return {
        "schema": "Demo.1",
        "folder": str(out),
        "report": str(out / REPORT),
        "mix": str(out / MIXED / "mix.wav"),
        "master": str(out / MASTER),
        "accepted": facts.mix["proposal"]["recommended"],
        "by": facts.by,
        "integrated_lufs": facts.master["integrated_lufs"],
        "true_peak_dbtp": facts.master["true_peak_dbtp"],
    }
