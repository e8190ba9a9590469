"""The inbox: one entry a question, the gravest first, answers that last, what machines did, and cold ears."""

import json
from pathlib import Path

import numpy as np
import pytest

from tapehand.app.cold_listening import ask_cold, play, remark
from tapehand.app.inbox import answer_questions, dismiss_moments, entries, inbox, keep_found, questions
from tapehand.app.locks import lift, lock_rows
from tapehand.app.propose import file_proposal
from tapehand.app.songs import create_from_folder
from tapehand.audio import Audio, io
from tapehand.bootstrap import make_studio
from tapehand.cli.frame import run
from tapehand.cli.main import tapehand
from tapehand.errors import InputError, OutputError
from tapehand.ports.song_store import SongStore
from tapehand.song.event import FindingsNoted
from tapehand.song.finding import Finding
from tapehand.song.op import Op, SetFader, SetPan
from tapehand.song.proposal import Option, Proposal
from tapehand.song.provenance import Provenance
from tapehand.work import Work

RATE_HZ = 8_000


@pytest.fixture
def song(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> SongStore:
    stems = tmp_path / "stems"
    stems.mkdir()
    times = np.arange(RATE_HZ) / RATE_HZ
    for name in ("drums", "voice"):
        io.write(stems / f"{name}.wav", Audio.of((0.2 * np.sin(2 * np.pi * 200.0 * times))[None], RATE_HZ))
    monkeypatch.chdir(tmp_path)
    return create_from_folder(make_studio(threads=1), stems, tmp_path / "s.tapehand", by="Ann", work=Work())


def finding(
    kind: str, track: str | None, severity: str = "ask", at_s: float = 0.0, question: str = "Is it meant?"
) -> Finding:
    return Finding(kind=kind, question=question, track=track, severity=severity, start_s=at_s, end_s=at_s + 0.1)  # type: ignore[arg-type]


def note(song: SongStore, *findings: Finding) -> None:
    song.append([FindingsNoted(scope="test", findings=findings)], actor="listener", actor_kind="engine")


def propose(song: SongStore, *ops: Op) -> None:
    option = Option(id="a", name="A", why="", ops=ops)
    provenance = Provenance(engine="mixer", version="1", maker="machine")
    proposal = Proposal(kind="mix", question="?", options=(option,), provenance=provenance)
    file_proposal(song, proposal, base_event=song.state().head, actor="mixer")


def test_questions_of_one_kind_on_one_track_are_one(song: SongStore) -> None:
    breaths = [finding("breath", "t02", "note", at_s) for at_s in range(14)]
    plosives = [finding("plosive", "t02", "ask", at_s) for at_s in range(3)]
    note(song, *breaths, *plosives, finding("clipped", "t01", "serious"), finding("plosive", "t01"))
    shown = [(entry.kind, entry.tracks, len(entry.questions)) for entry in inbox(song).entries]
    assert shown == [
        ("clipped", ("drums",), 1),
        ("plosive", ("voice",), 3),
        ("plosive", ("drums",), 1),
        ("breath", ("voice",), 14),
    ]
    assert inbox(song).entries[3].say == "Is it meant? (and 13 more like it on this track)"


def test_one_question_that_tracks_share_is_asked_once_and_others_stay_apart(song: SongStore) -> None:
    note(
        song,
        *(finding("longer", track) for track in ("t01", "t02")),
        finding("left_out", None, question="notes.txt?"),
        finding("left_out", None, question="old.wav?"),
    )
    shown = [(entry.tracks, entry.say) for entry in inbox(song).entries]
    assert shown == [(("drums", "voice"), "Is it meant?"), ((), "notes.txt?"), ((), "old.wav?")]


@pytest.mark.parametrize("seed", range(5))
def test_grouping_loses_and_doubles_nothing(song: SongStore, seed: int) -> None:
    rng = np.random.default_rng(seed)
    kinds, tracks, words = ("a", "b"), ("t01", "t02", None), ("x?", "y?")
    note(
        song,
        *(
            finding(
                kinds[rng.integers(2)],
                tracks[rng.integers(3)],
                ("serious", "ask", "note")[rng.integers(3)],
                float(number),
                words[rng.integers(2)],
            )
            for number in range(40)
        ),
    )
    asked = questions(song.state())
    grouped = entries(asked)
    assert sorted((each.finding.start_s or 0.0) for entry in grouped for each in entry.questions) == list(range(40))
    ranks = [("serious", "ask", "note").index(entry.severity) for entry in grouped]
    assert ranks == sorted(ranks)


def test_what_was_left_stays_left_and_can_be_asked_again(song: SongStore) -> None:
    note(song, finding("breath", "t02"), finding("breath", "t01"), finding("plosive", "t02"))
    assert answer_questions(song, "breath", "voice", leave=True, by="Ann") == 1
    note(song, finding("breath", "t02", at_s=5.0), finding("breath", "t01"), finding("plosive", "t02"))
    assert [(entry.kind, entry.tracks) for entry in inbox(song).entries] == [
        ("breath", ("drums",)),
        ("plosive", ("voice",)),
    ]
    answer_questions(song, "breath", None, leave=False, by="Ann")
    assert len(inbox(song).questions) == 3
    assert len(questions(song.state())) == 3  # findings are facts: an answer takes none away
    with pytest.raises(InputError):
        answer_questions(song, "hum", None, leave=True, by="Ann")


def test_the_largest_change_comes_first_and_machines_are_told(song: SongStore) -> None:
    propose(song, SetPan(target="t01", pan=0.1))
    propose(song, SetFader(target="t01", fader_db=-1.0), SetFader(target="t02", fader_db=-2.0))
    propose(song, SetPan(target="t02", pan=0.1))
    waiting = inbox(song)
    assert [filed.number for filed in waiting.proposals] == [2, 1, 3]
    assert [row.what for row in waiting.meanwhile] == [f"proposed mix as proposal {number}: A" for number in (1, 2, 3)]
    remark(song, "too loud", by="Ann")
    assert inbox(song).meanwhile == ()


def test_cold_ears_hear_the_song_before_any_proposal(song: SongStore, tmp_path: Path) -> None:
    ask_cold(song, wanted=True, by="Ann")
    propose(song, SetPan(target="t01", pan=0.1))
    assert (inbox(song).proposals, inbox(song).hidden_proposals, inbox(song).meanwhile) == ((), 1, ())
    remark(song, "the drums drag", by="Ann", at_s=0.5)
    assert inbox(song).hidden_proposals == 1  # remarks without listening are no listening
    path = play(make_studio(threads=1), song, tmp_path / "song.wav", by="Ann", work=Work())
    assert io.read(path).length_samples == RATE_HZ
    assert [filed.number for filed in inbox(song).proposals] == [1]
    assert song.state().hearings.remarks[0].at_s == 0.5
    ask_cold(song, wanted=True, by="Ann")
    assert inbox(song).hidden_proposals == 1
    ask_cold(song, wanted=False, by="Ann")
    assert inbox(song).hidden_proposals == 0


def test_what_is_refused(song: SongStore, tmp_path: Path) -> None:
    with pytest.raises(InputError):
        remark(song, "  ", by="Ann")
    taken = tmp_path / "taken.wav"
    taken.touch()
    with pytest.raises(OutputError):
        play(make_studio(threads=1), song, taken, by="Ann", work=Work())
    assert song.state().hearings.plays_since == 0


def test_the_command_shows_it_all(song: SongStore, capsys: pytest.CaptureFixture[str]) -> None:
    note(song, *(finding("breath", "t02", at_s=at_s) for at_s in (1.0, 2.0)))
    propose(song, SetPan(target="t01", pan=0.1))

    def told(*words: str) -> str:
        assert run(tapehand, list(words)) == 0
        return " ".join(capsys.readouterr().out.split())

    shown = told("inbox")
    assert "Meanwhile mixer proposed mix as proposal 1: A." in shown
    assert "2, first 0:01.0" in shown
    record = json.loads(told("inbox", "--leave", "breath", "--cold", "--json"))
    assert (record["entries"], record["hidden_proposals"], record["proposals"]) == ([], 1, [])
    assert "One proposal waits until you have heard the song" in told("inbox", "--remark", "hot", "--at", "3")
    told("hear", "-o", "song.wav")
    assert "Proposal 1" in told("inbox")
    assert run(tapehand, ["inbox", "--track", "voice"]) == 2
    assert run(tapehand, ["hear"]) == 2
    assert run(tapehand, ["hear", "--blind", "abx", "-o", "x"]) == 2


def test_a_moment_is_kept_or_let_go_and_that_lasts(song: SongStore) -> None:
    moments = [finding("moments", "t02", "note", at_s) for at_s in (0.2, 2.2, 4.2)]
    note(song, *moments, finding("plosive", "t02", "ask", 0.2), finding("plosive", "t02", "ask", 3.0))
    assert keep_found(song, "moments", "voice", by="Ann", at_s=0.3) == 1
    assert dismiss_moments(song, "voice", by="Ann", at_s=2.2) == 1
    waiting = [(each.finding.kind, each.finding.start_s) for each in inbox(song).questions]
    # What is kept is not asked about as a fault either; what was let go still may be one.
    assert waiting == [("plosive", 3.0), ("moments", 4.2)]
    note(song, *moments, finding("plosive", "t02", "ask", 2.2))
    again = [(each.finding.kind, each.finding.start_s) for each in inbox(song).questions]
    assert again == [("plosive", 2.2), ("moments", 4.2)]
    with pytest.raises(InputError, match="moments"):
        dismiss_moments(song, "voice", by="Ann", at_s=9.0)
    (kept,) = lock_rows(song)
    lift(song, kept.id, by="Ann")
    assert ("moments", 0.2) in [(each.finding.kind, each.finding.start_s) for each in inbox(song).questions]


def test_moments_are_kept_and_let_go_by_the_command(song: SongStore, capsys: pytest.CaptureFixture[str]) -> None:
    note(song, *(finding("moments", "t02", "note", at_s) for at_s in (0.2, 2.2)))
    song.close()
    assert run(tapehand, ["inbox", "--keep", "moments", "--at", "0.2"]) == 0
    assert run(tapehand, ["inbox", "--leave", "moments", "--at", "2.2", "--track", "voice"]) == 0
    assert run(tapehand, ["inbox", "--leave", "plosive", "--at", "2.2"]) == 2
    capsys.readouterr()
    assert run(tapehand, ["inbox", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["entries"] == []
