"""``tapehand hear`` as a person types it: in the open, blind, votes, results, the decision that rests on them."""

import json
from pathlib import Path

import numpy as np
import pytest

from tapehand.app.propose import file_proposal
from tapehand.app.songs import create_from_folder
from tapehand.audio import Audio, io
from tapehand.bootstrap import make_studio
from tapehand.cli.frame import run
from tapehand.cli.main import tapehand
from tapehand.song.op import SetFader
from tapehand.song.proposal import Option, Proposal
from tapehand.song.provenance import Provenance
from tapehand.store.song_folder import SongFolder
from tapehand.work import Work

RATE_HZ = 8_000


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with one song of 40 s in it, of whose two options only the first 20 s differ; we stand in it."""
    stems = tmp_path / "stems"
    stems.mkdir()
    times = np.arange(40 * RATE_HZ) / RATE_HZ
    halves = {
        "early": 0.1 * np.sin(2 * np.pi * 900.0 * times) * (times < 20.0),
        "all": 0.1 * np.sin(2 * np.pi * 90.0 * times),
    }
    for name, samples in halves.items():
        io.write(stems / f"{name}.wav", Audio.of(samples[None], RATE_HZ))
    with create_from_folder(make_studio(threads=1), stems, tmp_path / "s.tapehand", by="Ann", work=Work()) as song:
        state = song.state()
        assert state.song is not None
        early = next(track.id for track in state.song.tracks if track.name == "early")
        options = tuple(
            Option(id=key, name=f"Mix {key.upper()}", why="", ops=(SetFader(target=early, fader_db=gain),))
            for key, gain in (("a", -9.0), ("b", 0.0))
        )
        provenance = Provenance(engine="t", version="1", maker="machine")
        proposal = Proposal(kind="mix", question="Which?", options=options, provenance=provenance)
        file_proposal(song, proposal, base_event=state.head, actor="t")
    monkeypatch.chdir(tmp_path)
    return tmp_path


def told(capsys: pytest.CaptureFixture[str], *words: str, code: int = 0) -> str:
    assert run(tapehand, list(words)) == code
    return capsys.readouterr().out


def test_in_the_open_it_says_where_and_why(place: Path, capsys: pytest.CaptureFixture[str]) -> None:
    record = json.loads(told(capsys, "hear", "1", "-o", "open", "--with-rough", "--json"))
    assert (record["schema"], record["end_s"] - record["start_s"]) == ("Heard.1", 25.0)
    assert record["start_s"] < 2.0
    assert "differ most here" in record["why"]
    assert [option["id"] for option in record["options"]] == ["as it stands", "a", "b"]
    assert "You hear 0:00-0:25: the options differ most here" in " ".join(
        told(capsys, "hear", "1", "-o", "again").split()
    )


def test_blind_from_opening_to_the_decision(place: Path, capsys: pytest.CaptureFixture[str]) -> None:
    opened = json.loads(
        told(capsys, "hear", "1", "-o", "blind", "--blind", "preference", "--rounds", "2", "--by", "Ann", "--json")
    )
    assert opened["rounds"] == 3
    assert {Path(file["path"]).is_file() for file in opened["files"]} == {True}
    assert not {"match_gain_db", "integrated_lufs", "option"} & {key for file in opened["files"] for key in file}
    assert json.loads(told(capsys, "hear", "1", "--vote", "A", "--by", "Ann", "--json"))["voted"] == 1
    assert "Ann is listening: 1 of 3 rounds." in told(capsys, "hear", "1", "--results")
    assert told(capsys, "hear", "1", "--vote", "B", "--by", "Bob", code=5) == ""
    said = " ".join(told(capsys, "hear", "1", "--vote", "==", "--by", "Ann").split())
    assert "One pair came twice" in said
    assert f"--trial {opened['trial']}" in said
    results = json.loads(told(capsys, "hear", "1", "--results", "--json"))
    assert results["results"][0]["voted"] == 3
    assert results["open"] == []
    told(capsys, "decide", "1", "--option", "b", "--by", "Ann", "--trial", opened["trial"])
    with SongFolder(place / "s.tapehand") as song:
        assert song.state().filed(1).trial == opened["trial"]


def test_stopping_shows_what_there_is(place: Path, capsys: pytest.CaptureFixture[str]) -> None:
    said = " ".join(told(capsys, "hear", "1", "-o", "abx", "--blind", "abx", "--rounds", "5", "--by", "Ann").split())
    assert (
        "Guessing gets 5 of 5 or more in 3.1 % of tries, ears that are right 8 times in 10 get there in 33 %." in said
    )
    told(capsys, "hear", "1", "--vote", "ab", "--by", "Ann")
    assert "Stopped after 2 of 5" in " ".join(told(capsys, "hear", "1", "--stop", "--by", "Ann").split())
    few = " ".join(told(capsys, "hear", "1", "-o", "few", "--blind", "abx", "--rounds", "3", "--by", "Ann").split())
    assert "Even 3 of 3 come from guessing in 12 % of tries." in few


def test_a_file_from_elsewhere_is_heard_beside_the_options(place: Path, capsys: pytest.CaptureFixture[str]) -> None:
    rng = np.random.default_rng(2)
    stranger = place / "stranger.wav"
    io.write(stranger, Audio.of(0.1 * rng.standard_normal((2, 10 * RATE_HZ)), RATE_HZ))
    refused = told(capsys, "hear", "1", "-o", "x", "--with", "stranger.wav", "--json", code=3)
    assert json.loads(refused)["code"] == "foreign.other_song"
    assert not (place / "x").exists()


@pytest.mark.parametrize(
    "words",
    [
        (),
        ("--vote", "A", "-o", "x"),
        ("--vote", "A", "--stop"),
        ("--results", "--blind", "abx"),
        ("-o", "x", "--start", "3"),
        ("-o", "x", "--start", "3", "--end", "2"),
    ],
)
def test_what_does_not_go_together(place: Path, capsys: pytest.CaptureFixture[str], words: tuple[str, ...]) -> None:
    assert told(capsys, "hear", "1", *words, code=2) == ""
