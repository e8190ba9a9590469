"""A song folder keeps what it acknowledged, shows what was tampered with, and tells in words what is wrong."""

import json
import shutil
import sqlite3
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest

from tapehand.audio import Audio, io
from tapehand.errors import Conflict, InputError, OutputError, Refused
from tapehand.ports.song_store import MediaPool, SongStore
from tapehand.song.event import AudioAdded, Body, Decided, Edited, FindingsNoted, ProposalFiled, SongCreated, Undone
from tapehand.song.op import SetFader
from tapehand.song.proposal import Option, Proposal
from tapehand.song.provenance import Provenance
from tapehand.song.region import AudioRegion
from tapehand.song.song import Song, Track
from tapehand.song.source import Source
from tapehand.store import mirror
from tapehand.store.chain import Row, first_break, row_id
from tapehand.store.event_log import EventLog
from tapehand.store.health import rebuild_log
from tapehand.store.media_pool import BlobPool, file_sha256
from tapehand.store.song_folder import SongFolder, create_song_folder
from tapehand.work import Clock

PROVENANCE = Provenance(engine="test", version="1", maker="machine")


def first_events(pool: MediaPool) -> Sequence[Body]:
    ramp = Audio.of(np.linspace(-1, 1, 500)[None], 44_100)
    source = pool.add_audio("ramp", ramp, "generated", PROVENANCE)
    region = AudioRegion(source=source.blob, start_samples=0, length_samples=500)
    song = Song(name="n", rate_hz=44_100, tracks=(Track(id="t01", name="Räuber\n\x1b[31m", regions=(region,)),))
    return [SongCreated(song=song), AudioAdded(source=source)]


@pytest.fixture
def song(tmp_path: Path) -> SongFolder:
    return create_song_folder(tmp_path / "a.tapehand", first_events, actor="Ann")


def fade(store: SongStore, fader_db: float, actor: str = "Ann") -> None:
    store.append([Edited(ops=(SetFader(target="t01", fader_db=fader_db),))], actor=actor, actor_kind="person")


def file_of(store: SongFolder) -> Path:
    return next((store.path / "audio").rglob("*.wav"))


def test_what_is_acknowledged_is_there_after_reopening(song: SongFolder) -> None:
    fade(song, -6.0)
    expected = song.state()
    song.close()
    with SongFolder(song.path) as again:
        assert again.state() == expected
        assert [event.seq for event in again.events()] == [1, 2, 3]
        source = next(iter(expected.sources.values()))
        assert again.media.read(source).samples[0, 0] == -1.0


def test_a_song_is_a_store(song: SongFolder) -> None:
    store: SongStore = song
    assert store.state().length == 2


def test_nothing_is_left_of_a_song_that_could_not_be_made(tmp_path: Path) -> None:
    def failing(pool: MediaPool) -> Sequence[Body]:
        first_events(pool)
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        create_song_folder(tmp_path / "a.tapehand", failing, actor="Ann")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("name", "code"),
    [("taken.tapehand", "output.exists"), ("song", "store.suffix"), ("no/where.tapehand", "output.no_folder")],
)
def test_a_place_that_cannot_be_used_is_refused(tmp_path: Path, name: str, code: str) -> None:
    (tmp_path / "taken.tapehand").mkdir()
    (tmp_path / "taken.tapehand" / "something").touch()
    with pytest.raises(OutputError) as refusal:
        create_song_folder(tmp_path / name, first_events, actor="Ann")
    assert refusal.value.code == code
    assert sorted(path.name for path in tmp_path.rglob("*")) == ["something", "taken.tapehand"]


def test_the_database_itself_refuses_change_deletion_and_decisions_by_machines(song: SongFolder) -> None:
    song.close()
    with sqlite3.connect(song.path / "log.db") as database:
        for statement in ("UPDATE event SET actor = 'Bob'", "DELETE FROM event"):
            with pytest.raises(sqlite3.IntegrityError, match="never"):
                database.execute(statement)
        last = database.execute("SELECT id FROM event ORDER BY seq DESC LIMIT 1").fetchone()[0]
        insert = "INSERT INTO event VALUES (3, 'x', ?, ?, 'mixing', 'engine', 0.0, '{}')"
        for kind in (Decided.KIND, Edited.KIND, Undone.KIND):
            with pytest.raises(sqlite3.IntegrityError, match="only a person"):
                database.execute(insert, (last, kind))
        with pytest.raises(sqlite3.IntegrityError, match="unknown"):
            database.execute(insert, ("nobody", FindingsNoted.KIND))
    database.close()


