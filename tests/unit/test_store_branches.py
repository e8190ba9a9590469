"""Branches in a song folder, logs of earlier versions, and places where a song cannot live."""

import ctypes
import os
import shutil
import sqlite3
import sys
from collections.abc import Sequence
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from tapehand.errors import Conflict, InputError, Refused
from tapehand.ports.song_store import MediaPool
from tapehand.song.event import Body, Edited, SongCreated
from tapehand.song.op import SetFader
from tapehand.song.song import Song, Track
from tapehand.store import mirror, places
from tapehand.store.chain import Chain, Row, assembled, first_break
from tapehand.store.codecs import canonical, codec
from tapehand.store.event_log import EARLIER, VERSION, EventLog
from tapehand.store.health import examine, rebuild_log, repair
from tapehand.store.song_folder import SongFolder, create_song_folder


def first_events(_pool: MediaPool) -> Sequence[Body]:
    return [SongCreated(song=Song(name="n", rate_hz=44_100, tracks=(Track(id="t01", name="Kick"),)))]


@pytest.fixture
def song(tmp_path: Path) -> SongFolder:
    return create_song_folder(tmp_path / "a.tapehand", first_events, actor="Ann")


def fade(store: SongFolder, fader_db: float) -> str:
    ops = (SetFader(target="t01", fader_db=fader_db),)
    return store.append([Edited(ops=ops)], actor="Ann", actor_kind="person").head


def level(store: SongFolder) -> float:
    state = store.state()
    assert state.song is not None
    return state.song.strip("t01").fader_db


def test_branches_go_their_own_ways_and_are_found_again(song: SongFolder) -> None:
    first = fade(song, -1.0)
    fade(song, -2.0)
    song.start_branch("louder", actor="Ann", at=first)
    assert (song.branch, level(song)) == ("louder", -1.0)
    fade(song, -0.5)
    song.switch("main")
    assert level(song) == -2.0
    main_head = fade(song, -3.0)
    song.switch("louder")
    assert level(song) == -0.5
    song.close()
    with SongFolder(song.path) as again:
        assert (again.branch, level(again)) == ("louder", -0.5)
        assert set(again.branches()) == {"main", "louder"}
        assert [event.seq for event in again.events()] == [1, 2, 4, 5]
        assert [event.seq for event in again.events("main")] == [1, 2, 3, 6]
        assert again.state_at(main_head).song == again.switch("main").song


def test_writers_on_two_branches_do_not_hold_each_other_up(song: SongFolder) -> None:
    song.start_branch("other", actor="Ann")
    song.switch("main")
    with SongFolder(song.path) as main, SongFolder(song.path) as other:
        other.switch("other")
        head = main.state().head
        fade(other, -9.0)
        body = Edited(ops=(SetFader(target="t01", fader_db=-1.0),))
        main.append([body], actor="Bob", actor_kind="person", expected_head=head)
        with pytest.raises(Conflict):
            main.append([body], actor="Bob", actor_kind="person", expected_head=head)
        assert (level(main), level(other)) == (-1.0, -9.0)


def test_branches_survive_the_loss_of_the_database(song: SongFolder) -> None:
    fade(song, -1.0)
    song.start_branch("b", actor="Ann")
    fade(song, -2.0)
    song.switch("main")
    fade(song, -3.0)
    heads = song.branches()
    song.close()
    (song.path / "log.db").unlink()
    with pytest.raises(InputError, match="not a Tapehand song"):
        SongFolder(song.path)
    assert rebuild_log(song.path) == 5
    with SongFolder(song.path) as again:
        assert again.branches() == heads
        assert level(again) == -3.0


@pytest.mark.parametrize("name", ["", " ", "a\nb", "x" * 61, " a"])
def test_names_that_are_no_names(song: SongFolder, name: str) -> None:
    with pytest.raises(InputError) as refusal:
        song.start_branch(name, actor="Ann")
    assert refusal.value.code == "branch.name"
    with pytest.raises(InputError) as refusal:
        song.start_branch("main", actor="Ann")
    assert refusal.value.code == "branch.taken"
    with pytest.raises(InputError) as refusal:
        song.switch("nowhere")
    assert refusal.value.code == "branch.unknown"
    with pytest.raises(InputError) as refusal:
        song.start_branch("b", actor="Ann", at="f" * 64)
    assert refusal.value.code == "store.no_event"
    assert song.state().length == 1


