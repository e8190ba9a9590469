"""Snapshots: the same song with them and without, and never another than the log adds up to."""

import os
import random
import shutil
import sqlite3
from collections.abc import Sequence
from contextlib import closing
from dataclasses import fields
from pathlib import Path
from typing import Any

import pytest

from tapehand.errors import Conflict, InputError, Refused
from tapehand.ports.song_store import MediaPool
from tapehand.song.event import Body, Decided, Edited, FindingsNoted, ProposalFiled, SongCreated, Undone
from tapehand.song.finding import Fact, Finding
from tapehand.song.fold import SongState, fold
from tapehand.song.hearing import QuestionsAnswered
from tapehand.song.op import Op, SetFader, SetPan
from tapehand.song.proposal import Option, Proposal
from tapehand.song.provenance import Provenance
from tapehand.song.shelf import Shelf, Unread
from tapehand.song.song import Song, Track
from tapehand.store import snapshots, song_folder
from tapehand.store.event_log import SCHEMA
from tapehand.store.snapshots import Snapshots
from tapehand.store.song_folder import SongFolder, create_song_folder

EVERY = 12
TRACKS = ("t01", "t02", "t03")
PROVENANCE = Provenance(engine="test", version="1", maker="machine")


def first_events(_pool: MediaPool) -> Sequence[Body]:
    return [
        SongCreated(song=Song(name="n", rate_hz=44_100, tracks=tuple(Track(id=each, name=each) for each in TRACKS)))
    ]


@pytest.fixture
def kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Snapshots:
    monkeypatch.setattr(song_folder, "EVERY_EVENTS", EVERY)
    return Snapshots(tmp_path / "cache")


@pytest.fixture
def path(tmp_path: Path, kept: Snapshots) -> Path:
    """A song that things happened to, opened and closed once, so that there is a snapshot of it."""
    path = tmp_path / "a.tapehand"
    create_song_folder(path, first_events, actor="Ann").close()
    live(path, kept, steps=3 * EVERY, seed=1)
    assert len(list(kept.folder.iterdir())) == 1
    return path


def live(path: Path, kept: Snapshots | None, *, steps: int, seed: int) -> None:
    chance = random.Random(seed)
    with SongFolder(path, snapshots=kept) as song:
        for _ in range(steps):
            try:
                song.append([some_body(song.state(), chance)], actor="Ann", actor_kind="person")
            except (Conflict, Refused):
                continue


def some_body(state: SongState, chance: random.Random) -> Body:
    ops: tuple[Op, ...] = tuple(
        chance.choice((SetFader(target=track, fader_db=chance.uniform(-9, 9)), SetPan(target=track, pan=0.5)))
        for track in chance.sample(TRACKS, 2)
    )
    kind = chance.randrange(6)
    if kind == 0:
        proposal = Proposal(
            kind="mix", question="?", options=(Option(id="a", name="A", why="", ops=ops),), provenance=PROVENANCE
        )
        return ProposalFiled(proposal=proposal, base_event=state.head)
    if kind == 1:
        number = chance.randint(1, len(state.proposals) + 1)
        return Decided(number=number, verdict="accept", option="a")
    if kind == 2 and state.changes:
        change = chance.choice(state.changes)
        return Undone(undone=change.event, ops=change.undo)
    if kind == 4:
        return some_listening(chance)
    if kind == 3:
        return QuestionsAnswered(kind="breath", track=chance.choice((*TRACKS, None)), leave=chance.random() < 0.7)
    return Edited(ops=ops)


def some_listening(chance: random.Random) -> Body:
    found = Finding(kind="breath", question="?", track=chance.choice(TRACKS), start_s=1.0)
    fact = Fact(name="tempo", value=chance.uniform(60, 180), unit="BPM")
    return FindingsNoted(scope=chance.choice("ab"), findings=(found,), facts=(fact,))


def opened(path: Path, kept: Snapshots | None = None) -> SongState:
    with SongFolder(path, snapshots=kept) as song:
        return song.state()


def is_used(path: Path, kept: Snapshots) -> bool:
    """Whether the song begins with the snapshot: then its past lies there unread."""
    state = opened(path, kept)
    assert isinstance(state.changes, Shelf)
    return any(isinstance(each, Unread) for each in state.changes._places)


def test_a_song_is_the_same_with_a_snapshot(path: Path, kept: Snapshots) -> None:
    assert is_used(path, kept)
    state = opened(path, kept)
    assert state == opened(path)
    empty = [each.name for each in fields(SongState) if not getattr(state, each.name)]
    assert empty == ["sources"]  # otherwise this would not show that a part of the state is forgotten


@pytest.mark.parametrize("seed", range(2))
def test_a_life_that_goes_on_from_snapshots_is_the_life_that_is_read_whole(
    path: Path, kept: Snapshots, seed: int
) -> None:
    for part in range(4):
        live(path, kept, steps=EVERY - 3, seed=10 * seed + part)
    assert is_used(path, kept)
    with SongFolder(path, snapshots=kept) as song:
        assert song.state() == fold(song.events())
        assert song.state() == opened(path)


