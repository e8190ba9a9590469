"""Two programs that store sound and write events as fast as they can, killed at once: nothing acknowledged is lost."""

import hashlib
import random
import subprocess
import sys
import time
from pathlib import Path

from tapehand.app.decide import decide
from tapehand.song.event import SongCreated
from tapehand.song.song import Song, Track
from tapehand.store.chain import first_break
from tapehand.store.health import rebuild_log
from tapehand.store.media_pool import file_sha256
from tapehand.store.mirror import read
from tapehand.store.song_folder import SongFolder, create_song_folder

WRITERS = 2
LATEST_KILL_S = 0.8
REOPEN_S = 2.0
# Each round stores new sound, files a proposal that uses it, accepts it, and only then says so.
WRITER = """
import sys
from dataclasses import replace
from pathlib import Path
import numpy as np
from tapehand.app.decide import decide
from tapehand.app.propose import file_proposal
from tapehand.audio import Audio
from tapehand.errors import Conflict
from tapehand.song.op import SetRegions
from tapehand.song.proposal import Option, Proposal
from tapehand.song.provenance import Provenance
from tapehand.song.region import AudioRegion
from tapehand.store.song_folder import SongFolder

song, track, seed = SongFolder(Path(sys.argv[1])), sys.argv[2], int(sys.argv[3])
generator = np.random.default_rng(seed)
made_by = Provenance(engine="torture", version="1", maker="machine")
print("ready", flush=True)
while True:
    sound = Audio.of(generator.uniform(-1, 1, (1, 2000)), 44100)
    region = AudioRegion(source="new", start_samples=0, length_samples=2000)
    ops = (SetRegions(track=track, regions=(region,)),)
    option = Option(id="a", name="A", why="", ops=ops, new_audio=(("new", sound),))
    proposal = Proposal(kind="mix", question="?", options=(option,), provenance=made_by)
    filed = file_proposal(song, proposal, base_event=song.state().head, actor="torture")
    state = decide(song, filed.number, "accept", by=track)
    print(state.filed(filed.number).decided_in, state.song.track(track).regions[0].source, flush=True)
"""


def attempt(number: int, folder: Path) -> str | None:
    """Let writers write, kill them, and look at what they left; every third time the database is thrown away too."""
    chance = random.Random(number)
    path = folder / "small.tapehand"
    tracks = [f"t{index:02d}" for index in range(1, WRITERS + 1)]
    song = Song(name="small", rate_hz=44_100, tracks=tuple(Track(id=track, name=track) for track in tracks))
    create_song_folder(path, lambda _pool: [SongCreated(song=song)], actor="Ada").close()
    acknowledged = killed_writers(path, tracks, number, chance.uniform(0.0, LATEST_KILL_S))
    if number % 3 == 0:
        (path / "log.db").write_bytes(b"lost")
        rebuild_log(path)
    return missing(path, acknowledged)


def killed_writers(path: Path, tracks: list[str], seed: int, after_s: float) -> list[tuple[str, str]]:
    """What the writers had acknowledged when they were killed: event and sound."""
    writers = [
        subprocess.Popen(
            [sys.executable, "-c", WRITER, str(path), track, str(seed * WRITERS + index)],
            stdout=subprocess.PIPE,
            text=True,
        )
        for index, track in enumerate(tracks)
    ]
    for writer in writers:
        assert writer.stdout is not None
        writer.stdout.readline()
    time.sleep(after_s)
    for writer in writers:
        writer.kill()
    said = [line.split() for writer in writers for line in writer.communicate()[0].splitlines()]
    return [(words[0], words[1]) for words in said if len(words) == 2]


def missing(path: Path, acknowledged: list[tuple[str, str]]) -> str | None:
    """One sentence about what is not as it was acknowledged, or None."""
    started_s = time.monotonic()
    with SongFolder(path) as song:
        state = song.state()
        opened_s = time.monotonic() - started_s
        events = {event.id for event in song.events()}
        for event, sound in acknowledged:
            if event not in events:
                return f"an acknowledged decision is gone: {event}"
            if sound not in state.sources:
                return f"an acknowledged sound is gone: {sound}"
        unsound = list(song.media.reader.unsound(state.sources.values()))
        still_open = [filed.number for filed in state.proposals if filed.is_open]
        for waiting in still_open:
            decide(song, waiting, "reject", by="Ada")
    if unsound:
        return f"{len(unsound)} named sounds are not what they were: {unsound[0]}"
    if opened_s > REOPEN_S:
        return f"opening took {opened_s:.1f} s"
    rows = read(path / "log.jsonl")
    if first_break(rows) is not None or len(rows) != len(events) + len(still_open):
        return "the mirror is not the log"
    stray = [blob for blob in (path / "audio").rglob("*.wav") if not is_named_right(blob)]
    return f"a stored file is not what its name says: {stray[0].name}" if stray else None


def is_named_right(blob: Path) -> bool:
    """Whether a stored file's name is its fingerprint."""
    return blob.stem == file_sha256(blob) and len(blob.stem) == hashlib.sha256().digest_size * 2
