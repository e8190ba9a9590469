"""Moments: what was planted is pointed at, and what is only music is not."""

import numpy as np
import pytest
from numpy.typing import NDArray

from tapehand.audio import Audio
from tapehand.listening.intonation import intonation
from tapehand.listening.moment_kinds import Moment
from tapehand.listening.moments import find_moments, moment_facts, moment_findings, tempo_moments
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
    recordings = recordings_of({"take": sound}, roles={"take": role})
    found = find_moments(recordings, intonation(recordings))
    return [(each.what, round(each.start_s, 1)) for each in found]


def test_a_take_without_anything_beside_it_has_no_moments(rng: np.random.Generator) -> None:
    assert heard(take(rng, *PHRASES)) == []


def test_what_happens_before_the_take_is_pointed_at(rng: np.random.Generator) -> None:
    chair = (1.5, 0.01 * rng.standard_normal(int(0.4 * RATE_HZ)))
    assert heard(take(rng, chair, *PHRASES)) == [("before", 1.5)]
    assert heard(take(rng, chair, *PHRASES), role="kick") == []


def calls(first_hz: float, fall: float, fades: float, step: float, count: int = 6) -> list[tuple[float, Signal]]:
    """Short voiced bursts at an even pace, from 13.6 s on."""
    made = []
    for number in range(count):
        time = np.arange(int(0.1 * RATE_HZ)) / RATE_HZ
        phase = 2 * np.pi * np.cumsum(first_hz * step**number * (1 - fall * time)) / RATE_HZ
        level = 0.03 * fades**number * np.sin(np.pi * time / 0.1)
        made.append((13.6 + 0.19 * number, level * sum(np.sin(k * phase) / k for k in range(1, 7))))
    return made


def test_a_laugh_falls_and_dies_away_and_repeated_notes_do_not(rng: np.random.Generator) -> None:
    laughing = heard(take(rng, *PHRASES, *calls(300.0, 1.5, 0.85, 0.95)))
    assert [what for what, _ in laughing] == ["laugh"]
    assert laughing[0][1] == pytest.approx(13.6, abs=0.15)
    for staccato in (calls(300.0, 0.0, 1.0, 1.0), calls(300.0, 0.0, 1.0, 2 ** (2 / 12)), calls(300.0, 0.0, 0.85, 1.0)):
        assert "laugh" not in [what for what, _ in heard(take(rng, *PHRASES, *staccato))]
    assert "laugh" not in [what for what, _ in heard(take(rng, *PHRASES, *calls(300.0, 1.5, 0.85, 0.95)), "snare")]


def growing(rate_db: float, hz: float = 880.0, length_s: float = 4.0, most: float = 0.5) -> Signal:
    time = np.arange(int(length_s * RATE_HZ)) / RATE_HZ
    return np.minimum(0.002 * 10 ** (rate_db * time / 20), most) * np.sin(2 * np.pi * hz * time)


def struck(hz: float, length_s: float = 4.0) -> Signal:
    time = np.arange(int(length_s * RATE_HZ)) / RATE_HZ
    return 0.2 * sum(np.exp(-k * 0.6 * time) / k * np.sin(2 * np.pi * k * hz * time) for k in range(1, 8))


@pytest.mark.parametrize("hz", [220.0, 293.7])
def test_a_tone_that_grows_out_of_a_string_is_feedback(rng: np.random.Generator, hz: float) -> None:
    found = heard(take(rng, (5.0, struck(hz) + growing(30.0, 3 * hz))), "electric_guitar")
    assert [what for what, _ in found] == ["feedback"]
    assert 5.0 <= found[0][1] <= 6.5
    assert heard(take(rng, (5.0, struck(hz) + growing(30.0, 3 * hz))), "pad") == []


def test_what_is_struck_or_swells_under_a_pedal_is_no_feedback(rng: np.random.Generator) -> None:
    pedal = struck(220.0) * np.linspace(0, 1, 4 * RATE_HZ) ** 2 * 4
    for sound in (struck(440.0), np.concatenate([struck(220.0, 2.0), struck(220.0, 2.0)]), pedal):
        assert "feedback" not in [what for what, _ in heard(take(rng, (5.0, sound)), "electric_guitar")]


def test_a_tone_that_wavers_is_no_feedback(rng: np.random.Generator) -> None:
    time = np.arange(4 * RATE_HZ) / RATE_HZ
    turns = 660.0 * time + 1.2 * np.sin(2 * np.pi * 5 * time)
    bowed = np.minimum(0.002 * 10 ** (1.5 * time), 0.5) * np.sin(2 * np.pi * turns)
    assert heard(take(rng, (5.0, struck(220.0) + bowed)), "electric_guitar") == []


def broken(away: float, length_s: float, *, back: float = 0.0, rest_s: float = 0.0) -> tuple[float, Signal]:
    """A held tone of 2 s that leaps away 1 s after its beginning."""
    time = np.arange(2 * RATE_HZ) / RATE_HZ
    semitones = np.where(time < 1.0, 0.0, np.where(time < 1.0 + length_s, away, back))
    phase = 2 * np.pi * np.cumsum(250.0 * 2 ** (semitones / 12)) / RATE_HZ
    sound = 0.3 * sum(np.sin(k * phase) / k for k in range(1, 9))
    resting = (time > 1.0 + length_s) & (time < 1.0 + length_s + rest_s)
    return 12.0, np.where(resting, 0.0, sound) * np.minimum(1.0, np.minimum(time, 2.0 - time) / 0.03)


@pytest.mark.parametrize(
    ("held", "breaks"),
    [
        (broken(8.0, 0.1), 1),
        (broken(10.0, 0.1), 1),
        (broken(5.5, 0.06), 1),
        (broken(1.0, 0.1), 0),
        (broken(-12.0, 0.1), 0),
        (broken(8.0, 0.4), 0),
        (broken(8.0, 0.1, rest_s=0.2), 0),
        (broken(8.0, 0.1, back=6.0), 0),
    ],
)
def test_a_voice_breaks_where_it_leaps_away_and_back(
    held: tuple[float, Signal], breaks: int, rng: np.random.Generator
) -> None:
    found = heard(take(rng, *PHRASES, held))
    assert [what for what, _ in found] == ["voice_break"] * breaks
    assert all(at_s == pytest.approx(13.0, abs=0.11) for _, at_s in found)


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
