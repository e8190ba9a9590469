"""A song that branches, is locked, decided and undone in part, recalled, damaged and mended: through the use cases."""

import hashlib
import json
import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from tapehand.app import locks
from tapehand.app.branches import begin, compare, merge
from tapehand.app.decide import decide, lock_against
from tapehand.app.doctor import diagnose
from tapehand.app.log_view import log_rows
from tapehand.app.propose import file_proposal
from tapehand.app.songs import create_from_folder
from tapehand.app.studio import Studio
from tapehand.app.undo import undo, undo_section
from tapehand.app.view import song_of, view_of, view_of_state
from tapehand.audio import Audio, io
from tapehand.bootstrap import make_studio
from tapehand.errors import Conflict, InputError, Refused
from tapehand.music.form import Section
from tapehand.music.time import TempoMap
from tapehand.ports.song_store import SongStore
from tapehand.song.arrange import muted_within, solo_within
from tapehand.song.event import Edited
from tapehand.song.mixer import Bus, Send
from tapehand.song.op import AddBus, Op, RemoveTrack, SetFader, SetGrid, SetPan, SetRegions, SetSections, SetSends
from tapehand.song.proposal import Option, Proposal
from tapehand.song.provenance import Provenance
from tapehand.song.region import Span
from tapehand.work import Work

RATE_HZ = 44_100
PROVENANCE = Provenance(engine="test", version="1", maker="machine")


@pytest.fixture
def studio() -> Studio:
    return make_studio(threads=1)


@pytest.fixture
def stems(tmp_path: Path) -> Path:
    folder = tmp_path / "stems"
    folder.mkdir()
    generator = np.random.default_rng(4)
    for name in ("Kick", "Bass", "Lead Vox"):
        io.write(folder / f"{name}.wav", Audio.of(0.1 * generator.standard_normal((1, RATE_HZ)), RATE_HZ))
    return folder


@pytest.fixture
def song(studio: Studio, stems: Path, tmp_path: Path) -> SongStore:
    return create_from_folder(studio, stems, tmp_path / "a.tapehand", by="Ann", work=Work())


def tracks(song: SongStore) -> dict[str, str]:
    return {track.name: track.id for track in song_of(song.state()).tracks}


def edit(song: SongStore, *ops: Op) -> str:
    return song.append([Edited(ops=ops)], actor="Ann", actor_kind="person").head


def propose(song: SongStore, *ops: Op) -> int:
    option = Option(id="a", name="A", why="", ops=ops)
    proposal = Proposal(kind="mix", question="?", options=(option,), provenance=PROVENANCE)
    return file_proposal(song, proposal, base_event=song.state().head, actor="test").number


def fader(song: SongStore, name: str) -> float:
    return song_of(song.state()).strip(tracks(song)[name]).fader_db


def rendered(studio: Studio, song: SongStore) -> str:
    return hashlib.sha256(view_of(studio, song).render().samples.tobytes()).hexdigest()


def with_sections(song: SongStore) -> None:
    """Two bars of half a second each: a verse and a hook."""
    sections = (
        Section(name="Verse", kind="verse", start_bar=1, bars=1),
        Section(name="Hook", kind="hook", start_bar=2, bars=1),
    )
    edit(song, SetGrid(grid=TempoMap.steady(480.0)), SetSections(sections=sections))


# --- part of a proposal ---


def test_part_of_an_option_is_accepted_with_what_it_needs(song: SongStore) -> None:
    kick, vox = tracks(song)["Kick"], tracks(song)["Lead Vox"]
    room = Bus(id="b01", name="Room", kind="return")
    number = propose(
        song,
        SetFader(target=kick, fader_db=-3.0),
        AddBus(bus=room),
        SetSends(target=vox, sends=(Send(bus="b01", level_db=-12.0),)),
    )
    with pytest.raises(InputError) as refusal:
        decide(song, number, "accept", by="Ann", option="a", only=["Bass"])
    assert refusal.value.code == "decision.nothing_taken"
    with pytest.raises(InputError):
        decide(song, number, "accept", by="Ann", option="a", only=["Nobody"])
    state = decide(song, number, "accept", by="Ann", option="a", only=["lead vox"])
    assert state.filed(number).taken == (1, 2)
    assert fader(song, "Kick") == 0.0
    assert [bus.id for bus in song_of(state).buses] == ["b01"]
    assert "accepted 2 steps of option a" in log_rows(song)[-1].what
    undo(song, by="Ann")
    assert song_of(song.state()).buses == ()


