"""What ``--json`` prints, held to the shapes of the design: fixed keys, the right kinds, a unit in every key.

A shape is written as what stands under each key: a type, several types, a set of allowed words, or a shape again; a
list of one shape means any number of these. A key that ends in ``?`` may be missing.
"""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tapehand.audio import Audio
from tapehand.audio.io import write
from tapehand.catalogue.loading import load
from tapehand.cli.frame import run
from tapehand.cli.main import tapehand

RATE_HZ = 44_100
NUMBER, MAYBE_NUMBER, MAYBE_WORD = (int, float), (int, float, type(None)), (str, type(None))
FIELDS = ("genre", "mood", "tempo_bpm", "key", "mode", "meter", "length_s", "form", "chords", "instruments", "excluded")

ERROR = {"schema": {"Error.1"}, "code": str, "message": str, "hint": str, "where": str}
METERS = {
    "path": str, "rate_hz": int, "channels": int, "duration_s": NUMBER, "integrated_lufs": MAYBE_NUMBER,
    "max_momentary_lufs": MAYBE_NUMBER, "max_short_term_lufs": MAYBE_NUMBER, "lra_lu": MAYBE_NUMBER,
    "sample_peak_dbfs": MAYBE_NUMBER, "true_peak_dbtp": MAYBE_NUMBER, "plr_db": MAYBE_NUMBER, "crest_db": MAYBE_NUMBER,
    "correlation": MAYBE_NUMBER,
}  # fmt: skip
UNREAD = {"path": str, "error": {"code": str, "message": str}}
FINDING = {
    "kind": set(load("findings")["kinds"]), "path": MAYBE_WORD, "track": MAYBE_WORD, "start_s": MAYBE_NUMBER,
    "end_s": MAYBE_NUMBER, "value": MAYBE_NUMBER, "unit": str, "threshold": MAYBE_NUMBER, "severity": str,
    "confidence": NUMBER, "question": str,
}  # fmt: skip
MOVE = {
    "track": str, "gain_db": MAYBE_NUMBER, "pan": NUMBER, "polarity": {-1, 1}, "delay_samples": int, "reasons": [str],
}  # fmt: skip
MIX = {
    "schema": {"Mix.1"}, "song": str, "findings": [FINDING], "mix?": str,
    "tracks": [
        {
            "name": str, "path": str, "role": set(load("roles")["roles"]), "role_confidence": NUMBER,
            "group": MAYBE_WORD, "skipped": MAYBE_WORD,
        }
    ],
    "proposal": {
        "id": int, "recommended": str,
        "options": [{"id": str, "name": str, "path": str, "why": str, "moves": [MOVE]}],
    },
}  # fmt: skip
MASTER = {
    "schema": {"Master.1"}, "output": str, "integrated_lufs": NUMBER, "true_peak_dbtp": NUMBER, "lra_lu": MAYBE_NUMBER,
    "target_lufs": NUMBER, "ceiling_dbtp": NUMBER,
    "stages": [{"name": str, "on": bool, "delta_lu": NUMBER, "why": str}],
}  # fmt: skip
REFUSED = {"schema": {"Master.1"}, "refused": {"reason": str, "loudest_safe_lufs": NUMBER, "cost": str}}
FIELD = {"value": object, "origin": {"said", "inferred", "default"}, "confidence": NUMBER}
BRIEF = {
    "schema": {"Beat.1"}, "brief": dict.fromkeys((*FIELDS, "energy"), FIELD), "not_made": [str], "parts": [str],
    "sections": [{"name": str, "start_bar": int, "bars": int}],
}  # fmt: skip
BEAT = {
    **BRIEF, "stems": [{"part": str, "path": str}], "midi": str, "mix": str, "master": MAYBE_WORD,
    "seconds": dict.fromkeys(("plan", "render", "mix", "master"), NUMBER),
}  # fmt: skip


def differences(value: Any, shape: Any, place: str = "$") -> list[str]:
    """Where ``value`` is not of the shape."""
    if isinstance(shape, dict):
        if not isinstance(value, dict):
            return [f"{place} is no object"]
        found = []
        for key, inner in shape.items():
            name = key.removesuffix("?")
            if name in value:
                found += differences(value[name], inner, f"{place}.{name}")
            elif not key.endswith("?"):
                found.append(f"{place}.{name} is missing")
        return found
    if isinstance(shape, list):
        if not isinstance(value, list):
            return [f"{place} is no list"]
        return [line for i, each in enumerate(value) for line in differences(each, shape[0], f"{place}[{i}]")]
    if isinstance(shape, set):
        return [] if value in shape else [f"{place} is {value!r}"]
    right = isinstance(value, shape) and (shape is bool or shape is object or not isinstance(value, bool))
    return [] if right else [f"{place} is {value!r}"]


@pytest.fixture
def stems(tmp_path: Path) -> Path:
    folder = tmp_path / "stems"
    folder.mkdir()
    time = np.arange(3 * RATE_HZ) / RATE_HZ
    for seed, (name, hz) in enumerate((("Kick", 55.0), ("Bass", 80.0), ("LdVox", 330.0), ("Click", 1000.0))):
        noise = 0.02 * np.random.default_rng(seed).standard_normal((2, time.size))
        tone = 0.2 * np.sin(2 * np.pi * hz * time) * np.exp(-6 * (time % 0.5))
        write(folder / f"{name}.wav", Audio.of(noise + tone, RATE_HZ))
    write(folder / "silent.wav", Audio.of(np.zeros((1, time.size)), RATE_HZ))
    write(folder / "clipped.wav", Audio.of(np.clip(3 * np.sin(300 * time), -1, 1)[None, :], RATE_HZ))
    return folder


