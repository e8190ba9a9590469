"""Power losses: a song is made and decided upon, every write and sync is recorded, and the disk is put together anew as
a power cut at some moment may have left it. What was acknowledged before that moment must be there, whole.

The disk of a cut at a moment: of each file all that was written before its last sync, and any of what was written since
(each write whole, torn, or not at all); of each folder the names that were synced, and the first few of those given or
taken since. That is harsher than most file systems are.
"""

import itertools
import random
import shutil
import subprocess
import sys
from dataclasses import dataclass, field
from pathlib import Path

from tapehand.errors import InputError, TapehandError
from tapehand.store.health import examine
from tapehand.store.song_folder import SongFolder

CUTS = 10
ROUNDS = 3
SOURCE = Path(__file__).with_name("power_recorder.c")
SECTOR_BYTES = 512
# Makes a song, then stores new sound, files a proposal that uses it, accepts it, and says so; and again.
WRITER = """
import sys
from pathlib import Path
import numpy as np
from tapehand.app.decide import decide
from tapehand.app.propose import file_proposal
from tapehand.audio import Audio
from tapehand.song.event import SongCreated
from tapehand.song.op import SetRegions
from tapehand.song.proposal import Option, Proposal
from tapehand.song.provenance import Provenance
from tapehand.song.region import AudioRegion
from tapehand.song.song import Song, Track
from tapehand.store.song_folder import create_song_folder

path, seed, rounds = Path(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3])
generator = np.random.default_rng(seed)
made_by = Provenance(engine="torture", version="1", maker="machine")
first = Song(name="small", rate_hz=44100, tracks=(Track(id="t01", name="Kick"),))
song = create_song_folder(path, lambda _pool: [SongCreated(song=first)], actor="Ada")
print("created", song.state().head, flush=True)
for number in range(rounds):
    if number == rounds - 1:
        song.start_branch("other", actor="Ada")
        print("created", song.state().head, flush=True)
    sound = Audio.of(generator.uniform(-1, 1, (1, 700)), 44100)
    region = AudioRegion(source="new", start_samples=0, length_samples=700)
    ops = (SetRegions(track="t01", regions=(region,)),)
    option = Option(id="a", name="A", why="", ops=ops, new_audio=(("new", sound),))
    proposal = Proposal(kind="mix", question="?", options=(option,), provenance=made_by)
    filed = file_proposal(song, proposal, base_event=song.state().head, actor="torture")
    state = decide(song, filed.number, "accept", by="Ada")
    print("decided", state.filed(filed.number).decided_in, state.song.tracks[0].regions[0].source, flush=True)
"""


@dataclass(slots=True)
class Step:
    """One line of the record."""

    verb: str
    inode: int = 0
    offset: int = 0
    content: bytes = b""
    path: str = ""
    new_path: str = ""