@pytest.mark.parametrize("kind", ["engine", "agent"])
def test_only_people_decide(song: SongFolder, kind: str) -> None:
    body = Edited(ops=(SetFader(target="t01", fader_db=0.0),))
    with pytest.raises(Refused) as refusal:
        song.append([body], actor="mixing", actor_kind=kind)  # type: ignore[arg-type]
    assert refusal.value.exit_code == 4
    assert song.state().length == 2


def test_a_nameless_person_is_nobody(song: SongFolder) -> None:
    with pytest.raises(InputError, match="who"):
        fade(song, 0.0, actor=" ")


def test_a_second_writer_gets_a_conflict_and_loses_nothing(song: SongFolder) -> None:
    head = song.state().head
    with SongFolder(song.path) as other:
        fade(other, -3.0)
        body = Edited(ops=(SetFader(target="t01", fader_db=-9.0),))
        with pytest.raises(Conflict) as conflict:
            song.append([body], actor="Bob", actor_kind="person", expected_head=head)
        assert conflict.value.code == "store.moved_on"
        assert song.state() == other.state()
    fade(song, -9.0)
    assert song.state().length == 4


def test_events_that_do_not_fold_are_not_written(song: SongFolder) -> None:
    before = song.events()
    bodies: list[Body] = [
        Edited(ops=(SetFader(target="t01", fader_db=-1.0),)),
        Edited(ops=(SetFader(target="t99", fader_db=-1.0),)),
    ]
    with pytest.raises(InputError, match="track"):
        song.append(bodies, actor="Ann", actor_kind="person")
    assert song.events() == before
    fade(song, -2.0)


def test_the_log_does_not_name_audio_that_is_not_stored(song: SongFolder) -> None:
    missing = Source(blob="0" * 64, name="x", media="wav", rate_hz=1, channels=1, length_samples=1)
    with pytest.raises(Exception, match="stored before"):
        song.append([AudioAdded(source=missing)], actor="Ann", actor_kind="person")


def test_audio_without_an_event_is_harmless(song: SongFolder) -> None:
    """What a crash between storing audio and naming it leaves."""
    before = song.state()
    song.media.add_audio("orphan", Audio.silence(2, 10, 48_000), "generated", PROVENANCE)
    song.close()
    with SongFolder(song.path) as again:
        assert again.state() == before


def test_a_clock_set_back_does_not_turn_the_log_back(tmp_path: Path) -> None:
    class Backwards(Clock):
        def __init__(self) -> None:
            self.time_s = 1_000.0

        def now_s(self) -> float:
            self.time_s -= 10.0
            return self.time_s

    with create_song_folder(tmp_path / "a.tapehand", first_events, actor="Ann", clock=Backwards()) as song:
        fade(song, -1.0)
        fade(song, -2.0)
        times = [event.at_s for event in song.events()]
    assert times == sorted(times)


# --- the chain, and what was done to the database behind our back ---


def tamper(path: Path, *statements: str) -> None:
    database = sqlite3.connect(path / "log.db", isolation_level=None)
    for statement in statements:
        database.execute(statement)
    database.close()


@pytest.mark.parametrize(
    ("statements", "code"),
    [
        (("UPDATE event SET actor = 'Bob' WHERE seq = 3",), "store.chain_broken"),
        (("UPDATE event SET body = replace(body, '-3.0', '-4.0') WHERE seq = 3",), "store.chain_broken"),
        (("DELETE FROM event WHERE seq = 3",), "store.chain_broken"),
        (("CREATE VIEW spy AS SELECT * FROM event",), "store.foreign_schema"),
        (("CREATE TRIGGER spy AFTER INSERT ON event BEGIN SELECT 1; END",), "store.foreign_schema"),
        (("PRAGMA user_version = 99",), "store.newer_version"),
        (("PRAGMA application_id = 7",), "store.damaged"),
    ],
)
def test_tampering_shows(song: SongFolder, statements: tuple[str, ...], code: str) -> None:
    for level in (-3.0, -4.0):
        fade(song, level)
    song.close()
    triggers = sqlite3.connect(song.path / "log.db")
    kept = triggers.execute("SELECT name, sql FROM sqlite_master WHERE type = 'trigger'").fetchall()
    triggers.close()
    drop = tuple(f"DROP TRIGGER {name}" for name, _ in kept)
    tamper(song.path, *drop, *statements, *(sql for _, sql in kept))
    with pytest.raises(InputError) as refusal:
        SongFolder(song.path)
    assert refusal.value.code == code
    assert refusal.value.hint


