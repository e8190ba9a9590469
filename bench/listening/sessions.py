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

from tapehand.interchange.folder import list_session
from tapehand.listening.roles import guess_role
from tapehand.testing.sessions import SessionPlan, generate_session

REAL = Path(os.environ.get("TAPEHAND_MATERIAL", Path(__file__).parents[3] / "shared" / "material")) / "multitrack"
SEEDS = (301, 302)
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
    for seed in SEEDS:
        with tempfile.TemporaryDirectory() as folder:
            stems = Path(folder) / "stems"
            generate_session(stems, SessionPlan(seed=seed, tracks=24, length_s=240.0))
            told = listened(stems)
        kinds = ", ".join(f"{kind} ({len(tracks)})" for kind, tracks in told["asked"]) or "–"
        rows.append(
            f"| {seed} | {told['wall_s']:.1f} | {told['cpu_s']:.1f} | {told['memory_mb']:.0f} | {told['first_s']:.2f} "
            f"| {sum(len(tracks) or 1 for _, tracks in told['asked'])} | {kinds} | {told['notes']} |"
        )
    return rows


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
            f"| {folder.name} | {len(stems)} | {named} | {wrong} | {len(told['asked'])} "
            f"| {', '.join(kind for kind, _ in told['asked']) or '–'} | {told['notes']} |"
        )
    return rows


def measure() -> str:
    """Both tables."""
    folders = sorted(path for path in REAL.iterdir() if path.is_dir()) if REAL.is_dir() else []
    return "\n".join(
        [
            "## Whole sessions",
            "Clean generated sessions of 24 stereo tracks x 4 minutes, 44.1 kHz, 24 bits; two threads, fresh process.",
            "",
            "| seed | wall s | CPU s | MB | first facts s | questions | of these kinds (tracks) | notes |",
            "|---|---|---|---|---|---|---|---|",
            *generated(),
            "",
            "Real sessions. Scrambled: the same files under numbers; wrong: another role, said with 0.7 or more.",
            "",
            "| session | tracks | named | scrambled, confidently wrong | items asked | kinds | notes |",
            "|---|---|---|---|---|---|---|",
            *real(folders),
        ]
    )


if __name__ == "__main__":
    print(measure())