@dataclass(slots=True)
class Disk:
    """What the disk holds for certain, and what may or may not have reached it."""

    content: dict[int, bytes] = field(default_factory=dict)
    waiting: dict[int, list[Step]] = field(default_factory=dict)
    names: dict[str, int] = field(default_factory=dict)
    folders: dict[str, int] = field(default_factory=dict)
    renaming: dict[str, list[tuple[str, int | None]]] = field(default_factory=dict)
    now: dict[str, int] = field(default_factory=dict)

    def take(self, step: Step) -> None:
        """What a step does to the disk."""
        match step.verb:
            case "W" | "T":
                self.waiting.setdefault(step.inode, []).append(step)
            case "S":
                self.sync(step.inode)
            case "C" | "M":
                self.content.setdefault(step.inode, b"")
                if step.verb == "M":
                    self.folders[step.path] = step.inode
                self.name(step.path, step.inode)
            case "U":
                self.name(step.path, None)
            case "L":
                self.name(step.new_path, self.now[step.path])
            case "R":
                self.move(step.path, step.new_path)

    def sync(self, inode: int) -> None:
        """A file's bytes or a folder's names are on the disk."""
        for folder, its_inode in self.folders.items():
            if its_inode == inode:
                for path, named in self.renaming.pop(folder, []):
                    settle(self.names, path, named)
                return
        self.content[inode] = applied(self.content.get(inode, b""), self.waiting.pop(inode, []))

    def name(self, path: str, inode: int | None) -> None:
        """A name is given or taken, for now in memory only."""
        self.renaming.setdefault(str(Path(path).parent), []).append((path, inode))
        settle(self.now, path, inode)

    def move(self, old: str, new: str) -> None:
        """A rename; that of a folder takes along what is in it, as one step."""
        inode = self.now[old]
        self.name(new, inode)
        self.name(old, None)
        if old in self.folders:
            self.folders[new] = self.folders.pop(old)
            for known in (self.names, self.now, self.folders):
                for path in [path for path in known if path.startswith(f"{old}/")]:
                    known[new + path[len(old) :]] = known.pop(path)
            for folder in [folder for folder in self.renaming if folder == old or folder.startswith(f"{old}/")]:
                moved = [(new + path[len(old) :], named) for path, named in self.renaming.pop(folder)]
                self.renaming[new + folder[len(old) :]] = moved

    def cut(self, chance: random.Random) -> tuple[dict[str, int], dict[int, bytes]]:
        """Names and contents as a power cut now may leave them."""
        names = dict(self.names)
        for steps in self.renaming.values():
            for path, inode in steps[: chance.randint(0, len(steps))]:
                settle(names, path, inode)
        contents = dict(self.content)
        for inode, steps in self.waiting.items():
            kept = [torn(step, chance) for step in steps if chance.random() < 0.5] if chance.random() < 0.8 else []
            contents[inode] = applied(contents.get(inode, b""), kept)
        return names, contents


def attempt(number: int, folder: Path) -> str | None:
    """Record one life of a song, then cut the power at moments of it and look at each disk."""
    chance = random.Random(number)
    root = folder / "root"
    root.mkdir()
    steps = recorded(folder, root, number)
    whole = Disk(folders={str(root): root.stat().st_ino})
    for step in steps:
        whole.take(step)
    if trouble := differs(whole, root):
        return f"the recorder missed something: {trouble}"
    for moment in sorted(chance.sample(range(1, len(steps) + 1), CUTS)):
        if trouble := after_cut(folder, root, steps, moment, chance):
            return f"power cut after step {moment} of {len(steps)}: {trouble}"
    return None


def recorded(folder: Path, root: Path, number: int) -> list[Step]:
    """Everything a writer did under ``root``."""
    library, record = folder / "recorder.so", folder / "record"
    build = ["cc", "-shared", "-fPIC", "-O1", "-o", str(library), str(SOURCE), "-ldl", "-lpthread"]
    subprocess.run(build, check=True)
    environment = {
        "LD_PRELOAD": str(library),
        "TAPEHAND_RECORD_FILE": str(record),
        "TAPEHAND_RECORD_ROOT": str(root),
        "PYTHONPATH": ":".join(path for path in sys.path if path),
        "PATH": "/usr/bin:/bin",
    }
    writer = [sys.executable, "-c", WRITER, str(root / "small.tapehand"), str(number), str(ROUNDS)]
    subprocess.run(writer, env=environment, check=True, stdout=subprocess.DEVNULL)
    return parsed(record.read_bytes())


def parsed(record: bytes) -> list[Step]:
    """The steps of a record, without those on SQLite's shared memory, which no power cut survives."""
    steps: list[Step] = []
    shared: set[int] = set()
    lives: dict[int, int] = {}  # a file system gives the number of a file that is gone to the next one
    fresh = itertools.count(1 << 64)
    at = 0
    while at < len(record):
        end = record.index(b"\n", at)
        verb, _, rest = record[at:end].decode().partition(" ")
        at = end + 1
        step = Step(verb)
        if verb in "CM":
            number, _, step.path = rest.partition(" ")
            lives[int(number)] = next(fresh)
            step.inode = lives[int(number)]
        elif verb in "RL":
            step.path, _, step.new_path = rest.partition("\t")
        elif verb == "U":
            step.path = rest
        elif verb == "S":
            step.inode = int(rest)
        elif verb == "T":
            step.inode, step.offset = map(int, rest.split())
        else:
            *place, length = map(int, rest.split())
            step.inode, step.offset = place or (0, 0)
            step.content = record[at : at + length]
            at += length
        step.inode = lives.get(step.inode, step.inode)
        if step.path.endswith("-shm"):
            shared.add(step.inode)
        if not step.path.endswith("-shm") and (verb not in "WTS" or step.inode not in shared):
            steps.append(step)
    return steps