def test_the_fresh_part_of_a_stale_proposal_is_still_good(song: SongStore) -> None:
    kick, vox = tracks(song)["Kick"], tracks(song)["Lead Vox"]
    number = propose(song, SetFader(target=kick, fader_db=-3.0), SetFader(target=vox, fader_db=-6.0))
    edit(song, SetFader(target=kick, fader_db=1.0))
    with pytest.raises(Conflict) as conflict:
        decide(song, number, "accept", by="Ann", option="a")
    assert conflict.value.code == "proposal.stale"
    decide(song, number, "accept", by="Ann", option="a", only=["Lead Vox"])
    assert (fader(song, "Kick"), fader(song, "Lead Vox")) == (1.0, -6.0)


def test_a_proposal_on_a_track_that_is_gone_is_refused_in_words(song: SongStore) -> None:
    kick = tracks(song)["Kick"]
    number = propose(song, SetFader(target=kick, fader_db=-3.0))
    edit(song, RemoveTrack(track=kick))
    with pytest.raises(Conflict) as conflict:
        decide(song, number, "accept", by="Ann", option="a")
    assert conflict.value.code == "proposal.stale"
    with pytest.raises(InputError) as refusal:
        edit(song, SetFader(target=kick, fader_db=0.0))
    assert refusal.value.code == "song.no_target"
    undo(song, by="Ann")
    assert decide(song, number, "accept", by="Ann", option="a").filed(number).verdict == "accept"


# --- undo by part and by section ---


def test_undoing_on_one_part_leaves_the_others(song: SongStore) -> None:
    kick, vox = tracks(song)["Kick"], tracks(song)["Lead Vox"]
    number = propose(song, SetFader(target=kick, fader_db=-3.0), SetFader(target=vox, fader_db=-6.0))
    decide(song, number, "accept", by="Ann", option="a")
    edit(song, SetPan(target=kick, pan=0.5))
    undo(song, by="Ann", part="Lead Vox")
    assert (fader(song, "Kick"), fader(song, "Lead Vox")) == (-3.0, 0.0)
    assert song.state().filed(number).verdict == "accept"
    with pytest.raises(InputError, match="nothing to undo"):
        undo(song, by="Ann", part="Lead Vox")
    undo(song, by="Ann", event=song.state().length)
    assert fader(song, "Lead Vox") == -6.0


def test_undoing_in_one_section_leaves_the_others(studio: Studio, song: SongStore) -> None:
    with_sections(song)
    kick = tracks(song)["Kick"]
    verse, hook = (Span(start_samples=at, end_samples=at + 22_050) for at in (0, 22_050))
    edit(song, muted_within(kick, verse), muted_within(kick, hook))
    undo_section(song, "Verse", by="Ann")
    assert song_of(song.state()).strip(kick).muted == (hook,)
    with pytest.raises(InputError) as refusal:
        undo_section(song, "Bridge", by="Ann")
    assert refusal.value.code == "song.no_section"


def test_a_section_is_silent_where_it_is_muted_and_nowhere_else(studio: Studio, song: SongStore) -> None:
    with_sections(song)
    before = view_of(studio, song).render().samples
    hook = Span(start_samples=22_050, end_samples=44_100)
    edit(song, *(muted_within(track, hook) for track in tracks(song).values()))
    after = view_of(studio, song).render().samples
    assert np.array_equal(after[:, :22_050], before[:, :22_050])
    assert np.abs(after[:, 22_050 + 240 : 44_100 - 240]).max() == 0.0
    undo(song, by="Ann")
    assert np.array_equal(view_of(studio, song).render().samples, before)
    edit(song, *solo_within(song_of(song.state()), [tracks(song)["Kick"]], hook))
    muted = {track.name for track in song_of(song.state()).tracks if track.strip.muted}
    assert muted == {"Bass", "Lead Vox"}


# --- locks ---


def test_what_is_locked_stays_until_a_person_lifts_it(song: SongStore) -> None:
    vox = tracks(song)["Lead Vox"]
    locks.lock(song, "lead vox", by="Ann", reason="she likes it")
    number = propose(song, SetFader(target=vox, fader_db=-6.0), SetPan(target=tracks(song)["Kick"], pan=0.1))
    with pytest.raises(Refused) as refusal:
        decide(song, number, "accept", by="Bob", option="a")
    assert (refusal.value.code, refusal.value.exit_code) == ("lock.holds", 4)
    assert "she likes it" in refusal.value.message
    assert song.state().filed(number).is_open
    (row,) = locks.lock_rows(song)
    assert (row.part, row.aspect) == ("Lead Vox", "everything")
    locks.lift(song, row.id, by="Ann")
    assert decide(song, number, "accept", by="Bob", option="a").filed(number).verdict == "accept"
    with pytest.raises(InputError) as unknown:
        locks.lift(song, "l9", by="Ann")
    assert unknown.value.code == "lock.unknown"


