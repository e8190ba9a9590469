"""Programs that are killed while somebody decides: what was acknowledged is kept, what was not is whole or absent."""

import hashlib
import json
import random
import subprocess
import sys
from pathlib import Path

import numpy as np
import soundfile

ROUNDS = 4
LATEST_KILL_S = 1.2
COMMAND = [sys.executable, "-c", "from tapehand.cli.main import main; main()"]


def attempt(number: int, folder: Path) -> str | None:
    """Make a small song, then decide and undo in turn while being killed at moments that nobody chose."""
    chance = random.Random(number)
    stems = make_stems(folder / "stems", chance)
    song = folder / "small.tapehand"
    for arguments in (["new", str(song), "--from", str(stems)], ["propose", "mix", "--song", str(song)]):
        if trouble := failed(arguments):
            return trouble
    before = hashes(stems)
    for _ in range(ROUNDS):
        if trouble := round_of(song, chance):
            return trouble
    if hashes(stems) != before:
        return "a stem was changed"
    events = logged(song)
    return failed(["undo" if decided(events) else "decide", *answer(events), "--song", str(song)])


def round_of(song: Path, chance: random.Random) -> str | None:
    """One decision or undo, killed or not; None when the log afterwards is as it may be."""
    before = logged(song)
    verb = "undo" if decided(before) else "decide"
    running = subprocess.Popen(
        [*COMMAND, verb, *answer(before), "--song", str(song)],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
    )
    try:
        _, told = running.communicate(timeout=chance.uniform(0.0, LATEST_KILL_S))
    except subprocess.TimeoutExpired:
        running.kill()
        _, told = running.communicate()
    if running.returncode > 0:
        return f"{verb} ended with {running.returncode}: {told.decode(errors='replace').strip()[-200:]}"
    after = logged(song)
    if after[: len(before)] != before:
        return f"{verb} changed the past"
    if running.returncode == 0 and len(after) != len(before) + 1:
        return f"{verb} was acknowledged and is not in the log"
    if len(after) - len(before) not in (0, 1):
        return f"{verb} left {len(after) - len(before)} events"
    return None


def answer(events: list[str]) -> list[str]:
    """What follows the verb: who, and which option."""
    return ["--by", "Ada"] if decided(events) else ["1", "--option", "as-it-came", "--by", "Ada"]


def decided(events: list[str]) -> bool:
    """Whether the last thing that happened was a decision."""
    return bool(events) and events[-1].startswith("accepted")


def logged(song: Path) -> list[str]:
    """What happened to the song, in words, oldest first."""
    finished = subprocess.run([*COMMAND, "log", "--json", "--song", str(song)], capture_output=True, check=True)
    return [event["what"] for event in json.loads(finished.stdout)["events"]]


def failed(arguments: list[str]) -> str | None:
    """Run a command to its end; None when it went well."""
    finished = subprocess.run([*COMMAND, *arguments], capture_output=True, text=True, check=False)
    said = f"{arguments[0]} ended with {finished.returncode}: {finished.stderr.strip()[-200:]}"
    return None if finished.returncode == 0 else said


def make_stems(folder: Path, chance: random.Random) -> Path:
    """Three stems of one second of noise."""
    folder.mkdir()
    generator = np.random.default_rng(chance.getrandbits(32))
    for name in ("Kick", "Bass", "Lead Vox"):
        soundfile.write(folder / f"{name}.wav", 0.1 * generator.standard_normal((44_100, 1)), 44_100)
    return folder


def hashes(folder: Path) -> dict[str, str]:
    """The hash of each file of a folder."""
    return {path.name: hashlib.sha256(path.read_bytes()).hexdigest() for path in sorted(folder.iterdir())}
