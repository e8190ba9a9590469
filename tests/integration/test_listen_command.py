"""``tapehand listen``: songs, folders and files; what a person says outranks hearing; nothing is heard twice."""

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tapehand.app import listen as listen_module
from tapehand.app.inbox import Question, entries
from tapehand.app.listen import listen_to_path, listen_to_song
from tapehand.app.songs import create_from_folder
from tapehand.audio import Audio, io
from tapehand.bootstrap import make_studio
from tapehand.cli.frame import run
from tapehand.cli.main import tapehand
from tapehand.errors import Cancelled
from tapehand.ports.text_cache import NoTexts
from tapehand.render.cache import NoCache
from tapehand.song.finding import Fact, Finding
from tapehand.work import Work

RATE_HZ = 22_050
Ask = Callable[..., Any]


@pytest.fixture
def stems(tmp_path: Path) -> Path:
    """A kick on every half second, a tone in the second half, and a track whose name says nothing."""
    random, folder = np.random.default_rng(5), tmp_path / "stems"
    folder.mkdir()
    time = np.arange(12 * RATE_HZ) / RATE_HZ
    beat = time % 0.5
    kick = 0.5 * np.sin(2 * np.pi * 60 * beat) * np.exp(-12 * beat)
    sounds = {
        "Kick": kick,
        "Pad": 0.2 * np.sin(2 * np.pi * 330 * time) * (time > 6.0),
        "Track 03": 0.1 * np.sin(2 * np.pi * 1_200 * time) + 0.01 * random.standard_normal(time.size),
        "Clipped Vox": np.clip(3.0 * np.sin(2 * np.pi * 220 * time) * (time % 2.0 < 1.2), -1.0, 1.0),
    }
    for name, sound in sounds.items():
        io.write(folder / f"{name}.wav", Audio.of(sound[None], RATE_HZ), "PCM_24")
    return folder


@pytest.fixture
def song(stems: Path, tmp_path: Path) -> Path:
    path = tmp_path / "song.tapehand"
    create_from_folder(make_studio(1), stems, path, by="Ann", work=Work()).__exit__(None, None, None)
    return path


@pytest.fixture
def ask(capsys: pytest.CaptureFixture[str]) -> Ask:
    def asked(*words: object, code: int = 0) -> Any:
        assert run(tapehand, [*(str(word) for word in words), "--json"]) == code
        return json.loads(capsys.readouterr().out, parse_constant=lambda word: pytest.fail(word))

    return asked


def test_a_folder_is_heard_with_roles_form_and_questions(stems: Path, ask: Ask) -> None:
    told = ask("listen", stems)
    assert told["schema"] == "Listening.1"
    assert {track["name"]: track["role"] for track in told["tracks"]}["Kick"] == "kick"
    asked = {finding["kind"]: finding for finding in told["findings"] if finding["severity"] != "note"}
    assert "Track 03" in asked["unknown_role"]["question"]
    assert asked["clipping"]["track"] == "Clipped Vox"
    assert told["sections"][0]["start_bar"] == 1
    assert all(0.0 <= fact["confidence"] <= 1.0 and fact["method"] for fact in told["facts"])
    assert {finding["kind"] for finding in ask("check", stems)["findings"]} >= {"clipping", "unknown_role"}


def test_a_song_keeps_what_was_heard_once(song: Path, ask: Ask) -> None:
    told = ask("listen", song)
    events = ask("log", "--song", song)
    assert ask("listen", song) == told
    assert ask("log", "--song", song) == events
    noted = [finding["kind"] for finding in ask("inbox", "--song", song)["findings"]]
    assert noted.count("clipping") == 1  # the import had asked already
    with make_studio(1).open_song(song) as store:
        assert any(fact.name == "section" for fact in store.state().facts["listening"])


def test_what_a_person_says_outranks_hearing_and_can_be_undone(song: Path, ask: Ask) -> None:
    words = ("--tempo", 120, "--section", "4-6=Hook", "--role", "Track 03=synth", "--by", "Ann")
    told = ask("listen", song, *words)
    assert {track["name"]: track["role"] for track in told["tracks"]}["Track 03"] == "synth"
    assert "unknown_role" not in {finding["kind"] for finding in told["findings"]}
    hook = next(section for section in told["sections"] if section["name"] == "Hook")
    assert (hook["start_bar"], hook["bars"], hook["kind"], hook["confidence"]) == (4, 3, "hook", 1.0)
    assert (hook["start_s"], hook["end_s"]) == (6.0, 12.0)
    again = ask("listen", song)
    assert [section["name"] for section in again["sections"]] == [section["name"] for section in told["sections"]]
    for _ in range(3):
        ask("undo", "--song", song)
    assert "Hook" not in [section["name"] for section in ask("listen", song)["sections"]]


