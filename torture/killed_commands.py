"""One command, killed (-9) at a moment that nobody chose while it imports, listens, renders, decides or exports.

Afterwards the song opens and holds all that it held; nothing half written has a final name; the same command, given
again, ends well with the same files as one that was never killed, and nothing unfinished is left lying about.
"""

import atexit
import contextlib
import functools
import hashlib
import os
import random
import shutil
import signal
import tempfile
import time
from dataclasses import dataclass, field
from pathlib import Path

import soundfile

from tapehand.cli.main import main
from tapehand.errors import TapehandError
from tapehand.song.event import Event
from tapehand.store.health import examine
from tapehand.store.song_folder import SongFolder
from tapehand.testing.sessions import SessionPlan, generate_session

REOPEN_S = 2.0
# The stretch of a generated session that is used: short, and every track plays in it.
START_S, END_S = 12.0, 13.5
# What each command is called here, and its arguments; OUT is what it makes.
COMMANDS = {
    "mix": ["mix", "stems", "-o", "OUT", "--accept", "recommended"],
    "beat": ["beat", "boom bap, 120 bpm, 4 bars", "-o", "OUT", "--draft", "--seed", "3"],
    "master": ["master", "mixed.wav", "-o", "OUT.wav", "--lufs", "-20"],
    "new": ["new", "OUT.tapehand", "--from", "stems"],
    "propose": ["propose", "mix", "--song", "song.tapehand"],
    "hear": ["hear", "1", "-o", "OUT", "--song", "song.tapehand"],
    "blind": ["hear", "1", "--blind", "preference", "-o", "OUT", "--by", "Ada", "--song", "song.tapehand"],
    "play": ["hear", "-o", "OUT.wav", "--song", "song.tapehand"],
    "decide": ["decide", "1", "--option", "as-it-came", "--by", "Ada", "--song", "song.tapehand"],
}
# Exporting and rendering take longest and are killed most; a decision is short, and has campaigns of its own.
CHOSEN = ["mix", "mix", "beat", "master", "new", "propose", "hear", "hear", "blind", "play", "play", "decide", "decide"]
ACKNOWLEDGES = {"propose": 1, "decide": 1, "blind": 1, "play": 1}
WRITES_CHANCE = {"blind"}


@dataclass(slots=True)
class Scene:
    """A folder with stems, a mix and a song, and what each command takes and makes when nobody kills it."""

    folder: Path
    lasts_s: dict[str, float] = field(default_factory=dict)
    makes: dict[str, dict[str, str]] = field(default_factory=dict)


def attempt(number: int, folder: Path) -> str | None:
    """Kill one command and look at what it left; where it was done before it could be killed, again and sooner."""
    chance = random.Random(number)
    name = chance.choice(CHOSEN)
    latest_s = scene().lasts_s[name]
    for turn in range(4):
        here = folder / f"turn-{turn}"
        shutil.copytree(scene().folder, here)
        ended = run(name, here, kill_after_s=chance.uniform(0.0, latest_s / 2**turn))
        if trouble := looked_at(name, here, ended):
            return f"{name} {'killed' if ended is None else f'ended with {ended}'}: {trouble}"
        if ended is None:
            return None
    return None


def looked_at(name: str, here: Path, ended: int | None) -> str | None:
    """One sentence about what is not as it should be after a command was killed (None) or ended, or None."""
    if ended:
        return "it failed"
    before = events(scene().folder / "song.tapehand")
    started_s = time.monotonic()
    after = events(here / "song.tapehand")
    if time.monotonic() - started_s > REOPEN_S:
        return f"opening the song took {time.monotonic() - started_s:.1f} s"
    if after[: len(before)] != before:
        return "the past was changed"
    if ended == 0 and len(after) - len(before) < ACKNOWLEDGES.get(name, 0):
        return "what it acknowledged is not in the log"
    if troubles := examine(here / "song.tapehand"):
        return f"the doctor finds: {troubles[0].what}"
    made = fingerprints(here, name)
    if made and made != scene().makes[name]:
        return f"something half written has a final name: {differing(made, scene().makes[name])}"
    return done_again(name, here, is_made=bool(made), decided=len(after) > len(before))


def done_again(name: str, here: Path, *, is_made: bool, decided: bool) -> str | None:
    """The same command again, where it has something left to do; then a small one, and no rubbish beside either."""
    if name == "blind" and decided:
        run_whole(["hear", "1", "--stop", "--by", "Ada", "--song", "song.tapehand"], here)
    if not is_made and not (name == "decide" and decided):
        if trouble := run(name, here):
            return f"again it ends with {trouble}"
        if fingerprints(here, name) != scene().makes[name]:
            return f"again it makes something else: {differing(fingerprints(here, name), scene().makes[name])}"
    if trouble := run_whole(["hear", "-o", "last.wav", "--song", "song.tapehand"], here):
        return f"the song can be heard no more: {trouble}"
    rubbish = [path for path in here.rglob("*") if ".tapehand-" in path.name or ".part" in path.name]
    return f"left lying about: {rubbish[0].relative_to(here)}" if rubbish else None


