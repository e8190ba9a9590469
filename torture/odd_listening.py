"""Odd things to listen to: what comes is one plain object, soon, without a confident word about what is not there.

Every attempt makes one odd file or folder from its number and listens to it by the command line, in a process of
bounded memory. What no listener could know must not be said with confidence;
of a song whose tempo and key are known, what is said with confidence must be so.
"""

import json
import subprocess
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import soundfile

from torture import _odd_sounds as sounds
from torture._odd_sounds import RATE_HZ, Chance, Sound

LIMIT_S = 120.0
LIMIT_BYTES = 3 << 30
CONFIDENT, PERHAPS = 0.8, 0.5
MOST_QUESTIONS = 4
SLOW_BPM = 70.0
SEMITONES = ["C", "C#/Db", "D", "D#/Eb", "E", "F", "F#/Gb", "G", "G#/Ab", "A", "A#/Bb", "B"]
Heard = Mapping[str, Any]


def attempt(number: int, folder: Path) -> str | None:
    """Make one odd thing, listen to it, and judge what is said of it."""
    kinds = [*UNKNOWABLE, *SONGS, *FOLDERS]
    kind = kinds[number % len(kinds)]
    chance = np.random.default_rng(number)
    if kind in FOLDERS:
        (folder / "stems").mkdir()
        FOLDERS[kind](chance, folder / "stems")
        return _judged(kind, folder / "stems", judge_folder)
    if kind in SONGS:
        rate_hz, sound, bpm, tonic = SONGS[kind](chance)
        path = written(folder / "sound.wav", sound, rate_hz)
        return _judged(kind, path, lambda heard: judge_song(heard, bpm, tonic))
    maker, what = UNKNOWABLE[kind]
    path = written(folder / "sound.wav", maker(chance), RATE_HZ)
    return _judged(kind, path, lambda heard: judge_unknowable(heard, what))


def written(path: Path, sound: Sound, rate_hz: int = RATE_HZ) -> Path:
    """A file of samples ``(n,)`` or ``(channels, n)``, turned down where it would clip."""
    peak = float(np.abs(sound).max(initial=0.0))
    frames = sound.T / max(1.0, peak / 0.95)
    soundfile.write(path, frames, rate_hz, subtype="PCM_24")
    return path


# Judging -------------------------------------------------------------------------------------------------------------


def _judged(kind: str, path: Path, judge: Callable[[Heard], str | None]) -> str | None:
    limit = f"import resource; resource.setrlimit(resource.RLIMIT_AS, ({LIMIT_BYTES}, {LIMIT_BYTES}))"
    code = f"import sys; {limit}; from tapehand.cli.main import main; main(sys.argv[1:])"
    for more in (["--json"], ["--all"]):
        command = [sys.executable, "-c", code, "listen", str(path), *more]
        try:
            done = subprocess.run(command, capture_output=True, timeout=LIMIT_S, check=False)
        except subprocess.TimeoutExpired:
            return f"{kind}: still listening after {LIMIT_S:.0f} s"
        said, told = done.stdout.decode(), done.stderr.decode()
        if done.returncode or "Traceback" in told or "Warning" in told:
            return f"{kind}: exit {done.returncode}, {told.strip().splitlines()[-1:]}"
        if more == ["--json"]:
            wrong = judge(json.loads(said, parse_constant=_no_number)) or None
        else:
            wrong = next(
                (f"{word!r} in {line!r}" for line in said.splitlines() for word in NO_WORDS if word in line), None
            )
        if wrong:
            return f"{kind}: {wrong}"
    return None


NO_WORDS = ("nan", "inf ", "None", "e-", "e+", "Traceback")


def _no_number(word: str) -> float:
    raise ValueError(f"{word} is no JSON number")


def _common(heard: Heard) -> str | None:
    for fact in (*heard["facts"], *heard["findings"], *heard["sections"]):
        if fact["confidence"] is not None and not 0.0 <= fact["confidence"] <= 1.0:
            return f"a confidence of {fact['confidence']}"
        start_s, end_s = fact["start_s"], fact["end_s"]
        if start_s is not None and not 0.0 <= start_s <= (start_s if end_s is None else end_s) + 1e-6:
            return f"a place from {fact['start_s']} to {fact['end_s']}"
    return None


