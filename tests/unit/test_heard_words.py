"""What is said of a song in words, and what a report leaves out because nothing is known of it."""

from collections.abc import Sequence
from pathlib import Path

import pytest

from tapehand.app.heard_words import form_is_told, said_of_song, sure_words
from tapehand.app.listen import Listened
from tapehand.app.listen_report import write_listen_report
from tapehand.listening.session import Listening, TrackRow
from tapehand.song.finding import Fact
from tapehand.work import Work

BARS_S = tuple(2.0 * bar for bar in range(9))


def listening(facts: Sequence[Fact], *, silent: bool = False, has_bars: bool = True) -> Listening:
    track = TrackRow(
        id="mix", name="mix", role="unknown", role_confidence=0.0, role_why="its name says nothing", asks_role=True,
        silent=silent, rate_hz=44_100, channels=2, length_samples=16 * 44_100,
    )  # fmt: skip
    return Listening(
        rate_hz=44_100, tracks=(track,), facts=tuple(facts), findings=(), sections=(), bars_s=BARS_S,
        has_bars=has_bars, playing=((1.0,) * 8,),
    )  # fmt: skip


def tempo(bpm: float, confidence: float, keeps: str = "steady", curve: Sequence[float] = ()) -> list[Fact]:
    facts = [Fact(name="tempo_bpm", value=bpm, unit="BPM", confidence=confidence, method="rhythm/1")]
    facts.append(Fact(name="tempo_keeps", value=keeps, confidence=confidence, method="rhythm/1"))
    return [*facts, *(Fact(name="tempo_at", value=at, start_s=0.0, end_s=1.0, method="rhythm/1") for at in curve)]


def chords(names: Sequence[str], confidence: float) -> list[Fact]:
    return [
        Fact(name="chord", value=name, start_s=2.0 * bar, end_s=2.0 * bar + 2.0, confidence=confidence, method="h/1")
        for bar, name in enumerate(names)
    ]


def said(facts: Sequence[Fact], what: str) -> str:
    return next(line.value for line in said_of_song(listening(facts)) if line.what == what)


def test_one_tempo_is_a_figure_and_several_are_a_range() -> None:
    assert said(tempo(120.0, 0.9), "tempo") == "120.00 BPM, steady"
    assert said(tempo(120.0, 0.9, "drifting", [118.0, 119.0, 120.0, 124.0]), "tempo") == (
        "120.0 BPM, moving between 118 and 124"
    )
    assert said(tempo(98.0, 0.95, "free", [87.0, 98.0, 114.0]), "tempo").startswith("no single one: between 87 and 114")


def test_a_guess_is_told_as_one_and_chance_not_at_all() -> None:
    assert said(tempo(188.87, 0.3), "tempo") == "188.9 BPM?"
    assert said(tempo(188.87, 0.1), "tempo") == "no beat that holds"
    assert said([], "key") == "none that is clear"
    assert [sure_words(value) for value in (0.8, 0.5, 0.49)] == ["confident", "perhaps", "not sure, please tell me"]


def test_of_silence_nothing_is_said() -> None:
    assert said_of_song(listening(tempo(120.0, 0.9), silent=True)) == ()
    assert not form_is_told(listening([], silent=True))


@pytest.mark.parametrize(
    ("facts", "has_bars", "is_drawn"),
    [
        (chords(["C", "F", "G", "C"] * 2, 0.9), True, True),
        (chords(["C", "F", "G", "C"] * 2, 0.9), False, False),  # nobody can play from it without bars
        (chords(["N"] * 8, 0.9), True, False),
        (chords(["C", *["N"] * 7], 0.9), True, False),  # one chord in a song of drums
        (chords(["C", "F", "G", "C"] * 2, 0.2), True, False),  # only guesses
        ([], True, False),
    ],
)
def test_a_chord_chart_is_drawn_where_there_is_harmony(
    facts: Sequence[Fact], has_bars: bool, is_drawn: bool, tmp_path: Path
) -> None:
    heard = Listened(title="mix", heard=listening(facts, has_bars=has_bars), recordings=())
    write_listen_report(heard, tmp_path / "out", Work())
    page = (tmp_path / "out" / "report.html").read_text(encoding="utf-8")
    assert ("<h2>Chords</h2>" in page) == is_drawn