@functools.cache
def scene() -> Scene:
    """The scene, made once; every command is let finish in it once, in a copy."""
    home = Path(tempfile.mkdtemp(prefix="tapehand-scene-"))
    made_by = os.getpid()
    atexit.register(lambda: shutil.rmtree(home, ignore_errors=True) if os.getpid() == made_by else None)
    made = Scene(folder=home / "scene")
    generate_session(home / "whole", SessionPlan(seed=1, tracks=3, length_s=4.0))
    (made.folder / "stems").mkdir(parents=True)
    for stem in (home / "whole").glob("*.wav"):
        rate_hz = soundfile.info(stem).samplerate
        sound, _ = soundfile.read(stem, always_2d=True, start=round(START_S * rate_hz), stop=round(END_S * rate_hz))
        soundfile.write(made.folder / "stems" / stem.name, sound, rate_hz, subtype="PCM_24")
    for arguments in (
        ["new", "song.tapehand", "--from", "stems"],
        ["propose", "mix", "--song", "song.tapehand"],
        ["hear", "-o", "mixed.wav", "--song", "song.tapehand"],
    ):
        assert run_whole(arguments, made.folder) == 0, arguments
    for name in COMMANDS:
        shutil.copytree(made.folder, home / name)
        started_s = time.monotonic()
        assert run(name, home / name) == 0, name
        made.lasts_s[name] = time.monotonic() - started_s
        made.makes[name] = fingerprints(home / name, name)
    return made


def run(name: str, here: Path, kill_after_s: float | None = None) -> int | None:
    """Run a command in a process of its own; its exit code, or None where it was killed."""
    return run_whole(COMMANDS[name], here, kill_after_s)


def run_whole(arguments: list[str], here: Path, kill_after_s: float | None = None) -> int | None:
    """The same of any arguments. The process is a copy of this one, so that little time goes into beginning."""
    child = os.fork()
    if child == 0:
        _be_command(arguments, here)
    if kill_after_s is not None:
        time.sleep(kill_after_s)
        with contextlib.suppress(ProcessLookupError):
            os.kill(child, signal.SIGKILL)
    _, status = os.waitpid(child, 0)
    code = os.waitstatus_to_exitcode(status)
    return None if code == -signal.SIGKILL else code


def _be_command(arguments: list[str], here: Path) -> None:
    """In the copy: be the command and nothing else."""
    code = 99
    try:
        os.chdir(here)
        os.environ.update(XDG_CACHE_HOME=str(here / "cache"), TMPDIR=str(here), TAPEHAND_CACHE_MB="0")
        tempfile.tempdir = None
        nowhere = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nowhere, 1)
        os.dup2(nowhere, 2)
        main(arguments)
    except SystemExit as ended:
        code = ended.code if isinstance(ended.code, int) else 0
    finally:
        os._exit(code)


def events(song: Path) -> list[Event]:
    """All that happened to a song; raises where it cannot be opened."""
    with SongFolder(song) as store:
        store.state()
        return list(store.events())


def fingerprints(here: Path, name: str) -> dict[str, str]:
    """What a command made, by name: bytes by their hash; a song by its doctor's word; drawn files by their length."""
    made = {}
    for top in sorted(here.glob("OUT*")):
        for path in sorted(top.rglob("*")) if top.is_dir() else [top]:
            inside = [part for part in path.parents if part.suffix == ".tapehand"]
            if path.suffix == ".tapehand":
                made[str(path.relative_to(here))] = song_word(path)
            elif path.is_file() and not inside:
                is_drawn = name in WRITES_CHANCE
                made[str(path.relative_to(here))] = str(path.stat().st_size) if is_drawn else digest(path)
        if top.suffix == ".tapehand":
            made[top.name] = song_word(top)
    return made


def song_word(song: Path) -> str:
    """How many events a song holds, and what the doctor finds."""
    try:
        return f"{len(events(song))} events, {[trouble.code for trouble in examine(song)]}"
    except TapehandError as error:
        return error.code


def digest(path: Path) -> str:
    """SHA-256 of a file."""
    return hashlib.sha256(path.read_bytes()).hexdigest()


def differing(made: dict[str, str], wanted: dict[str, str]) -> str:
    """The names that two results do not share, or do not mean the same by."""
    return ", ".join(sorted(name for name in made.keys() | wanted.keys() if made.get(name) != wanted.get(name))[:4])