def test_the_chain_can_be_checked_by_anyone(song: SongFolder) -> None:
    """An independent reading of the mirror: every id is the hash of the line's other values."""
    import hashlib

    fade(song, -6.5)
    parent = ""
    for line in (song.path / "log.jsonl").read_text().splitlines():
        plain = json.loads(line)
        said = [plain[key] for key in ("parent", "kind", "actor", "actor_kind", "at_s", "body")]
        text = json.dumps(said, sort_keys=True, separators=(",", ":"))
        assert plain["id"] == hashlib.sha256(text.encode()).hexdigest()
        assert plain["parent"] == parent
        parent = plain["id"]


def test_a_break_is_found_where_it_is() -> None:
    rows: list[Row] = []
    for seq in range(1, 6):
        parent = rows[-1].id if rows else ""
        rows.append(Row(seq, row_id(parent, "k", "a", "person", 0.0, "{}"), parent, "k", "a", "person", 0.0, "{}"))
    assert first_break(rows) is None
    assert first_break([*rows[:2], *rows[3:]]) == 4
    assert first_break([*rows[:2], rows[2]._replace(body="[]"), *rows[3:]]) == 3
    assert first_break(rows[1:]) == 2


@pytest.mark.parametrize("content", [b"", b"no database at all" * 400, None])
def test_a_damaged_database_is_rebuilt_from_its_mirror(song: SongFolder, content: bytes | None) -> None:
    fade(song, -6.0)
    expected = song.state()
    song.close()
    database = song.path / "log.db"
    if content is None:
        database.unlink()
    else:
        database.write_bytes(content)
    with pytest.raises(InputError):
        SongFolder(song.path)
    assert rebuild_log(song.path) == 3
    with SongFolder(song.path) as again:
        assert again.state() == expected
        fade(again, -7.0)


def test_rebuilding_takes_what_the_database_has_beyond_the_mirror(song: SongFolder) -> None:
    kept = (song.path / "log.jsonl").read_bytes()
    fade(song, -6.0)
    expected = song.state()
    song.close()
    (song.path / "log.jsonl").write_bytes(kept + b'{"seq": 3, "half a li')
    tamper(song.path, "CREATE VIEW spy AS SELECT * FROM event")
    assert rebuild_log(song.path) == 3
    with SongFolder(song.path) as again:
        assert again.state() == expected


def test_without_log_and_mirror_there_is_nothing_to_rebuild(song: SongFolder) -> None:
    song.close()
    (song.path / "log.jsonl").write_text("nonsense\n")
    (song.path / "log.db").write_bytes(b"nonsense")
    with pytest.raises(InputError) as refusal:
        rebuild_log(song.path)
    assert refusal.value.code == "store.nothing_to_rebuild"


@pytest.mark.parametrize("left", ["nothing", "half", "partial line", "foreign line", "no file"])
def test_a_mirror_that_lags_is_caught_up(song: SongFolder, left: str) -> None:
    for level in range(5):
        fade(song, -float(level))
    path = song.path / "log.jsonl"
    whole = path.read_bytes()
    lines = whole.splitlines(keepends=True)
    song.close()
    match left:
        case "no file":
            path.unlink()
        case "nothing":
            path.write_bytes(b"")
        case "half":
            path.write_bytes(b"".join(lines[:3]))
        case "partial line":
            path.write_bytes(whole[:-20])
        case _:
            path.write_bytes(b"".join(lines[:3]) + b'{"seq": 4, "id": "made up"}\n')
    SongFolder(song.path).close()
    assert path.read_bytes() == whole


def test_the_mirror_has_long_lines_too(song: SongFolder) -> None:
    options = (Option(id="a", name="A", why="long " * 40_000, ops=()),)
    proposal = Proposal(kind="mix", question="?", options=options, provenance=PROVENANCE)
    song.append([ProposalFiled(proposal=proposal, base_event=song.state().head)], actor="mixing", actor_kind="engine")
    fade(song, -1.0)
    song.close()
    SongFolder(song.path).close()
    assert len(mirror.read(song.path / "log.jsonl")) == 4


# --- folders that are not songs, and audio that is not there ---


def test_what_is_no_song_is_refused(tmp_path: Path) -> None:
    (tmp_path / "empty.tapehand").mkdir()
    for name in ("empty.tapehand", "nowhere.tapehand"):
        with pytest.raises(InputError) as refusal:
            SongFolder(tmp_path / name)
        assert refusal.value.code == "store.not_a_song"


@pytest.mark.parametrize("name", ["log.db", "log.jsonl", "audio"])
def test_links_are_not_followed(song: SongFolder, tmp_path: Path, name: str) -> None:
    song.close()
    (song.path / name).rename(tmp_path / name)
    (song.path / name).symlink_to(tmp_path / name)
    with pytest.raises(InputError) as refusal:
        SongFolder(song.path)
    assert refusal.value.code == "store.foreign_link"