def _sure(heard: Heard, name: str, least: float = CONFIDENT) -> list[Any]:
    return [
        fact["value"]
        for fact in heard["facts"]
        if fact["name"] == name and fact["track"] is None and fact["confidence"] >= least
    ]


def judge_unknowable(heard: Heard, what: str) -> str | None:
    """No tempo, metre, form or key where there is none."""
    for names, concerned in ((("tempo_bpm", "metre"), "time"), (("key",), "key")):
        for name in names:
            if concerned in what and (values := _sure(heard, name)):
                return f"{name} {values} said with confidence"
    if "time" in what:
        if any(section["confidence"] >= CONFIDENT for section in heard["sections"]):
            return "sections said with confidence"
        if any(track["role_confidence"] >= CONFIDENT for track in heard["tracks"]):
            return "a role said with confidence by ear"
    return _common(heard) or _few_questions(heard)


def _few_questions(heard: Heard) -> str | None:
    asked = [finding["kind"] for finding in heard["findings"] if finding["severity"] != "note"]
    return f"{len(asked)} questions: {', '.join(asked)}" if len(asked) > MOST_QUESTIONS else None


def judge_song(heard: Heard, bpm: float, tonic: int) -> str | None:
    """Tempo and key as they were played, where they are said with confidence; slow songs are counted in either way."""
    counted = (bpm, 2.0 * bpm) if bpm < SLOW_BPM else (bpm,)
    for said in _sure(heard, "tempo_bpm"):
        if min(abs(said / each - 1.0) for each in counted) > 0.04:
            return f"{said} BPM said with confidence, played at {bpm:.1f}"
    for said in _sure(heard, "key"):
        if said.split()[0] not in SEMITONES[tonic % 12].split("/") or "minor" in said:
            return f"{said} said with confidence, played in {SEMITONES[tonic % 12]} major"
    return _common(heard) or _few_questions(heard)


def judge_folder(heard: Heard) -> str | None:
    """Nothing that is no confidence and no place."""
    return _common(heard)


UNKNOWABLE: dict[str, tuple[Callable[[Chance], Sound], str]] = {
    **{name: (maker, "time and key") for name, maker in sounds.WITHOUT_TIME_OR_KEY.items()},
    **{name: (maker, "time") for name, maker in sounds.WITHOUT_TIME.items()},
    **{name: (maker, "key") for name, maker in sounds.WITHOUT_KEY.items()},
    **{name: (maker, "") for name, maker in {**sounds.OF_SEVERAL_TIMES, **sounds.ODD_SONGS}.items()},
}


# Songs to which something happened: rate, samples, tempo and tonic as they are now ------------------------------------

Changed = tuple[int, Sound, float, int]


def _plain(chance: Chance, cents: float = 0.0, length_s: float = 24.0) -> tuple[Sound, float, int]:
    bpm, tonic = float(chance.uniform(85.0, 130.0)), int(chance.integers(12))
    return sounds.song(chance, length_s, bpm, tonic, cents), bpm, tonic


def _detuned(chance: Chance) -> Changed:
    played, bpm, tonic = _plain(chance, float(chance.choice([-30.0, 30.0])))
    return RATE_HZ, played, bpm, tonic


def _half_speed(chance: Chance) -> Changed:
    played, bpm, tonic = _plain(chance, length_s=16.0)
    slow = np.interp(np.arange(2 * played.size) / 2.0, np.arange(played.size), played)
    return RATE_HZ, slow, bpm / 2.0, tonic


def _low_rate(chance: Chance) -> Changed:
    played, bpm, tonic = _plain(chance)
    return 8_000, np.interp(np.arange(0.0, played.size, RATE_HZ / 8_000), np.arange(played.size), played), bpm, tonic


def _high_rate(chance: Chance) -> Changed:
    played, bpm, tonic = _plain(chance, length_s=16.0)
    places = np.arange(0.0, played.size, RATE_HZ / 192_000)
    return 192_000, np.interp(places, np.arange(played.size), played), bpm, tonic


