"""Moments: what was planted is pointed at, and what is only music is not."""

import numpy as np
import pytest
from numpy.typing import NDArray

from tapehand.audio import Audio
from tapehand.listening.moments import Moment, find_moments, moment_facts, moment_findings, tempo_moments
from tapehand.listening.notes import Note
from tapehand.listening.recordings import recordings_of

RATE_HZ = 16_000
Signal = NDArray[np.float64]


def sung(hz: float, length_s: float, level: float = 0.3) -> Signal:
    time = np.arange(int(length_s * RATE_HZ)) / RATE_HZ
    edges = np.minimum(1.0, np.minimum(time, length_s - time) / 0.03)
    return level * edges * sum(np.sin(2 * np.pi * hz * k * time) / k for k in range(1, 9))


def take(random: np.random.Generator, *pieces: tuple[float, Signal], length_s: float = 16.0) -> Audio:
    sound = 0.0003 * random.standard_normal(int(length_s * RATE_HZ))
    for start_s, piece in pieces:
        at = int(start_s * RATE_HZ)
        sound[at : at + piece.size] += piece
    return Audio.of(sound[None], RATE_HZ)


PHRASES = tuple((4.0 + 2.0 * number, sung(220.0 * 2 ** (number % 3 / 6), 1.6)) for number in range(4))


def heard(sound: Audio, role: str = "lead_vocal") -> list[tuple[str, float]]:
    found = find_moments(recordings_of({"take": sound}, roles={"take": role}), {})
    return [(each.what, round(each.start_s, 1)) for each in found]


def test_a_take_without_anything_beside_it_has_no_moments(rng: np.random.Generator) -> None:
    assert heard(take(rng, *PHRASES)) == []


def test_what_happens_before_the_take_is_pointed_at(rng: np.random.Generator) -> None:
    chair = (1.5, 0.01 * rng.standard_normal(int(0.4 * RATE_HZ)))
    assert heard(take(rng, chair, *PHRASES)) == [("before", 1.5)]
    assert heard(take(rng, chair, *PHRASES), role="kick") == []


def test_a_laugh_comes_in_even_bursts(rng: np.random.Generator) -> None:
    bursts = tuple((13.6 + 0.19 * number, sung(260.0 - 8 * number, 0.1, 0.015)) for number in range(6))
    assert heard(take(rng, *PHRASES, *bursts)) == [("laugh", 13.6)]


def test_a_tone_that_swells_is_feedback_and_a_plucked_one_is_not(rng: np.random.Generator) -> None:
    time = np.arange(3 * RATE_HZ) / RATE_HZ
    swelling = 0.5 * np.exp(-3 * (1 - time / 3)) * np.sin(2 * np.pi * 880 * time)
    dying = 0.5 * np.exp(-1.0 * time) * np.sin(2 * np.pi * 880 * time)
    assert [what for what, _ in heard(take(rng, (5.0, swelling)), "electric_guitar")] == ["feedback"]
    assert heard(take(rng, (5.0, dying)), "electric_guitar") == []


def note(start_s: float, end_s: float, hz: float) -> Note:
    return Note(
        start_s=start_s, end_s=end_s, centre_hz=hz, spread_cents=3, drift_cents=0, scoop_cents=0, vibrato_hz=0,
        vibrato_cents=0, confidence=0.9,
    )  # fmt: skip


@pytest.mark.parametrize(
    ("notes", "breaks"),
    [
        ([note(1.0, 1.8, 300), note(1.8, 1.9, 470), note(1.9, 2.6, 300)], 1),
        ([note(1.0, 1.8, 300), note(1.8, 1.9, 317), note(1.9, 2.6, 300)], 0),
        ([note(1.0, 1.8, 300), note(1.8, 2.4, 470), note(2.4, 2.9, 300)], 0),
        ([note(1.0, 1.8, 300), note(1.9, 2.0, 470), note(2.2, 2.9, 300)], 0),
        ([note(1.0, 1.8, 300), note(1.8, 1.9, 470), note(1.9, 2.6, 420)], 0),
    ],
)
def test_a_voice_breaks_where_it_leaps_away_and_back(notes: list[Note], breaks: int, rng: np.random.Generator) -> None:
    session = recordings_of({"voice": take(rng, *PHRASES)}, roles={"voice": "lead_vocal"})
    found = [each for each in find_moments(session, {"voice": notes}) if each.what == "voice_break"]
    assert len(found) == breaks


@pytest.mark.parametrize(
    ("lengths", "wanted"),
    [
        ([0.5] * 90, []),
        ([0.5] * 40 + [0.56] * 4 + [0.5] * 40, ["rubato"]),
        ([0.5] * 40 + [0.48] * 12 + [0.5] * 40, ["push"]),
        ([0.5] * 5, []),
    ],
)
def test_the_tempo_gives_way_or_pushes(lengths: list[float], wanted: list[str], rng: np.random.Generator) -> None:
    played = np.cumsum([0.0, *lengths]) + 0.003 * rng.standard_normal(len(lengths) + 1)
    found = tempo_moments(played.tolist())
    assert [each.what for each in found] == wanted
    for each in found:
        assert each.start_s == pytest.approx(20.0, abs=1.0)


def test_each_moment_is_asked_about_in_neutral_words() -> None:
    many = [
        Moment(what="apart", track="t1", start_s=float(at), end_s=at + 0.5, value=-20.0, confidence=0.5)
        for at in range(9, 0, -1)
    ]
    found = moment_findings(many)
    assert [each.start_s for each in found] == sorted(each.start_s for each in many)
    assert {(each.kind, each.track, each.severity) for each in found} == {("moments", "t1", "note")}
    assert found[0].question.startswith("Something apart from the phrases at 0:01.0")
    assert [fact.start_s for fact in moment_facts(many)] == [each.start_s for each in many]
    assert moment_findings([]) == ()