def test_audio_that_is_gone_changed_or_linked_is_told(song: SongFolder, tmp_path: Path) -> None:
    source = next(iter(song.state().sources.values()))
    path = file_of(song)
    assert list(song.media.reader.unsound([source])) == []
    content = path.read_bytes()
    path.unlink()
    with pytest.raises(InputError) as refusal:
        song.media.read(source)
    assert refusal.value.code == "store.audio_missing"
    assert list(song.media.reader.unsound([source])) == [(source, "missing")]
    path.write_bytes(content[:-800])
    assert list(song.media.reader.unsound([source])) == [(source, "changed")]
    with pytest.raises(InputError) as refusal:
        song.media.read(source)
    assert refusal.value.code == "store.audio_changed"
    path.unlink()
    (tmp_path / "elsewhere.wav").write_bytes(content)
    path.symlink_to(tmp_path / "elsewhere.wav")
    with pytest.raises(InputError) as refusal:
        song.media.read(source)
    assert refusal.value.code == "store.foreign_link"


@pytest.mark.parametrize("blob", ["../../../etc/passwd", "A" * 64, "", "0" * 63 + "/"])
def test_a_source_cannot_point_out_of_the_song(tmp_path: Path, blob: str) -> None:
    source = Source(blob=blob, name="x", media="wav", rate_hz=44_100, channels=1, length_samples=1)
    with pytest.raises(InputError, match="does not name"):
        BlobPool(tmp_path).read(source)


def test_files_are_copied_bit_by_bit_and_once(tmp_path: Path) -> None:
    original = tmp_path / "Lead Vox.WAV"
    io.write(tmp_path / "a.wav", Audio.of(np.linspace(-1, 1, 999)[None], 48_000))
    shutil.copy(tmp_path / "a.wav", original)
    before = original.read_bytes()
    pool = BlobPool(tmp_path / "audio")
    first, second = pool.add_file(original), pool.add_file(tmp_path / "a.wav")
    assert first.blob == second.blob == file_sha256(original)
    assert (first.name, first.media, first.rate_hz, first.length_samples) == ("Lead Vox.WAV", "wav", 48_000, 999)
    assert original.read_bytes() == before
    assert [path.read_bytes() for path in (tmp_path / "audio").rglob("*.wav")] == [before]


def test_generated_sound_has_one_hash(tmp_path: Path) -> None:
    pool = BlobPool(tmp_path / "audio")
    sound = Audio.of(np.linspace(-2, 2, 777).reshape(1, -1), 44_100)
    first, second = (pool.add_audio("x", sound, "generated", PROVENANCE) for _ in range(2))
    assert first == second
    assert np.array_equal(pool.read(first).samples, sound.samples)


def test_a_full_disk_is_told_and_nothing_half_is_kept(song: SongFolder, monkeypatch: pytest.MonkeyPatch) -> None:
    import errno
    import os

    def full(_descriptor: int) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    before = sorted(song.path.rglob("*.wav"))
    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(OutputError) as refusal:
        song.media.add_audio("x", Audio.silence(1, 50, 44_100), "generated", PROVENANCE)
    assert refusal.value.code == "output.full"
    assert sorted(song.path.rglob("*.wav")) == before


def test_a_database_that_cannot_grow_is_told(song: SongFolder) -> None:
    """SQLite's own page limit stands for the end of the disk."""
    pages = song._log._pragma("page_count")
    song._log._connection.execute(f"PRAGMA max_page_count = {pages}")
    note = FindingsNoted(scope="x", findings=())
    before = song.events()
    option = Option(id="a", name="A", why="much " * 10_000, ops=())
    proposal = Proposal(kind="mix", question="?", options=(option,), provenance=PROVENANCE)
    with pytest.raises(OutputError) as refusal:
        song.append([note, ProposalFiled(proposal=proposal, base_event="")], actor="mixing", actor_kind="engine")
    assert refusal.value.code == "output.full"
    assert song.events() == before
    song._log._connection.execute("PRAGMA max_page_count = 100000")
    fade(song, -1.0)


def test_a_song_that_cannot_be_written_can_be_read(song: SongFolder, monkeypatch: pytest.MonkeyPatch) -> None:
    import os

    expected = song.state()
    song.close()
    monkeypatch.setattr(os, "access", lambda _path, mode: mode != os.W_OK)
    with SongFolder(song.path) as reader:
        assert reader.state() == expected
        with pytest.raises(OutputError) as refusal:
            fade(reader, -1.0)
    assert refusal.value.code == "output.not_writable"


def test_an_empty_log_is_an_empty_state(tmp_path: Path) -> None:
    log = EventLog.create(tmp_path / "log.db")
    assert log.rows() == []
    assert log.heads() == {}
    log.close()