def test_branches_have_snapshots_of_their_own(path: Path, kept: Snapshots) -> None:
    with SongFolder(path, snapshots=kept) as song:
        song.start_branch("other", actor="Ann", at=song.events()[4].id)
    live(path, kept, steps=3 * EVERY, seed=5)
    assert is_used(path, kept)
    with SongFolder(path, snapshots=kept) as song:
        assert song.state() == opened(path)
        there = song.state()
        song.switch("main")
        assert song.state() == fold(song.events())
        song.switch("other")
        assert song.state() == there


def test_a_short_past_has_none(tmp_path: Path, kept: Snapshots) -> None:
    create_song_folder(tmp_path / "b.tapehand", first_events, actor="Ann", snapshots=kept).close()
    live(tmp_path / "b.tapehand", kept, steps=EVERY - 5, seed=1)
    assert not kept.folder.exists()


def test_a_damaged_snapshot_is_none(path: Path, kept: Snapshots) -> None:
    (file,) = kept.folder.iterdir()
    whole, truth = file.read_bytes(), opened(path)
    chance = random.Random(3)
    places = [0, len(whole) - 1, *(chance.randrange(len(whole)) for _ in range(30))]
    damaged = [whole[:at] + bytes([whole[at] ^ 1 << chance.randrange(8)]) + whole[at + 1 :] for at in places]
    for wrong in (b"", b"\n", b"{}\n", b"\xff" * 100, whole[: len(whole) // 2], whole + b"\n", *damaged):
        file.write_bytes(wrong)
        assert opened(path, kept) == truth


def test_a_snapshot_of_other_code_is_none(path: Path, kept: Snapshots, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(snapshots, "_readers", lambda: "another")
    assert not is_used(path, kept)


def test_a_snapshot_never_hides_that_the_log_was_changed(path: Path, kept: Snapshots) -> None:
    names = [words.split()[2] for words in SCHEMA if words.startswith("CREATE TRIGGER event_is")]
    with closing(sqlite3.connect(path / "log.db", isolation_level=None)) as connection:
        made = [sql for name, sql in connection.execute("SELECT name, sql FROM sqlite_master") if name in names]
        for name in names:
            connection.execute(f"DROP TRIGGER {name}")
        connection.execute("UPDATE event SET actor = 'Eve' WHERE seq = 7")
        for sql in made:
            connection.execute(sql)
    with pytest.raises(InputError) as refusal:
        SongFolder(path, snapshots=kept)
    assert (refusal.value.code, "Event 7" in refusal.value.message) == ("store.chain_broken", True)


def test_a_snapshot_of_another_song_in_the_same_place_is_none(path: Path, kept: Snapshots) -> None:
    shutil.rmtree(path)
    create_song_folder(path, first_events, actor="Bob").close()
    live(path, None, steps=3 * EVERY, seed=9)
    assert not is_used(path, kept)
    assert is_used(path, kept)
    assert opened(path, kept) == opened(path)


def test_a_log_that_lost_its_end_is_read_anew(path: Path, kept: Snapshots, tmp_path: Path) -> None:
    """A backup from before the snapshot was put back."""
    backup = tmp_path / "backup"
    shutil.copytree(path, backup)
    live(path, kept, steps=2 * EVERY, seed=2)
    shutil.rmtree(path)
    backup.rename(path)
    assert opened(path, kept) == opened(path)


def test_what_cannot_be_kept_harms_nobody(path: Path, tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"")
    nowhere = Snapshots(tmp_path / "file")
    assert opened(path, nowhere) == opened(path)


def test_the_oldest_go_when_there_is_no_room(path: Path, kept: Snapshots, monkeypatch: pytest.MonkeyPatch) -> None:
    (file,) = kept.folder.iterdir()
    size = file.stat().st_size
    monkeypatch.setattr(snapshots, "CAPACITY_BYTES", 6 * size)
    for name, sizes, at_s in (("left.part", 2, 90), ("old.jsonl", 4, 60)):
        (kept.folder / name).write_bytes(b"x" * sizes * size)
        os.utime(kept.folder / name, (0, at_s))
    live(path, kept, steps=2 * EVERY, seed=2)
    assert {left.name for left in kept.folder.iterdir()} == {file.name, "left.part"}


def test_each_noun_is_read_once_when_it_is_asked_for() -> None:
    asked: list[str] = []

    def read(text: str) -> Any:
        asked.append(text)
        return int(text)

    shelf: Shelf[int] = Shelf([1, Unread("2", read), Unread("3", read)])
    copy = Shelf(shelf)
    assert (len(shelf), shelf[-1], shelf[2], asked) == (3, 3, 3, ["3"])
    shelf.append(4)
    shelf[0] = 0
    assert shelf.texts(str) == ["0", "2", "3", "4"]
    assert asked == ["3"]
    assert (list(copy), list(reversed(shelf)), shelf == (0, 2, 3, 4)) == ([1, 2, 3], [4, 3, 2, 0], True)
    assert list(shelf[1:3]) == [2, 3]