def after_cut(folder: Path, root: Path, steps: list[Step], moment: int, chance: random.Random) -> str | None:
    """One sentence about what a cut after that many steps destroyed, or None."""
    disk = Disk(folders={str(root): root.stat().st_ino})
    for step in steps[:moment]:
        disk.take(step)
    place = folder / "after"
    shutil.rmtree(place, ignore_errors=True)
    lay_out(disk.cut(chance), root, place, set(disk.folders.values()))
    said = b"".join(step.content for step in steps[:moment] if step.verb == "A").decode().splitlines()
    return missing(place / "small.tapehand", [line.split() for line in said])


def lay_out(found: tuple[dict[str, int], dict[int, bytes]], root: Path, place: Path, folders: set[int]) -> None:
    """Write a disk into a folder. A name within a folder that has none is lost with it."""
    names, contents = found
    place.mkdir()
    for path in sorted(names, key=len):
        target = place / Path(path).relative_to(root)
        if names[path] in folders:
            if target.parent.is_dir():
                target.mkdir(exist_ok=True)
        elif target.parent.is_dir():
            target.write_bytes(contents.get(names[path], b""))


def missing(path: Path, acknowledged: list[list[str]]) -> str | None:
    """One sentence about what is not as it was acknowledged, or None."""
    if not path.exists():
        return "an acknowledged song is gone" if acknowledged else None
    try:
        with SongFolder(path) as song:
            logged = {event.id for branch in song.branches() for event in song.events(branch)}
            sources = {
                source.blob: source for branch in song.branches() for source in song.switch(branch).sources.values()
            }
            unsound = dict(song.media.reader.unsound(sources.values()))
    except TapehandError as error:
        return f"the song does not open: {error.sentence()}"
    for words in acknowledged:
        if words[1] not in logged:
            return f"an acknowledged event is gone: {words}"
        if len(words) > 2 and words[2] not in sources:
            return f"an acknowledged sound is gone: {words}"
    if unsound:
        return f"named sounds are not what they were: {[(s.name, how) for s, how in unsound.items()]}"
    try:
        troubles = examine(path)
    except InputError as error:
        return error.sentence()
    return f"the doctor found {troubles[0].code}" if troubles else None


def differs(disk: Disk, root: Path) -> str | None:
    """Whether the folder as it is now differs from what the record says it should be."""
    for path in (path for path in root.rglob("*") if path.is_file() and not path.name.endswith("-shm")):
        inode = disk.now.get(str(path))
        if inode is None:
            return f"{path.name} has no name in the record"
        if applied(disk.content.get(inode, b""), disk.waiting.get(inode, [])) != path.read_bytes():
            return f"{path.name} holds something else"
    return None


def settle(names: dict[str, int], path: str, inode: int | None) -> None:
    """Give or take a name."""
    if inode is None:
        names.pop(path, None)
    else:
        names[path] = inode


def torn(step: Step, chance: random.Random) -> Step:
    """A write as it is, or only its first sectors."""
    if step.verb != "W" or chance.random() < 0.7:
        return step
    kept = chance.randint(0, len(step.content) // SECTOR_BYTES) * SECTOR_BYTES
    return Step("W", step.inode, step.offset, step.content[:kept])


def applied(content: bytes, steps: list[Step]) -> bytes:
    """A file's bytes after writes and cuts."""
    bytes_now = bytearray(content)
    for step in steps:
        if step.verb == "T":
            del bytes_now[step.offset :]
            bytes_now.extend(bytes(step.offset - len(bytes_now)))
        elif step.content:
            bytes_now.extend(bytes(max(step.offset - len(bytes_now), 0)))
            bytes_now[step.offset : step.offset + len(step.content)] = step.content
    return bytes(bytes_now)