def test_a_kept_moment_holds_the_performance_and_not_the_fader(song: SongStore) -> None:
    vox = tracks(song)["Lead Vox"]
    (region,) = song_of(song.state()).track(vox).regions
    locks.keep_moment(song, "Lead Vox", Span(start_samples=10_000, end_samples=12_000), by="Ann", text="the crack")
    mended = propose(song, SetRegions(track=vox, regions=()))
    with pytest.raises(Refused):
        decide(song, mended, "accept", by="Bob", option="a")
    from dataclasses import replace

    halves = (
        replace(region, length_samples=20_000),  # type: ignore[call-arg]
        replace(region, start_samples=20_000, offset_samples=20_000, length_samples=100),  # type: ignore[call-arg]
    )
    decide(song, propose(song, SetFader(target=vox, fader_db=-2.0)), "accept", by="Bob", option="a")
    decide(song, propose(song, SetRegions(track=vox, regions=halves)), "accept", by="Bob", option="a")


def test_a_proposal_is_rejected_with_a_lock(song: SongStore) -> None:
    vox = tracks(song)["Lead Vox"]
    number = propose(song, SetFader(target=vox, fader_db=-6.0))
    state = lock_against(song, number, by="Ann", note="leave her alone")
    assert state.filed(number).verdict == "reject"
    with pytest.raises(Refused):
        decide(song, propose(song, SetFader(target=vox, fader_db=-5.0)), "accept", by="Bob", option="a")
    decide(song, propose(song, SetPan(target=vox, pan=0.2)), "accept", by="Bob", option="a")


# --- branches ---


def test_what_both_left_alone_merges_and_the_rest_is_asked(studio: Studio, song: SongStore) -> None:
    kick, bass, vox = tracks(song).values()
    assert {kick, bass, vox} == {"t01", "t02", "t03"}
    kick, bass, vox = tracks(song)["Kick"], tracks(song)["Bass"], tracks(song)["Lead Vox"]
    begin(song, "louder", by="Ann")
    edit(song, SetFader(target=vox, fader_db=3.0), SetFader(target=bass, fader_db=-1.0))
    song.switch("main")
    edit(song, SetFader(target=vox, fader_db=-3.0), SetPan(target=kick, pan=0.1))
    compared = compare(song, "louder")
    assert (compared.ours, compared.theirs, compared.both) == (
        ("Kick", "Lead Vox"),
        ("Bass", "Lead Vox"),
        ("Lead Vox",),
    )
    merged = merge(song, "louder", by="Ann", version="1")
    assert (merged.taken, merged.asked) == (("Bass",), ("Lead Vox",))
    assert (fader(song, "Bass"), fader(song, "Lead Vox")) == (-1.0, -3.0)
    assert merged.proposal is not None
    decide(song, merged.proposal, "accept", by="Ann", option="theirs")
    assert fader(song, "Lead Vox") == 3.0
    assert merge(song, "louder", by="Ann", version="1").proposal is None
    with pytest.raises(InputError) as refusal:
        compare(song, "main")
    assert refusal.value.code == "branch.same"


def test_any_past_state_is_recalled_exactly(studio: Studio, song: SongStore) -> None:
    """State and sound, by events of whatever branch."""
    generator = np.random.default_rng(1)
    heard: dict[str, str] = {}
    for step in range(4):
        target = f"t{1 + step % 3:02d}"
        head = edit(
            song, SetFader(target=target, fader_db=float(generator.uniform(-20, 0))), SetPan(target=target, pan=0.3)
        )
        heard[head] = rendered(studio, song)
        if step == 1:
            begin(song, "other", by="Ann", at=head)
    for head, expected in heard.items():
        past = view_of_state(studio, song.state_at(head), song.media.reader)  # type: ignore[attr-defined]
        assert hashlib.sha256(past.render().samples.tobytes()).hexdigest() == expected
    begin(song, "again", by="Ann", at=next(iter(heard)))
    assert rendered(studio, song) == heard[next(iter(heard))]


# --- the doctor ---


def truncate(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:-100])