def test_a_branch_that_is_not_in_the_log_is_told_and_mended(song: SongFolder) -> None:
    song.close()
    (song.path / "branch").write_text("gone\n")
    with pytest.raises(InputError) as refusal:
        SongFolder(song.path)
    assert refusal.value.code == "branch.unknown"
    assert [trouble.code for trouble in examine(song.path)] == ["branch.unknown"]
    assert [done.code for done in repair(song.path)] == ["branch.unknown"]
    assert examine(song.path) == []


def rows_of_branches(song: SongFolder) -> list[Row]:
    fade(song, -1.0)
    song.start_branch("b", actor="Ann")
    fade(song, -2.0)
    song.switch("main")
    fade(song, -3.0)
    song.close()
    return mirror.read(song.path / "log.jsonl")


def test_an_event_in_the_wrong_place_shows(song: SongFolder) -> None:
    rows = rows_of_branches(song)
    assert first_break(rows) is None
    for left_out in range(len(rows) - 1):
        assert first_break([*rows[:left_out], *rows[left_out + 1 :]]) is not None
    chain = Chain()
    assert all(chain.takes(row) for row in rows)
    # On top of an event that already has a follower on its branch, or of one that nobody knows.
    for parent in (rows[0].id, "f" * 64):
        late = Row.after(6, parent, Edited(ops=()), "{}", "Ann", "person", 0.0)
        assert not chain.takes(late)


def test_two_damaged_copies_make_one_whole_log(song: SongFolder) -> None:
    rows = rows_of_branches(song)
    bent = [row._replace(actor="Bob") if row.seq % 2 else row for row in rows]
    bent_too = [row if row.seq % 2 else row._replace(actor="Bob") for row in rows]
    assert assembled(bent) == []
    assert assembled(bent, bent_too) == rows


def test_an_event_of_a_newer_program_is_told_and_left_alone(song: SongFolder) -> None:
    head = song.state().head
    song.close()
    row = Row.after(2, head, Edited(ops=()), '{"schema":"Edited.9"}', "Ann", "person", 2e9)
    with closing(sqlite3.connect(song.path / "log.db", isolation_level=None)) as database:
        database.execute("INSERT INTO event VALUES (?, ?, ?, ?, ?, ?, ?, ?)", row)
        database.execute("UPDATE head SET event = ?", (row.id,))
    with SongFolder(song.path) as again, pytest.raises(InputError) as refusal:
        again.state()
    assert refusal.value.code == "store.newer_version"
    (trouble,) = examine(song.path)
    assert (trouble.code, trouble.can_repair) == ("store.newer_version", False)
    assert trouble.where.startswith("event 2")
    assert len(mirror.read(song.path / "log.jsonl")) == 2


# --- logs of earlier versions ---


@pytest.fixture
def old_song(tmp_path: Path, repository: Path) -> Path:
    """A song as version 1 of the database kept it; its events were written by the program of that time."""
    path = tmp_path / "old.tapehand"
    (path / "audio").mkdir(parents=True)
    shutil.copy(repository / "tests/golden/song_of_version_1.jsonl", path / "log.jsonl")
    rows = mirror.read(path / "log.jsonl")
    with closing(sqlite3.connect(path / "log.db", isolation_level=None)) as database:
        database.execute("PRAGMA application_id = 1414547524")
        database.execute("PRAGMA user_version = 1")
        for statement in EARLIER[1]:
            database.execute(statement)
        database.executemany("INSERT INTO event VALUES (?, ?, ?, ?, ?, ?, ?, ?)", rows)
        database.execute("INSERT INTO head VALUES ('main', ?, 6)", (rows[-1].id,))
    return path


def test_an_old_song_opens_as_it_was_and_is_brought_up_to_date(old_song: Path) -> None:
    with SongFolder(old_song) as song:
        state = song.state()
        assert state.head.startswith(OLD_HEAD)
        assert state.song is not None
        assert [track.strip.fader_db for track in state.song.tracks] == [-6.0, float("-inf")]
        assert state.song.strip("t02").pan == 0.0
        assert state.changes[-2].undone
        assert state.filed(1).decided_by == "Ann"
        fade(song, -2.0)
    with closing(sqlite3.connect(old_song / "log.db")) as database:
        assert database.execute("PRAGMA user_version").fetchone() == (VERSION,)
        last = database.execute("SELECT id FROM event ORDER BY seq DESC LIMIT 1").fetchone()[0]
        for kind in ("branch.started", "branch.merged", "song.edited", "anything.new"):
            with pytest.raises(sqlite3.IntegrityError, match="only a person"):
                database.execute("INSERT INTO event VALUES (8, 'x', ?, ?, 'm', 'engine', 0.0, '{}')", (last, kind))
    assert examine(old_song) == []


