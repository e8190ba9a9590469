"""A person's own hand, people's and engines' ideas beside each other, kept moments and merges: as people type them."""

import json
from pathlib import Path

import numpy as np
import pytest

from tapehand.app.by_hand import repeat_wish
from tapehand.app.songs import create_from_folder
from tapehand.app.view import song_of
from tapehand.audio import Audio, io
from tapehand.bootstrap import make_studio
from tapehand.cli.frame import run
from tapehand.cli.main import tapehand
from tapehand.music.form import Section
from tapehand.music.notes import Note
from tapehand.music.time import TempoMap
from tapehand.song.event import Edited, FindingsNoted
from tapehand.song.finding import Finding
from tapehand.song.mixer import Automation, AutomationPoint
from tapehand.song.op import AddTrack, SetAutomation, SetGrid, SetSections
from tapehand.song.region import NoteRegion, Patch
from tapehand.song.song import Song, Track
from tapehand.store.song_folder import SongFolder
from tapehand.work import Work

RATE_HZ = 22_050
BAR = 3840
SECTIONS = (
    Section(name="Verse", kind="verse", start_bar=1, bars=1),
    Section(name="Hook", kind="hook", start_bar=2, bars=1),
)


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with one song in it: two recordings of 4 s, two sections, notes; we stand in the folder."""
    stems = tmp_path / "stems"
    stems.mkdir()
    generator = np.random.default_rng(7)
    for name in ("Kick", "Lead Vox"):
        io.write(stems / f"{name}.wav", Audio.of(0.1 * generator.standard_normal((1, 4 * RATE_HZ)), RATE_HZ))
    notes = tuple(Note(start_tick=bar * BAR, length_ticks=900, pitch=60 + bar) for bar in range(2))
    region = NoteRegion(start_tick=0, length_ticks=2 * BAR, notes=notes, patch=Patch(instrument="bass.sub"))
    ops = (
        SetGrid(grid=TempoMap.steady(120.0)),
        SetSections(sections=SECTIONS),
        AddTrack(track=Track(id="n01", name="Bass", role="bass", group="bass", regions=(region,))),
    )
    with create_from_folder(make_studio(threads=1), stems, tmp_path / "s.tapehand", by="Ada", work=Work()) as song:
        song.append([Edited(ops=ops)], actor="Ada", actor_kind="person")
    monkeypatch.chdir(tmp_path)
    return tmp_path


def told(capsys: pytest.CaptureFixture[str], *words: str, code: int = 0) -> str:
    assert run(tapehand, list(words)) == code
    captured = capsys.readouterr()
    return captured.out + captured.err


def record(capsys: pytest.CaptureFixture[str], *words: str, code: int = 0) -> dict[str, object]:
    assert run(tapehand, [*words, "--json"]) == code
    plain: dict[str, object] = json.loads(capsys.readouterr().out)
    return plain


def song_here() -> Song:
    with SongFolder(Path("s.tapehand")) as store:
        return song_of(store.state())


def fader(name: str) -> float:
    return next(track.strip.fader_db for track in song_here().tracks if track.name == name)


def test_a_hand_sets_at_once_and_can_be_undone(place: Path, capsys: pytest.CaptureFixture[str]) -> None:
    before = song_here()
    done = record(capsys, "set", "lead vox", "--louder", "-2.5", "--pan", "0.25", "--flip", "--by", "Ada")
    assert (done["schema"], done["by"], done["what"]) == (
        "Edit.1",
        "Ada",
        "Lead Vox: fader -2.5 dB, pan +0.25, polarity flipped",
    )
    strip = song_here().strip("t02")
    assert (strip.fader_db, strip.pan, strip.polarity) == (-2.5, 0.25, -1)
    told(capsys, "set", "mix", "--fader", "off")
    assert song_here().mix.fader_db == float("-inf")
    for _ in range(2):
        told(capsys, "undo")
    assert song_here() == before


def test_what_says_nothing_is_refused(place: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for words in (["set", "Kick"], ["set", "Kick", "--fader", "0"], ["set", "Kick", "--louder", "0"]):
        assert record(capsys, *words, code=3)["code"] == "edit.nothing"
    for words in (
        ["set", "Kick", "--fader", "0", "--louder", "1"],
        ["set", "Kick", "--fader", "99"],
        ["set", "Kick", "--pan", "2"],
        ["set", "Kick", "--mute", "--propose", "--beside", "1"],
        ["arrange", "swap", "Verse"],
        ["arrange", "insert", "Break"],
        ["arrange", "transpose", "Hook"],
        ["arrange", "tempo"],
        ["arrange", "mute", "Hook"],
        ["arrange", "turn", "Hook"],
    ):
        assert record(capsys, *words, code=2)["code"] == "cli.usage"


def test_an_automated_fader_moves_with_its_automation(place: Path, capsys: pytest.CaptureFixture[str]) -> None:
    points = (AutomationPoint(at_samples=0, value=-6.0), AutomationPoint(at_samples=100, value=0.0))
    automated = SetAutomation(target="t01", automation=(Automation(parameter="fader_db", points=points),))
    with SongFolder(place / "s.tapehand") as store:
        store.append([Edited(ops=(automated,))], actor="Ada", actor_kind="person")
    assert record(capsys, "set", "Kick", "--fader", "-3", code=3)["code"] == "song.fader_automated"
    told(capsys, "set", "Kick", "--louder", "2")
    (lane,) = song_here().strip("t01").automation
    assert [point.value for point in lane.points] == [-4.0, 2.0]


def test_sections_are_rearranged_by_name(place: Path, capsys: pytest.CaptureFixture[str]) -> None:
    before = song_here()
    assert record(capsys, "arrange", "repeat", "hook")["sections"] == ["Verse", "Hook", "Hook 2"]
    assert record(capsys, "arrange", "swap", "Verse", "Hook 2")["sections"] == ["Hook 2", "Hook", "Verse"]
    inserted = record(capsys, "arrange", "insert", "Break", "--bars", "2", "--before", "Hook")
    assert inserted["sections"] == ["Hook 2", "Break", "Hook", "Verse"]
    assert song_here().sections[1].kind == "break"
    assert record(capsys, "arrange", "insert", "hook", "--bars", "2", code=3)["code"] == "song.name_taken"
    assert record(capsys, "arrange", "remove", "Break")["sections"] == ["Hook 2", "Hook", "Verse"]
    told(capsys, "arrange", "transpose", "Hook", "--semitones", "2", "--part", "Bass")
    told(capsys, "arrange", "solo", "Verse", "--part", "Kick", "--part", "Bass")
    assert song_here().strip("t02").muted
    assert record(capsys, "arrange", "tempo", "--bpm", "96", code=3)["code"] == "song.recordings_keep_time"
    assert record(capsys, "arrange", "remove", "Bridge", code=3)["code"] == "song.no_section"
    for _ in range(6):
        told(capsys, "undo")
    assert song_here() == before


def test_people_propose_and_counter_and_one_wins(place: Path, capsys: pytest.CaptureFixture[str]) -> None:
    before = song_here()
    filed = record(capsys, "set", "Kick", "--louder", "3", "--propose", "--by", "Ben Moss", "--note", "more thump")
    assert (filed["proposal"], filed["option"]) == (1, "ben-moss")
    assert song_here() == before
    heard = record(capsys, "hear", "1", "-o", "one")
    assert len(heard["options"]) == 2  # type: ignore[arg-type]
    joined = record(capsys, "set", "Kick", "--louder", "1", "--beside", "1", "--by", "Ada")
    assert (joined["proposal"], joined["option"]) == (1, "ada")
    engine = record(capsys, "propose", "mix", "--beside", "1", "--by", "Ada")
    assert [option["id"] for option in engine["options"]] == [  # type: ignore[attr-defined]
        "ben-moss",
        "ada",
        "forward",
        "as-it-came",
        "punch",
    ]
    again = record(capsys, "set", "Kick", "--louder", "2", "--beside", "1", "--by", "Ada")
    assert again["option"] == "ada-2"
    told(capsys, "decide", "1", "--option", "ada", "--by", "Ada")
    assert fader("Kick") == 1.0
    assert record(capsys, "set", "Kick", "--louder", "2", "--beside", "1", code=5)["code"] == "proposal.cannot_join"
    log = told(capsys, "log")
    assert "Ben Moss (person)" in log
    assert "accepted option ada of proposal 1" in log


def test_an_idea_about_what_has_changed_is_filed_anew(place: Path, capsys: pytest.CaptureFixture[str]) -> None:
    told(capsys, "set", "Kick", "--louder", "3", "--propose", "--by", "Ben")
    told(capsys, "set", "Kick", "--louder", "-1")
    assert record(capsys, "set", "Kick", "--louder", "1", "--beside", "1", code=5)["code"] == "proposal.stale"
    assert record(capsys, "set", "Lead Vox", "--louder", "1", "--beside", "1")["proposal"] == 1


def test_a_program_can_only_propose(place: Path, capsys: pytest.CaptureFixture[str]) -> None:
    before = song_here()
    refused = record(capsys, "set", "Kick", "--mute", "--agent", "--by", "bot", code=4)
    assert refused["code"] == "decision.not_a_person"
    told(capsys, "arrange", "repeat", "Hook", "--agent", "--by", "bot", "--propose")
    assert song_here() == before
    assert "Meanwhile bot proposed idea as proposal 1" in told(capsys, "inbox")
    told(capsys, "decide", "1", "--option", "bot", "--by", "Ada")
    assert [section.name for section in song_here().sections] == ["Verse", "Hook", "Hook 2"]


def test_what_is_kept_is_held_against_proposals(place: Path, capsys: pytest.CaptureFixture[str]) -> None:
    found = [
        Finding(kind="voice_break", question="Meant?", track="t02", start_s=at_s, end_s=at_s + 0.2)
        for at_s in (1.0, 3.0)
    ]
    with SongFolder(place / "s.tapehand") as store:
        store.append([FindingsNoted(scope="x", findings=tuple(found))], actor="l", actor_kind="engine")
    assert record(capsys, "inbox", "--keep", "click", code=3)["code"] == "inbox.no_question"
    assert record(capsys, "inbox", "--at", "1", code=2)["code"] == "cli.usage"
    shown = record(capsys, "inbox", "--keep", "voice break", "--at", "1.1")
    assert len(shown["entries"]) == 1  # type: ignore[arg-type]
    shown = record(capsys, "inbox", "--keep", "voice break", "--track", "Lead Vox")
    assert shown["entries"] == []
    assert [(moment.id, moment.span.start_samples / RATE_HZ) for moment in song_here().moments] == [
        ("m1", 1.0),
        ("m2", 3.0),
    ]
    told(capsys, "arrange", "remove", "Verse", "--propose", "--by", "Ben")
    assert record(capsys, "decide", "1", "--option", "ben", "--by", "Ada", code=4)["code"] == "lock.holds"
    told(capsys, "arrange", "remove", "Verse")  # one's own hand is let through
    assert [moment.span.start_samples for moment in song_here().moments] == [RATE_HZ]


def test_questions_about_places_that_moved_wait_for_another_listening(
    place: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    found = (
        Finding(kind="breaths", question="Meant?", track="t02", start_s=3.0, end_s=3.2),
        Finding(kind="silent", question="Meant?", track="t01"),
    )
    with SongFolder(place / "s.tapehand") as store:
        store.append([FindingsNoted(scope="x", findings=found)], actor="l", actor_kind="engine")
    told(capsys, "set", "Lead Vox", "--louder", "1")
    assert record(capsys, "inbox")["moved_questions"] == 0
    told(capsys, "arrange", "repeat", "Verse")
    shown = record(capsys, "inbox")
    assert (shown["moved_questions"], len(shown["findings"])) == (1, 1)  # type: ignore[arg-type]
    assert record(capsys, "inbox", "--keep", "breaths", code=3)["code"] == "inbox.no_question"
    assert "1 question more about places that have moved" in told(capsys, "inbox", "--all")
    told(capsys, "undo")
    assert record(capsys, "inbox")["moved_questions"] == 0
    told(capsys, "arrange", "repeat", "Verse")
    with SongFolder(place / "s.tapehand") as store:
        store.append([FindingsNoted(scope="x", findings=found)], actor="l", actor_kind="engine")
    assert record(capsys, "inbox")["moved_questions"] == 0


def test_both_sides_of_a_merge_are_heard_and_decided(place: Path, capsys: pytest.CaptureFixture[str]) -> None:
    told(capsys, "set", "Lead Vox", "--louder", "1", "--propose", "--by", "Ben")
    told(capsys, "branch", "other")
    told(capsys, "set", "Kick", "--fader", "-6")
    told(capsys, "set", "Lead Vox", "--pan", "0.5", "--propose", "--by", "Ben")
    told(capsys, "hear", "2", "--blind", "abx", "--rounds", "1", "--with-rough", "-o", "blind")
    told(capsys, "branch", "main")
    told(capsys, "set", "Kick", "--fader", "-12")
    merged = record(capsys, "branch", "other", "--merge", "--by", "Ada")
    assert (merged["asked"], merged["proposal"], merged["trials_left"]) == (["Kick"], 2, 1)
    shown = record(capsys, "inbox")
    assert [proposal["kind"] for proposal in shown["proposals"]] == ["merge", "idea"]  # type: ignore[attr-defined]
    heard = record(capsys, "hear", "2", "-o", "both", "--whole")
    assert [option["name"] for option in heard["options"]] == ["As in main", "As in other"]  # type: ignore[attr-defined]
    sides = [io.read(Path(option["path"])) for option in heard["options"]]  # type: ignore[attr-defined]
    assert sides[0].length_samples == sides[1].length_samples
    assert not np.array_equal(sides[0].samples, sides[1].samples)
    told(capsys, "decide", "2", "--option", "As in other", "--by", "Ada")
    assert fader("Kick") == -6.0


def test_an_option_that_no_mix_has_is_told_before_the_work(
    place: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tapehand.app.mix.mix_folder", lambda *_words, **_more: pytest.fail("it began to listen"))
    refused = record(capsys, "mix", "stems", "-o", "out", "--accept", "loud", code=3)
    assert refused["code"] == "proposal.no_option"
    assert "as-it-came" in str(refused["hint"])


def test_the_recordings_are_cut_where_the_bars_are(place: Path) -> None:
    wish = repeat_wish(song_here(), "Verse")
    song = song_here()
    for op in wish.ops:
        song = op.apply(song)
    first, second = song.tracks[0].regions
    bar, fade = 2 * RATE_HZ, 110
    assert (first.start_samples, first.length_samples, first.fade_out_samples) == (0, bar, fade)  # type: ignore[union-attr]
    assert (second.start_samples, second.offset_samples) == (bar, 0)  # type: ignore[union-attr]
    assert second.length_samples == 4 * RATE_HZ  # type: ignore[union-attr]