@pytest.mark.parametrize(
    ("damage", "code"),
    [
        (lambda path: (path / "log.db").write_bytes(b"lost"), "store.damaged"),
        (lambda path: (path / "log.db").unlink(), "store.not_a_song"),
        (lambda path: (path / "log.jsonl").unlink(), "store.mirror_behind"),
        (lambda path: truncate(path / "log.jsonl"), "store.mirror_behind"),
    ],
)
def test_the_doctor_mends_the_log(studio: Studio, song: SongStore, damage: Callable[[Path], object], code: str) -> None:
    edit(song, SetFader(target="t01", fader_db=-2.0))
    expected = song.state()
    song.close()  # type: ignore[attr-defined]
    assert diagnose(studio, song.path).is_healthy
    damage(song.path)
    diagnosis = diagnose(studio, song.path)
    assert [trouble.code for trouble in diagnosis.found] == [code]
    assert not diagnosis.done
    mended = diagnose(studio, song.path, mend=True)
    assert mended.is_healthy
    assert mended.done
    with studio.open_song(song.path) as again:
        assert again.state() == expected


def test_the_doctor_finds_lost_audio_by_its_bytes(studio: Studio, song: SongStore, stems: Path, tmp_path: Path) -> None:
    song.close()  # type: ignore[attr-defined]
    blobs = sorted((song.path / "audio").rglob("*.wav"))
    blobs[0].unlink()
    blobs[1].chmod(0o644)
    truncate(blobs[1])
    shutil.move(blobs[2], song.path / "audio" / "misplaced.wav")
    assert sorted(trouble.code for trouble in diagnose(studio, song.path).left) == [
        "store.audio_changed",
        "store.audio_missing",
        "store.audio_missing",
    ]
    assert len(diagnose(studio, song.path, mend=True).left) == 2
    (stems / "Kick.wav").rename(stems / "renamed.bin")
    assert diagnose(studio, song.path, mend=True, search=[stems]).is_healthy
    assert all(hashlib.sha256(blob.read_bytes()).hexdigest() == blob.stem for blob in blobs)


def test_the_doctor_says_what_it_cannot_mend(studio: Studio, song: SongStore, tmp_path: Path) -> None:
    song.close()  # type: ignore[attr-defined]
    with pytest.raises(InputError) as refusal:
        diagnose(studio, tmp_path)
    assert refusal.value.code == "store.not_a_song"
    (song.path / "log.db").unlink()
    (song.path / "log.jsonl").write_text("nothing\n")
    with pytest.raises(InputError) as refusal:
        diagnose(studio, song.path, mend=True)
    assert refusal.value.code == "store.nothing_to_rebuild"
    assert (song.path / "log.jsonl").read_text() == "nothing\n"


def test_the_commands_speak(song: SongStore, run: Callable[..., tuple[int, str]]) -> None:
    path = str(song.path)
    assert run("branch", "--song", path) == (0, "* main\n")
    assert run("branch", "quiet", "--by", "Ann", "--song", path)[0] == 0
    edit(song, SetFader(target="t01", fader_db=-1.0))
    plain = json.loads(run("branch", "main", "--compare", "--json", "--song", path)[1])
    assert plain["schema"] == "Branch.1"
    assert run("branch", "main", "--song", path)[0] == 0
    assert run("branch", "quiet", "--merge", "--by", "Ann", "--song", path)[0] == 0
    assert run("lock", "Kick", "--aspect", "regions", "--by", "Ann", "--song", path)[0] == 0
    assert json.loads(run("lock", "--json", "--song", path)[1])["locks"][0]["part"] == "Kick"
    assert run("lock", "--lift", "l1", "--song", path) == (0, "Nothing is locked.\n")
    assert run("lock", "Kick", "--aspect", "colour", "--song", path)[0] == 3
    assert run("branch", "--merge", "--song", path)[0] == 2
    assert run("doctor", path)[0] == 0
    (song.path / "log.jsonl").unlink()
    assert run("doctor", path)[0] == 3
    assert json.loads(run("doctor", path, "--repair", "--json")[1])["troubles"] == []


@pytest.fixture
def run(capsys: pytest.CaptureFixture[str]) -> Callable[..., tuple[int, str]]:
    from tapehand.cli.main import main

    def called(*arguments: str) -> tuple[int, str]:
        capsys.readouterr()
        with pytest.raises(SystemExit) as ended:
            main(list(arguments))
        return int(ended.value.code or 0), capsys.readouterr().out

    return called