def _flipped(chance: Chance) -> Changed:
    played, bpm, tonic = _plain(chance)
    side = np.sign(np.sin(2 * np.pi * sounds.seconds(24.0) / float(chance.uniform(2.0, 8.0))))
    return RATE_HZ, np.stack([played, played * side]), bpm, tonic


def _upside_down(chance: Chance) -> Changed:
    played, bpm, tonic = _plain(chance)
    return RATE_HZ, np.stack([played, -played]), bpm, tonic


def _quiet(chance: Chance) -> Changed:
    played, bpm, tonic = _plain(chance)
    return RATE_HZ, played * 10.0 ** (-50.0 / 20.0), bpm, tonic


def _crushed(chance: Chance) -> Changed:
    played, bpm, tonic = _plain(chance)
    return RATE_HZ, np.clip(6.0 * played, -0.9, 0.9), bpm, tonic


def _coarse(chance: Chance) -> Changed:
    played, bpm, tonic = _plain(chance)
    return RATE_HZ, np.round(played * 32.0) / 32.0, bpm, tonic


def _on_an_offset(chance: Chance) -> Changed:
    played, bpm, tonic = _plain(chance)
    return RATE_HZ, 0.4 * played + 0.3, bpm, tonic


SONGS: dict[str, Callable[[Chance], Changed]] = {
    "detuned by 30 cents": _detuned, "half speed": _half_speed, "8 kHz": _low_rate, "192 kHz": _high_rate,
    "flips of phase": _flipped, "upside down": _upside_down, "very quiet": _quiet, "crushed": _crushed,
    "six bits": _coarse, "on an offset": _on_an_offset,
}  # fmt: skip


# Folders -------------------------------------------------------------------------------------------------------------

NAMES = (
    "ボーカル", "ドラム", "صوت رئيسي", "🎤 лид", "Gesang – Strophe", "a" * 180, "..hidden", "-dash", "ギター L",
    "ギター R", "Kick\u202etxt", "percent %s %d", "tab\tand\nline", "CON", "très doux", "한국어 베이스", "'; DROP",
)  # fmt: skip


def _of_24_copies(chance: Chance, folder: Path) -> None:
    played = sounds.song(chance, 12.0)
    for number in range(24):
        written(folder / f"Audio {number + 1:02d}.wav", played)


def _mostly_silent(chance: Chance, folder: Path) -> None:
    for number in range(60):
        playing = sounds.song(chance, 8.0) if number % 6 == 0 else np.zeros(8 * RATE_HZ)
        written(folder / f"Track {number + 1}.wav", playing)


def _odd_names(chance: Chance, folder: Path) -> None:
    for name in chance.permutation(NAMES)[:10]:
        written(folder / f"{name}.wav", sounds.drums(chance, 6.0, 0.5))


def _mixed_rates(chance: Chance, folder: Path) -> None:
    for rate_hz in (8_000, 22_050, 44_100, 48_000, 96_000):
        sound = 0.2 * np.sin(2 * np.pi * 220.0 * np.arange(6 * rate_hz) / rate_hz)
        written(folder / f"Pad {rate_hz}.wav", np.tile(sound, (int(chance.integers(1, 3)), 1)), rate_hz)


def _tiny(chance: Chance, folder: Path) -> None:
    for length in (1, 2, 3, 100, 1_000):
        written(folder / f"of {length}.wav", chance.uniform(-0.5, 0.5, length))


def _unequal(chance: Chance, folder: Path) -> None:
    for name, length_s in (("Kick", 20.0), ("Bass", 2.0), ("Vox", 0.01), ("Pad", 45.0)):
        written(folder / f"{name}.wav", sounds.song(chance, length_s))


FOLDERS: dict[str, Callable[[Chance, Path], None]] = {
    "24 copies": _of_24_copies, "60 tracks, 50 silent": _mostly_silent, "odd names": _odd_names,
    "mixed rates": _mixed_rates, "tiny files": _tiny, "unequal lengths": _unequal,
}  # fmt: skip
