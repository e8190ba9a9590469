"""A second opinion on notes: asked only where we are not sure, and believed more where two agree."""

import subprocess
import sys

import numpy as np
import pytest
from numpy.typing import NDArray

from tapehand.audio import Audio
from tapehand.dsp.psola import PitchCurve
from tapehand.listening.intonation import heard_lines, intonation
from tapehand.listening.notes import Note
from tapehand.listening.recordings import recordings_of
from tapehand.listening.second_opinion import with_second_opinion
from tapehand.listening.swift_f0 import SwiftF0Tracker, installed_version

RATE_HZ = 16_000
SILENCE = Audio.silence(1, 10 * RATE_HZ, RATE_HZ)


class SaysAlways:
    """Hears one pitch everywhere, and remembers what it was asked about."""

    name = "one-pitch/1"

    def __init__(self, hz: float) -> None:
        self.hz = hz
        self.asked_s: list[float] = []

    def pitch(self, sound: Audio) -> PitchCurve:
        self.asked_s.append(sound.duration_s)
        times = np.arange(round(sound.duration_s / 0.02)) * 0.02
        return PitchCurve(times_s=times, hz=np.full(times.size, self.hz))


def note(start_s: float, confidence: float, hz: float = 220.0) -> Note:
    return Note(
        start_s=start_s, end_s=start_s + 0.4, centre_hz=hz, spread_cents=3, drift_cents=0, scoop_cents=0, vibrato_hz=0,
        vibrato_cents=0, confidence=confidence,
    )  # fmt: skip


def confidences(hz: float, *notes: Note) -> list[float]:
    return [each.confidence for each in with_second_opinion(notes, SILENCE, SaysAlways(hz))]


def test_agreement_raises_confidence_and_disagreement_lowers_it() -> None:
    unsure = note(1.0, 0.6)
    assert confidences(221.0, unsure)[0] > 0.6
    for elsewhere_hz in (110.0, 440.0, 233.1):
        assert confidences(elsewhere_hz, unsure)[0] < confidences(0.0, unsure)[0] < 0.6
    for hz in (0.0, 110.0, 220.0):
        assert 0.0 <= confidences(hz, note(1.0, 0.0))[0] <= confidences(hz, note(1.0, 0.79))[0] <= 1.0


def test_only_what_is_not_sure_is_asked_about_and_neighbours_together() -> None:
    tracker = SaysAlways(220.0)
    notes = [note(0.5, 0.95), note(1.0, 0.5), note(1.5, 0.5), note(4.0, 0.9), note(8.0, 0.5)]
    told = with_second_opinion(notes, SILENCE, tracker)
    assert len(tracker.asked_s) == 2
    assert max(tracker.asked_s) < 2.0
    assert [told[0], told[3]] == [notes[0], notes[3]]
    assert [(each.start_s, each.centre_hz) for each in told] == [(each.start_s, each.centre_hz) for each in notes]
    assert with_second_opinion(notes, SILENCE, None) == tuple(notes)
    assert with_second_opinion([], SILENCE, tracker) == ()


def sung(hz: float) -> NDArray[np.float64]:
    times = np.arange(2 * RATE_HZ) / RATE_HZ
    swell = np.minimum(1.0, np.minimum(times, times[::-1]) / 0.05)
    return 0.2 * swell * sum(np.sin(2 * np.pi * k * hz * times) / k for k in range(1, 9))


def test_who_heard_the_notes_is_told() -> None:
    session = recordings_of({"vox": Audio.of(sung(220.0)[np.newaxis], RATE_HZ)}, roles={"vox": "lead_vocal"})
    (alone,) = heard_lines(intonation(session))
    (asked,) = heard_lines(intonation(session, SaysAlways(220.0)))
    assert "one-pitch/1" in asked.method
    assert "with" not in alone.method
    assert [each.centre_hz for each in asked.notes] == [each.centre_hz for each in alone.notes]


def test_nothing_of_it_is_loaded_before_it_is_asked() -> None:
    code = (
        "import sys; from tapehand.bootstrap import make_studio; make_studio();"
        "sys.exit('swift_f0' in sys.modules or 'onnxruntime' in sys.modules)"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


@pytest.mark.skipif(installed_version() is None, reason="needs the extra tapehand[swift-f0]")
@pytest.mark.parametrize("hz", [98.0, 220.0, 523.25])
def test_swift_f0_hears_what_is_sung(hz: float) -> None:
    curve = SwiftF0Tracker().pitch(Audio.of(sung(hz)[np.newaxis], RATE_HZ))
    heard = curve.hz[curve.hz > 0.0]
    assert heard.size > 0.6 * curve.hz.size
    assert abs(1200 * np.log2(np.median(heard) / hz)) < 15.0
    nothing = SwiftF0Tracker().pitch(Audio.silence(1, 0, RATE_HZ))
    assert nothing.hz.size == 0