@pytest.mark.parametrize(
    ("words", "code"),
    [
        (("--role", "Kick=nonsense"), 3),
        (("--role", "kick"), 2),
        (("--role", "Nobody=kick"), 3),
        (("--section", "1-4=Verse"), 3),
        (("--section", "Verse"), 2),
        (("--tempo", "120", "--section", "6-2=Verse"), 3),
        (("--tempo", "120", "--metre", "4"), 2),
    ],
)
def test_what_cannot_be_meant_is_refused(song: Path, ask: Ask, words: tuple[str, ...], code: int) -> None:
    assert ask("listen", song, *words, code=code)["schema"] == "Error.1"


def test_the_report_holds_its_pictures(stems: Path, tmp_path: Path, ask: Ask) -> None:
    told = ask("listen", stems, "-o", tmp_path / "report")
    page = Path(told["report"]).read_text()
    assert page.count("<svg") == len(list((tmp_path / "report").glob("*.svg"))) >= 2
    assert "Clipped Vox" in page
    assert ask("listen", stems, "-o", tmp_path / "report", code=3)["schema"] == "Error.1"


def test_facts_come_before_the_tracks_are_read(stems: Path) -> None:
    told: list[Fact] = []
    listen_to_path(make_studio(1), stems, Work(), told.extend)
    names = [fact.name for fact in told]
    assert names[:4] == ["role"] * 4
    assert "integrated_lufs" in names[4:]


def test_what_was_heard_comes_from_the_cache_until_something_changes(
    stems: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    calls: list[int] = []
    hear = listen_module.listen_to_session

    def counted(*arguments: Any, **named: Any) -> Any:
        calls.append(1)
        return hear(*arguments, **named)

    monkeypatch.setattr(listen_module, "listen_to_session", counted)
    studio = make_studio(1)
    first = listen_to_path(studio, stems, Work())
    assert listen_to_path(studio, stems, Work()).heard == first.heard
    assert len(calls) == 1
    (stems / "Pad.wav").unlink()
    io.write(stems / "Pad.wav", Audio.silence(1, RATE_HZ, RATE_HZ), "PCM_24")
    assert listen_to_path(studio, stems, Work()).heard != first.heard
    assert len(calls) == 2


def test_a_stop_leaves_the_song_as_it_was(song: Path) -> None:
    work = Work()

    def stop(stage: str, _done: float, _total: float) -> None:
        if stage == "listen.tracks":
            work.cancel()

    work.on_report = stop
    with make_studio(2).open_song(song) as store:
        before = store.state().head
        with pytest.raises(Cancelled):
            listen_to_song(replace(make_studio(2), listenings=NoTexts(), hearings=NoCache()), store, work)
        assert store.state().head == before


ODD = {
    "one sample": (np.full((1, 1), 0.5), 44_100),
    "silence": (np.zeros((2, 3_000)), 44_100),
    "low rate": (0.2 * np.sin(np.arange(16_000) / 7.0)[None], 8_000),
    "noise": (np.random.default_rng(1).uniform(-0.5, 0.5, (2, 44_100)), 44_100),
    "upside down": (np.stack([np.sin(np.arange(30_000) / 9.0), -np.sin(np.arange(30_000) / 9.0)]) * 0.3, 48_000),
}


@pytest.mark.parametrize("name", ODD)
def test_odd_sounds_are_heard_without_nonsense(tmp_path: Path, ask: Ask, name: str) -> None:
    samples, rate_hz = ODD[name]
    io.write(tmp_path / "odd.wav", Audio.of(samples, rate_hz), "FLOAT")
    told = ask("listen", tmp_path / "odd.wav")
    about_song = [fact for fact in told["facts"] if fact["track"] is None and fact["name"] in ("tempo_bpm", "key")]
    assert all(fact["confidence"] < 0.8 for fact in about_song), about_song
    assert all(section["confidence"] < 0.8 for section in told["sections"])


def test_what_files_of_one_origin_share_is_asked_once() -> None:
    def asked(kind: str, track: str) -> Question:
        finding = Finding(kind=kind, question=f"{kind} of {track}?", track=track)
        return Question(finding=finding, track_name=track)

    made = entries([asked(kind, track) for kind in ("upsampled", "hum") for track in ("a", "b", "c")])
    assert [(entry.kind, entry.tracks) for entry in made] == [
        ("upsampled", ("a", "b", "c")),
        ("hum", ("a",)),
        ("hum", ("b",)),
        ("hum", ("c",)),
    ]
