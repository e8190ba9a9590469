"""The ground floor: units, the error tree, Work."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tapehand.errors import Cancelled, Conflict, InputError, Refused, TapehandError, UsageError, safe_text
from tapehand.units import (
    cents_between,
    db_to_gain,
    finite_or_none,
    gain_to_db,
    hz_to_midi,
    midi_to_hz,
    power_to_db,
    samples_to_seconds,
    seconds_to_samples,
)
from tapehand.work import Work


@given(st.floats(-120, 60))
def test_db_and_gain_are_inverse(level_db: float) -> None:
    assert gain_to_db(db_to_gain(level_db)) == pytest.approx(level_db, abs=1e-9)


def test_silence_has_no_level_and_no_gain() -> None:
    assert db_to_gain(-math.inf) == 0.0
    assert gain_to_db(0.0) == power_to_db(0.0) == -math.inf
    assert finite_or_none(-math.inf) is None


def test_concert_pitch_and_an_octave() -> None:
    assert midi_to_hz(69) == 440.0
    assert midi_to_hz(60) == pytest.approx(261.6256, abs=1e-4)
    assert cents_between(440.0, 880.0) == pytest.approx(1200.0)


@given(st.floats(0, 127), st.floats(415, 466))
def test_pitch_and_frequency_are_inverse(pitch: float, tuning_hz: float) -> None:
    assert hz_to_midi(midi_to_hz(pitch, tuning_hz), tuning_hz) == pytest.approx(pitch, abs=1e-9)


@given(st.integers(0, 10**10), st.sampled_from([8_000, 44_100, 48_000, 192_000]))
def test_positions_survive_the_way_through_seconds(position: int, rate_hz: int) -> None:
    assert seconds_to_samples(samples_to_seconds(position, rate_hz), rate_hz) == position


@given(st.text())
def test_no_control_character_survives_safe_text(text: str) -> None:
    shown = safe_text(text)
    assert not any(ord(c) < 0x20 or 0x7F <= ord(c) <= 0x9F or 0x202A <= ord(c) <= 0x202E for c in shown)


def test_safe_text_leaves_scripts_and_emoji_alone() -> None:
    assert safe_text("Drüms 🥁 ボーカル") == "Drüms 🥁 ボーカル"
    assert safe_text("a\x1b[31mb\nc\u202ed\udcff") == "a\\x1b[31mb\\x0ac\\u202ed\\udcff"


def test_exit_codes_are_the_published_ones() -> None:
    kinds = (UsageError, InputError, Refused, Conflict)
    assert [kind.exit_code for kind in kinds] == [2, 3, 4, 5]
    assert Cancelled().exit_code == 6
    assert TapehandError("x.y", "z").exit_code == 1


def test_an_error_reads_as_one_sentence_with_its_place() -> None:
    error = InputError("a.b", "This file is empty.", hint="Choose another.", where="kick\n.wav")
    assert error.sentence() == "This file is empty (kick\\x0a.wav). Choose another."
    assert error.as_plain()["schema"] == "Error.1"


def test_work_reports_through_children_and_stops_when_asked() -> None:
    seen: list[tuple[str, float, float]] = []
    work = Work(on_report=lambda *report: seen.append(report))
    work.child("mix", 0.5, 1.0).report("inner", 1, 2)
    assert seen == [("mix", 0.75, 1.0)]
    work.cancel()
    with pytest.raises(Cancelled):
        work.child("mix").report("inner", 2, 2)