@pytest.fixture
def asked(capsys: pytest.CaptureFixture[str]) -> Callable[..., Any]:
    def ask(*arguments: object, exit_code: int = 0) -> Any:
        code = run(tapehand, [*(str(argument) for argument in arguments), "--json"])
        printed = capsys.readouterr().out
        assert code == exit_code, printed
        assert printed.count("\n") == 1
        told = json.loads(printed, parse_constant=lambda word: pytest.fail(f"{word} in the JSON"))
        assert told["schema"]
        return told

    return ask


def test_meter_and_check(stems: Path, asked: Callable[..., Any]) -> None:
    (stems / "fake.wav").write_text("no sound")
    told = asked("meter", stems / "Kick.wav", stems / "silent.wav", stems / "fake.wav", exit_code=3)
    assert told["schema"] == "Meter.1"
    assert differences(told["files"][:2], [METERS]) == differences(told["files"][2], UNREAD) == []
    assert told["files"][1]["integrated_lufs"] is None
    told = asked("check", stems)
    assert told["schema"] == "Findings.1"
    assert differences(told["findings"], [FINDING]) == []
    assert {"silent", "clipping", "left_out"} <= {finding["kind"] for finding in told["findings"]}


def test_mix_and_the_life_of_its_song(stems: Path, tmp_path: Path, asked: Callable[..., Any]) -> None:
    told = asked("mix", stems, "-o", tmp_path / "out", "--accept", "recommended")
    assert differences(told, MIX) == []
    names = [track["name"] for track in told["tracks"]]
    assert names == [path.stem for path in sorted(stems.iterdir(), key=lambda path: path.name.lower())]
    assert {track["name"]: track["skipped"] for track in told["tracks"]}["silent"]
    for option in told["proposal"]["options"]:
        assert Path(option["path"]).is_file()
        assert [move["track"] for move in option["moves"]] == names
        assert all(-1 <= move["pan"] <= 1 for move in option["moves"])
        assert [move["track"] for move in option["moves"] if move["muted"]] == ["Click"]
    assert Path(told["mix"]).is_file()
    song = ("--song", told["song"])
    assert asked("undo", *song)["schema"] == "Undo.1"
    waiting = asked("inbox", *song)
    shape = {"proposals": [{"id": int, "kind": str, "question": str, "options": [str]}], "findings": [FINDING]}
    assert differences(waiting, shape) == []
    assert [proposal["id"] for proposal in waiting["proposals"]] == [1]
    assert asked("hear", 1, "-o", tmp_path / "heard", *song)["schema"] == "Heard.1"
    assert asked("decide", 1, "--option", "punch", "--by", "Ada", *song)["option"] == "punch"
    assert differences(asked("decide", 1, "--reject", "--by", "Ada", *song, exit_code=5), ERROR) == []
    event = {"seq": int, "id": str, "at_s": NUMBER, "actor": str, "actor_kind": {"person", "engine"}, "what": str}
    assert differences(asked("log", *song)["events"], [event]) == []


def test_master_and_its_refusal(stems: Path, tmp_path: Path, asked: Callable[..., Any]) -> None:
    told = asked("master", stems / "Kick.wav", "-o", tmp_path / "m.wav", "--lufs", -20)
    assert differences(told, MASTER) == []
    told = asked("master", stems / "Kick.wav", "-o", tmp_path / "n.wav", "--lufs", -5, exit_code=4)
    assert differences(told, REFUSED) == []
    assert differences(asked("master", tmp_path / "gone.wav", "-o", "o.wav", exit_code=3), ERROR) == []


def test_beat_and_its_brief(tmp_path: Path, asked: Callable[..., Any]) -> None:
    prompt = "trap, 140 bpm, C minor, 8 bars, no lead, with ukulele"
    understood = asked("beat", prompt, "--brief-only")
    assert differences(understood, BRIEF) == []
    assert understood["not_made"]
    told = asked("beat", prompt, "-o", tmp_path / "beat", "--seed", 2)
    assert differences(told, BEAT) == []
    assert told["sections"][0]["start_bar"] == 1
    assert all(Path(stem["path"]).is_file() for stem in told["stems"])
    assert all(Path(told[key]).is_file() for key in ("midi", "mix", "master"))
    assert all(seconds > 0 for seconds in told["seconds"].values())


def test_usage_and_engines(asked: Callable[..., Any]) -> None:
    assert differences(asked("mix", exit_code=2), ERROR) == []
    assert asked("engines")["schema"] == "Engines.1"


def test_a_wrong_shape_is_seen() -> None:
    assert differences({"a": 1, "b": [{"c": "x"}]}, {"a": NUMBER, "b": [{"c": str}], "d?": str}) == []
    wrong = {"a": True, "b": [{"c": None}], "e": 0}
    assert len(differences(wrong, {"a": NUMBER, "b": [{"c": str}], "d": str, "e": {1}})) == 4