def test_an_old_song_is_rebuilt_from_its_old_mirror(old_song: Path) -> None:
    (old_song / "log.db").write_bytes(b"")
    assert rebuild_log(old_song) == 6
    EventLog(old_song / "log.db").close()


def test_events_are_written_today_as_they_were_then(old_song: Path) -> None:
    """What an old event says in today's words still holds all that it said."""
    import json

    for row in mirror.read(old_song / "log.jsonl"):
        then, now = json.loads(row.body), json.loads(canonical(codec().encode(codec().decode(json.loads(row.body)))))
        assert then.items() <= now.items() or row.kind in ("song.created", "proposal.filed")


OLD_HEAD = "7d1bce9bb1fc3708"

# --- places ---

MOUNTS = """\
22 1 0:21 / / rw - ext4 /dev/sda1 rw
30 22 0:40 / /net rw shared:1 - nfs4 server:/x rw
31 22 0:41 / /net/local rw - ext4 /dev/sdb1 rw
32 22 0:42 / /my\\040drive rw - fuse.sshfs me@there: rw
broken line
"""


@pytest.mark.parametrize(
    ("folder", "kind"),
    [
        ("/home/a", "ext4"),
        ("/net/a", "nfs4"),
        ("/network", "ext4"),
        ("/net/local/a", "ext4"),
        ("/my drive/b", "fuse.sshfs"),
    ],
)
def test_the_file_system_of_a_folder_is_found(folder: str, kind: str) -> None:
    assert places.mounted_kind(MOUNTS, Path(folder)) == kind


def test_a_network_drive_is_refused_with_a_way_out(
    song: SongFolder, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    song.close()
    mounts = tmp_path / "mounts"
    mounts.write_text(
        f"22 1 0:21 / / rw - ext4 /dev/sda1 rw\n30 22 0:40 / {tmp_path.resolve()} rw - cifs //server/x rw\n"
    )
    monkeypatch.setattr(places, "MOUNTS", mounts)
    with pytest.raises(Refused) as refusal:
        SongFolder(song.path)
    assert refusal.value.code == "store.network_drive"
    assert "Copy" in refusal.value.hint
    with pytest.raises(Refused):
        create_song_folder(tmp_path / "b.tapehand", first_events, actor="Ann")
    assert [trouble.code for trouble in examine(song.path)] == ["store.network_drive"]
    assert not (tmp_path / "b.tapehand").exists()


@pytest.mark.parametrize(
    ("name", "flags", "expected"),
    [
        (b"apfs", places.MAC_LOCAL, None),
        (b"hfs", places.MAC_LOCAL | 1, None),
        (b"smbfs", 0, "smbfs"),
        (b"nfs", places.MAC_LOCAL, "nfs"),
        (b"webdav", 0, "webdav"),
        (b"", 0, "unknown"),
    ],
)
def test_a_mac_tells_what_lies_on_the_network(tmp_path: Path, name: bytes, flags: int, expected: str | None) -> None:
    def statfs(path: bytes, facts: Any) -> int:
        assert path == os.fsencode(tmp_path.resolve())
        facts._obj.f_fstypename, facts._obj.f_flags = name, flags
        return 0

    assert places.mac_network_kind(tmp_path, statfs) == expected
    assert places.mac_network_kind(tmp_path, lambda _path, _facts: -1) is None


def test_the_struct_of_a_mac_is_as_long_as_its_header_says() -> None:
    assert ctypes.sizeof(places.MacStatfs) == 2168
    assert (places.MacStatfs.f_flags.offset, places.MacStatfs.f_fstypename.offset) == (64, 72)


def test_a_mac_is_asked_its_own_way(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "platform", "darwin")
    monkeypatch.setattr(places, "_mac_statfs", lambda: lambda _path, _facts: 0)
    with pytest.raises(Refused) as refusal:
        places.refuse_network_drive(tmp_path)
    assert refusal.value.code == "store.network_drive"
