"""Whole sessions: ``python -m bench.listening.sessions``.

Clean generated sessions of 24 stereo tracks x 4 minutes, each listened to in a process of its own: wall time, CPU time,
memory, first facts, and every question at the level shown by default, each of which is a false one. Then real sessions:
how many items are asked, roles by name, and roles with the names scrambled.
"""

import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from tapehand.app.inbox import inbox
from tapehand.app.songs import create_from_folder
from tapehand.bootstrap import make_studio
from tapehand.interchange.folder import list_session
from tapehand.listening.roles import guess_role
from tapehand.testing.sessions import SessionPlan, generate_session
from tapehand.work import Work

REAL = Path(os.environ.get("TAPEHAND_MATERIAL", Path(__file__).parents[3] / "shared" / "material")) / "multitrack"
PLANS = (
    SessionPlan(seed=301),
    SessionPlan(seed=302),
    SessionPlan(seed=303, bpm=68.0),
    SessionPlan(seed=304, bpm=96.0, rate_hz=48_000),
    SessionPlan(seed=305, bpm=112.0),
    SessionPlan(seed=306, bpm=128.0, rate_hz=48_000),
    SessionPlan(seed=307, bpm=148.0),
    SessionPlan(seed=308, bpm=174.0, rate_hz=32_000),
)
LISTEN = """
import json, resource, sys, time
begun = time.monotonic()
from pathlib import Path
from bench.timing import peak_memory_mb
from tapehand.app.inbox import Question, entries
from tapehand.app.listen import listen_to_path
from tapehand.bootstrap import make_studio
from tapehand.work import Work
first = []
note_time = lambda facts: first.append(time.monotonic() - begun)
heard = listen_to_path(make_studio(2), Path(sys.argv[1]), Work(), note_time).heard
names = {track.id: track.name for track in heard.tracks}
asked = [Question(finding=each, track_name=names.get(each.track)) for each in heard.findings if each.severity != "note"]
usage = resource.getrusage(resource.RUSAGE_SELF)
print(json.dumps({
    "wall_s": time.monotonic() - begun, "cpu_s": usage.ru_utime + usage.ru_stime, "memory_mb": peak_memory_mb(),
    "first_s": first[0], "notes": len(heard.findings) - len(asked),
    "asked": [[entry.kind, list(entry.tracks)] for entry in entries(asked)],
    "roles": {track.name: [track.role, track.role_confidence] for track in heard.tracks},
}))
"""


def listened(folder: Path) -> Mapping[str, Any]:
    """What a fresh process says that has never heard the folder."""
    with tempfile.TemporaryDirectory() as cache:
        environment = {**os.environ, "XDG_CACHE_HOME": cache}
        done = subprocess.run(
            [sys.executable, "-c", LISTEN, str(folder)], check=True, capture_output=True, text=True, env=environment
        )
    told: Mapping[str, Any] = json.loads(done.stdout)
    return told


def scrambled(folder: Path, into: Path) -> None:
    """The same files under names that say nothing."""
    for number, stem in enumerate(list_session(folder).stems, start=1):
        (into / f"{number * 7919 % 1000:03d}{stem.path.suffix}").symlink_to(stem.path)


def generated() -> list[str]:
    """A row for each clean generated session."""
    rows = []
    for plan in PLANS:
        with tempfile.TemporaryDirectory() as folder:
            stems = Path(folder) / "stems"
            tempo = generate_session(stems, plan).bpm
            told = listened(stems)
        kinds = ", ".join(f"{kind} ({len(tracks)})" for kind, tracks in told["asked"]) or "–"
        rows.append(
            f"| {plan.seed} | {plan.rate_hz / 1000:g} | {tempo:.0f} "
            f"| {told['wall_s']:.1f} | {told['cpu_s']:.1f} | {told['memory_mb']:.0f} | {told['first_s']:.2f} "
            f"| {sum(len(tracks) or 1 for _, tracks in told['asked'])} | {kinds} | {told['notes']} |"
        )
    return rows


def asked_at_import(folder: Path) -> int:
    """Questions that wait once a folder has become a song, before it is listened to."""
    with tempfile.TemporaryDirectory() as other:
        song = Path(other) / "song.tapehand"
        with create_from_folder(make_studio(2), folder, song, by="bench", work=Work()) as store:
            return len(inbox(store).entries)


def real(folders: Sequence[Path]) -> list[str]:
    """A row for each real session."""
    rows = []
    for folder in folders:
        told = listened(folder)
        stems = list_session(folder).stems
        named = sum(not guess_role(stem.name).asks for stem in stems)
        truth = {f"{number * 7919 % 1000:03d}": stem.name for number, stem in enumerate(stems, start=1)}
        with tempfile.TemporaryDirectory() as other:
            scrambled(folder, Path(other))
            blind = listened(Path(other))["roles"]
        wrong = sum(
            confidence >= 0.7 and role != guess_role(truth[name]).role for name, (role, confidence) in blind.items()
        )
        rows.append(
            f"| {folder.name} | {len(stems)} | {named} | {wrong} | {asked_at_import(folder)} | {len(told['asked'])} "
            f"| {', '.join(kind for kind, _ in told['asked']) or '–'} | {told['notes']} |"
        )
    return rows


def truth_of_names(folder: Path) -> list[tuple[Path, str]]:
    """The tracks of a session whose names say what they are."""
    read = [(stem.path, guess_role(stem.name)) for stem in list_session(folder).stems]
    return [(path, guess.role) for path, guess in read if not guess.asks]


def measure() -> str:
    """Both tables."""
    folders = sorted(path for path in REAL.iterdir() if path.is_dir()) if REAL.is_dir() else []
    return "\n".join(
        [
            "## Whole sessions",
            "Clean generated sessions of 24 stereo tracks x 4 minutes, 24 bits; two threads, fresh process.",
            "",
            "| seed | kHz | BPM | wall s | CPU s | MB | first facts s | questions | of these kinds (tracks) | notes |",
            "|---|---|---|---|---|---|---|---|---|---|",
            *generated(),
            "",
            "Real sessions. Scrambled: the same files under numbers; wrong: another role, said with 0.7 or more.",
            "",
            "| session | tracks | named | scrambled and surely wrong | asked at import | asked then | kinds | notes |",
            "|---|---|---|---|---|---|---|---|",
            *real(folders),
        ]
    )


if __name__ == "__main__":
    print(measure())
