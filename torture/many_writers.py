"""Four programs that change one song at once, each reading before it writes: nothing is lost, the chain is whole."""

import subprocess
import sys
from pathlib import Path

from tapehand.song.event import SongCreated
from tapehand.song.song import Song, Track
from tapehand.store.chain import first_break
from tapehand.store.mirror import read
from tapehand.store.song_folder import SongFolder, create_song_folder

WRITERS = 4
UPDATES = 12
# Turns one fader up by 1 dB, again and again, from where it stands; who comes second reads anew.
WRITER = """
import sys
from pathlib import Path
from tapehand.errors import Conflict
from tapehand.song.event import Edited
from tapehand.song.op import SetFader
from tapehand.store.song_folder import SongFolder

with SongFolder(Path(sys.argv[1])) as song:
    print("ready", flush=True)
    sys.stdin.readline()
    left, again = int(sys.argv[3]), 0
    while left:
        state = song.state()
        louder = SetFader(target="t01", fader_db=state.song.strip("t01").fader_db + 1.0)
        try:
            song.append([Edited(ops=(louder,))], actor=sys.argv[2], actor_kind="person", expected_head=state.head)
            left -= 1
        except Conflict as conflict:
            if conflict.code not in ("store.moved_on", "store.busy"):
                raise
            again += 1
    print(again)
"""


def attempt(number: int, folder: Path) -> str | None:
    """Let the writers write and count."""
    path = folder / "small.tapehand"
    song = Song(name="small", rate_hz=44_100, tracks=(Track(id="t01", name="Kick"),))
    create_song_folder(path, lambda _pool: [SongCreated(song=song)], actor="Ada").close()
    writers = [
        subprocess.Popen(
            [sys.executable, "-c", WRITER, str(path), f"writer {number}.{index}", str(UPDATES)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        for index in range(WRITERS)
    ]
    for writer in writers:
        assert writer.stdout is not None
        writer.stdout.readline()
    for writer in writers:
        assert writer.stdin is not None
        writer.stdin.write("go\n")
        writer.stdin.flush()
    for writer in writers:
        writer.communicate()
    if failed := [writer.returncode for writer in writers if writer.returncode]:
        return f"{len(failed)} writers ended with {failed}"
    return counted(path)


def counted(path: Path) -> str | None:
    """One sentence about updates that are missing, or None."""
    with SongFolder(path) as song:
        state = song.state()
    fader_db = state.song.strip("t01").fader_db if state.song else None
    if fader_db != WRITERS * UPDATES:
        return f"{WRITERS * UPDATES} updates made {fader_db} dB"
    rows = read(path / "log.jsonl")
    if len(rows) != state.length or first_break(rows) is not None:
        return "the mirror is not the log"
    return None if state.length == WRITERS * UPDATES + 1 else f"the log holds {state.length} events"
