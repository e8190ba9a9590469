"""What recordings have to do with each other: planted faults are found with their size, and clean sessions stay quiet.

The sounds are made here, of noise, decays and sines: nothing of the product renders them.
"""

from collections.abc import Mapping
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from tapehand.app.listen import listen_to_path
from tapehand.audio import Audio, io
from tapehand.bootstrap import make_studio
from tapehand.listening.arrivals import Arrival, course_of, related_pairs
from tapehand.listening.attacks import attack_times_s
from tapehand.listening.between import findings_between, heard_between
from tapehand.listening.bleed import bleeds
from tapehand.listening.duplicates import copies
from tapehand.listening.mic_pairs import mic_pairs
from tapehand.listening.recordings import ReadRecordings, compact_of, recordings_of
from tapehand.song.finding import Finding
from tapehand.work import Work

RATE_HZ = 44_100
LENGTH_S = 10.0
Signal = NDArray[np.float64]


def noise(rng: np.random.Generator, length_s: float = LENGTH_S) -> Signal:
    return rng.standard_normal(round(length_s * RATE_HZ))


def struck(rng: np.random.Generator, times_s: Signal, decay_s: float = 0.06, length_s: float = LENGTH_S) -> Signal:
    """Bursts of noise, none like another, over a quiet floor."""
    out = 1e-5 * noise(rng, length_s)
    for at_s in times_s:
        burst = noise(rng, 0.4) * np.exp(-np.arange(round(0.4 * RATE_HZ)) / (decay_s * RATE_HZ))
        start = round(at_s * RATE_HZ)
        out[start : start + burst.size] += 0.2 * burst[: out.size - start]
    return out


def line(rng: np.random.Generator, length_s: float = LENGTH_S) -> Signal:
    """Plucked tones of chance with some noise at their beginning."""
    out = 1e-5 * noise(rng, length_s)
    for start_s in np.arange(0.1, length_s - 0.5, 0.3):
        times = np.arange(round(0.45 * RATE_HZ)) / RATE_HZ
        hz = float(rng.uniform(90.0, 500.0))
        tone = sum(np.sin(2 * np.pi * hz * k * times + rng.uniform(0, 6)) / k for k in range(1, 12))
        first = round(start_s * RATE_HZ)
        pluck = np.exp(-times / 0.15) * (tone + np.exp(-times / 0.01) * rng.standard_normal(times.size))
        out[first : first + times.size] += 0.1 * pluck
    return out


def moved(sound: Signal, samples: int) -> Signal:
    out = np.zeros_like(sound)
    if samples >= 0:
        out[samples:] = sound[: sound.size - samples]
    else:
        out[:samples] = sound[-samples:]
    return out


def in_a_room(rng: np.random.Generator, sound: Signal, direct: float = 0.6) -> Signal:
    """With a tail that takes the rest of the energy."""
    tail = rng.standard_normal(8_000) * np.exp(-np.arange(8_000) / 3_000)
    tail[:80] = 0.0
    response = np.sqrt((1 - direct) / np.sum(tail**2)) * tail
    response[0] = np.sqrt(direct)
    size = 1 << (sound.size + tail.size).bit_length()
    made: Signal = np.fft.irfft(np.fft.rfft(sound, size) * np.fft.rfft(response, size), size)[: sound.size]
    return made + 1e-5 * rng.standard_normal(sound.size)


def session(sounds: Mapping[str, Signal], **roles: str) -> ReadRecordings:
    return recordings_of({name: Audio.of(sound[np.newaxis], RATE_HZ) for name, sound in sounds.items()}, RATE_HZ, roles)


def of_kind(found: tuple[Finding, ...], kind: str) -> list[Finding]:
    return [each for each in found if each.kind == kind]


@pytest.mark.parametrize(("delay", "polarity"), [(0, -1), (137, 1), (-260, -1), (1_500, 1)])
def test_a_second_microphone_is_measured_to_a_sample(rng: np.random.Generator, delay: int, polarity: int) -> None:
    near = line(rng)
    far = polarity * moved(in_a_room(rng, near), delay)
    together = session({"near": near, "other": line(rng), "far": far})
    (pair,) = mic_pairs(together, related_pairs(together))
    assert (pair.track, pair.partner) == ("far", "near")
    assert pair.lag.lag_samples == pytest.approx(delay, abs=1.0)
    assert pair.lag.polarity == polarity


def test_an_upside_down_microphone_is_asked_about(rng: np.random.Generator) -> None:
    near = line(rng)
    heard = heard_between(session({"near": near, "far": -moved(in_a_room(rng, near), 9)}))
    (question,) = of_kind(heard.findings, "upside_down")
    assert question.track == "far"
    assert question.value is not None
    assert question.value > 1.0
    assert not of_kind(heard.findings, "late_microphone")
    lags_ms = [fact.value for fact in heard.facts if fact.track == "far" and fact.unit == "ms"]
    assert lags_ms == pytest.approx([9 / 44.1], abs=0.02)


def test_drums_that_always_come_together_are_no_pair(rng: np.random.Generator) -> None:
    """One-shots on one grid repeat their relation exactly, and are two sources all the same."""
    times_s = np.arange(0.2, LENGTH_S - 0.5, 0.5)
    shots = [struck(rng, np.array([0.0]), decay_s, 0.4) for decay_s in (0.02, 0.05, 0.1)]
    laid = {}
    for number, shot in enumerate(shots):
        out = np.zeros(round(LENGTH_S * RATE_HZ))
        for at_s in times_s:
            out[round(at_s * RATE_HZ) :][: shot.size] += shot
        laid[f"drum {number}"] = out
    assert related_pairs(session(laid)) == {}


@pytest.mark.parametrize("ppm", [80.0, -80.0])
def test_a_drifting_clock_is_told_with_its_rate(rng: np.random.Generator, ppm: float) -> None:
    near = line(rng, 30.0)
    places = np.arange(near.size) * (1.0 - 1e-6 * ppm)
    smooth = np.convolve(near, np.hanning(9)[1:-1] / 4.0, "same")
    far = np.interp(places, np.arange(near.size), smooth)
    (question,) = of_kind(findings_between(session({"near": smooth, "far": far})), "clock_drift")
    assert question.value == pytest.approx(ppm, abs=6.0)


def test_lags_that_lie_on_no_line_are_no_course() -> None:
    rng = np.random.default_rng(3)
    scattered = [
        Arrival(at_s=2.0 * number, lag_s=float(rng.uniform(-0.04, 0.04)), polarity=1, relation=12.0)
        for number in range(8)
    ]
    assert course_of(scattered, 8) is None
    straight = [Arrival(at_s=2.0 * n, lag_s=0.003 + 2e-4 * n, polarity=1, relation=12.0) for n in range(8)]
    course = course_of([*straight, *scattered[:3]], 11)
    assert course is not None
    assert course.drift_ppm == pytest.approx(100.0, abs=1.0)


@pytest.mark.parametrize(("gain", "shift"), [(1.0, 0), (-0.4, 0), (0.25, 31_000), (1.7, -777)])
def test_copies_are_found_with_gain_and_shift(rng: np.random.Generator, gain: float, shift: int) -> None:
    first = line(rng)
    (copy,) = copies(session({"a": first, "other": line(rng), "b": gain * moved(first, shift)}))
    assert (copy.track, copy.original, copy.shift_samples) == ("b", "a", shift)
    assert copy.gain == pytest.approx(gain, rel=1e-3)


def test_two_takes_are_no_copies(rng: np.random.Generator) -> None:
    first = struck(rng, np.arange(0.2, 9.0, 0.5))
    assert copies(session({"a": first, "b": struck(rng, np.arange(0.2, 9.0, 0.5))})) == ()
    assert copies(session({"a": first, "b": first + 0.3 * line(rng)})) == ()


@pytest.mark.parametrize("level_db", [-40.0, -28.0])
def test_bleed_names_its_source_level_and_place(rng: np.random.Generator, level_db: float) -> None:
    drums, guitar, voice = struck(rng, np.arange(0.1, 9.5, 0.25)), line(rng), line(rng)
    inside = slice(round(3.0 * RATE_HZ), round(7.0 * RATE_HZ))
    voice[inside] = 1e-5 * noise(rng, 4.0)
    heard = moved(in_a_room(rng, drums), 300)
    together = session({"drums": drums, "guitar": guitar, "voice": voice + 10 ** (level_db / 20) * heard})
    (bleed,) = bleeds(together)
    assert (bleed.track, bleed.source) == ("voice", "drums")
    assert bleed.level_db == pytest.approx(level_db, abs=3.0)
    assert bleed.lag_s == pytest.approx(300 / RATE_HZ, abs=5e-4)
    assert 2.9 < bleed.start_s < 3.4
    assert 6.6 < bleed.end_s < 7.1


def test_rests_with_nothing_but_noise_hold_no_bleed(rng: np.random.Generator) -> None:
    voice = line(rng)
    voice[: 4 * RATE_HZ] = 1e-4 * noise(rng, 4.0)
    assert bleeds(session({"drums": struck(rng, np.arange(0.1, 9.5, 0.25)), "voice": voice})) == ()


def test_attacks_are_timed_to_a_millisecond(rng: np.random.Generator) -> None:
    times_s = np.cumsum(rng.uniform(0.2, 0.5, 20)) + 0.1
    sound = Audio.of(struck(rng, times_s)[np.newaxis], RATE_HZ)
    found = attack_times_s(compact_of(sound))
    assert found.size == times_s.size
    assert np.abs(found - times_s).max() < 0.002


@pytest.mark.parametrize(("late_s", "asked"), [(0.0, False), (0.005, False), (0.012, True), (-0.02, True)])
def test_the_pocket_is_asked_about_from_eight_ms(rng: np.random.Generator, late_s: float, *, asked: bool) -> None:
    beats_s = np.arange(0.3, LENGTH_S - 0.5, 0.4)
    together = session(
        {"kick": struck(rng, beats_s), "bass": struck(rng, beats_s + late_s, 0.1)}, kick="kick", bass="bass"
    )
    found = of_kind(findings_between(together), "pocket")
    assert bool(found) == asked
    if asked:
        assert found[0].value == pytest.approx(1000 * late_s, abs=1.5)


def test_one_loose_hit_is_named_with_its_place(rng: np.random.Generator) -> None:
    beats_s = np.arange(0.3, LENGTH_S - 0.5, 0.5)
    times_s = beats_s + 0.002 * rng.standard_normal(beats_s.size)
    times_s[9] = beats_s[9] + 0.045
    together = session({"snare": struck(rng, times_s)}, snare="snare")
    (question,) = of_kind(findings_between(together, beats_s.tolist()), "loose_hits")
    assert question.start_s == pytest.approx(times_s[9], abs=0.02)
    assert "1 hit of 19" in question.question
    assert of_kind(findings_between(together), "loose_hits") == []  # nothing without beats


def test_wide_bass_is_asked_about_and_width_is_not(rng: np.random.Generator) -> None:
    def through(sound: Signal, low_hz: float, high_hz: float) -> Signal:
        lines, hz = np.fft.rfft(sound), np.fft.rfftfreq(sound.size, 1 / RATE_HZ)
        made: Signal = np.fft.irfft(lines * ((hz >= low_hz) & (hz < high_hz)), sound.size)
        return made

    bass, top = through(noise(rng), 40, 120), 0.3 * through(noise(rng), 300, 4_000)
    wrong = Audio.of(0.1 * np.stack([bass + top, -bass + top]), RATE_HZ)
    wide = Audio.of(0.1 * np.stack([noise(rng), noise(rng)]), RATE_HZ)
    together = recordings_of({"wrong": wrong, "wide": wide})
    (question,) = of_kind(findings_between(together), "mono_loss")
    assert question.track == "wrong"
    assert "below 150 Hz" in question.question


def test_a_covered_voice_is_a_note_and_a_buried_one_a_question(rng: np.random.Generator) -> None:
    voice = line(rng)
    for gain, severity in ((0.1, None), (1.0, "note"), (4.0, "ask")):
        together = session({"vox": voice, "pad": gain * 0.2 * noise(rng)}, vox="lead_vocal")
        found = of_kind(findings_between(together), "masking")
        assert [each.severity for each in found] == ([] if severity is None else [severity])


def test_clean_sessions_raise_no_question(rng: np.random.Generator) -> None:
    beats_s = np.arange(0.3, LENGTH_S - 0.5, 0.5)
    sounds = {
        "kick": struck(rng, beats_s),
        "snare": struck(rng, beats_s[1::2] + 0.003 * rng.standard_normal(beats_s[1::2].size)),
        "bass": struck(rng, beats_s + 0.002 * rng.standard_normal(beats_s.size), 0.1),
        "guitar": line(rng),
        "keys": line(rng),
        "silence": np.zeros(RATE_HZ),
    }
    together = session(sounds, kick="kick", snare="snare", bass="bass", guitar="electric_guitar", keys="keys")
    assert [each for each in findings_between(together, beats_s.tolist()) if each.severity != "note"] == []


@pytest.mark.parametrize("rate_hz", [8_000, 48_000])
def test_odd_tracks_are_no_trouble(rng: np.random.Generator, rate_hz: int) -> None:
    sounds = {
        "nothing": Audio.silence(1, 0, rate_hz),
        "one sample": Audio.of(np.ones((1, 1)), rate_hz),
        "silence": Audio.silence(2, rate_hz, rate_hz),
        "short": Audio.of(0.1 * rng.standard_normal((2, rate_hz // 3)), rate_hz),
        "constant": Audio.of(np.full((1, 2 * rate_hz), 0.5), rate_hz),
        "loud": Audio.of(30.0 * rng.standard_normal((1, 2 * rate_hz)), rate_hz),
        "tiny": Audio.of(1e-20 * rng.standard_normal((1, 2 * rate_hz)), rate_hz),
    }
    roles = dict(zip(sounds, ("kick", "bass", "lead_vocal", "snare", "keys", "double", "hats"), strict=True))
    heard = heard_between(recordings_of(sounds, rate_hz, roles), [0.0, 0.5, 1.0])
    values = [each.value for each in (*heard.facts, *heard.findings) if each.value is not None]
    assert np.isfinite([float(value) for value in values]).all()
    assert findings_between(recordings_of({"nothing": Audio.silence(1, 0, rate_hz)})) == ()


def test_a_moment_that_all_share_is_no_loose_hit(rng: np.random.Generator) -> None:
    beats_s = np.arange(0.3, LENGTH_S - 0.5, 0.5)
    pushed_s = beats_s.copy()
    pushed_s[9] -= 0.045
    together = session(
        {name: struck(rng, pushed_s + 0.002 * rng.standard_normal(pushed_s.size)) for name in ("kick", "bass")},
        kick="kick",
        bass="bass",
    )
    assert of_kind(findings_between(together, beats_s.tolist()), "loose_hits") == []


def test_what_swells_is_not_held_against_the_beats(rng: np.random.Generator) -> None:
    """A shaker that swells for 40 ms is no part 20 ms behind; a struck one at the same place is."""
    beats_s = np.arange(0.3, LENGTH_S - 0.5, 0.4)
    swelling = 1e-5 * noise(rng)
    for at_s in beats_s:
        swell = 0.1 * noise(rng, 0.08) * np.hanning(round(0.08 * RATE_HZ))
        swelling[round(at_s * RATE_HZ) :][: swell.size] += swell
    struck_late = struck(rng, beats_s + 0.025)
    for sound, kinds in ((swelling, []), (struck_late, ["beside_the_beats"])):
        found = findings_between(session({"shaker": sound}, shaker="percussion"), beats_s.tolist())
        assert [each.kind for each in found] == kinds


def test_a_second_microphone_is_one_question(rng: np.random.Generator) -> None:
    """Late by 12 ms and in another room's tone it would be loose, masked, apart from its source: all one cause."""
    beats_s = np.arange(0.3, LENGTH_S - 0.5, 0.5)
    kick, bass = struck(rng, beats_s), line(rng)
    sounds = {"kick in": kick, "kick out": moved(in_a_room(rng, kick, 0.8), 530), "bass": bass}
    together = session(sounds, **{"kick in": "kick", "kick out": "kick", "bass": "bass"})
    found = findings_between(together, beats_s.tolist())
    assert [(each.kind, each.track) for each in found if each.severity != "note"] == [("late_microphone", "kick out")]


def test_two_samples_struck_apart_are_one_question_too(rng: np.random.Generator) -> None:
    beats_s = np.arange(0.3, LENGTH_S - 0.5, 0.5)
    sounds = {"kick": struck(rng, beats_s), "kick top": struck(rng, beats_s + 0.012, 0.02)}
    found = findings_between(session(sounds, **{"kick": "kick", "kick top": "kick"}))
    assert [(each.kind, each.track) for each in found] == [("layers_apart", "kick top")]


def test_a_copy_is_asked_about_once_whatever_it_is_a_copy_of(rng: np.random.Generator) -> None:
    """What lies on the source (here: drums in its rests) lies on the copy as well."""
    drums, voice = struck(rng, np.arange(0.1, 9.5, 0.25)), line(rng)
    voice[round(3.0 * RATE_HZ) : round(7.0 * RATE_HZ)] = 1e-5 * noise(rng, 4.0)
    voice += 0.05 * moved(in_a_room(rng, drums), 300)
    together = session({"drums": drums, "voice": voice, "voice 2": 0.5 * voice}, drums="drums")
    asked = [(each.kind, each.track) for each in findings_between(together) if each.severity != "note"]
    assert asked == [("same_recording", "voice 2"), ("bleed", "voice")]


def test_loud_hits_in_a_rest_are_bleed_though_they_end_it(rng: np.random.Generator) -> None:
    """A neighbour's hits only 20 dB under the track leave no quiet in its rest."""
    snare, voice = struck(rng, np.arange(0.1, 9.5, 0.5)), line(rng)
    voice[round(3.0 * RATE_HZ) : round(7.0 * RATE_HZ)] = 1e-5 * noise(rng, 4.0)
    heard = voice + 0.15 * moved(in_a_room(rng, snare), 300)
    (bleed,) = bleeds(session({"snare": snare, "voice": heard}, snare="snare"))
    assert (bleed.track, bleed.source) == ("voice", "snare")
    assert bleed.level_db == pytest.approx(-16.5, abs=3.0)


def test_width_that_costs_mono_is_heard_where_a_sparse_track_plays(rng: np.random.Generator) -> None:
    """It plays for a second of ten, while the others are loud elsewhere."""
    wide = np.zeros((2, round(LENGTH_S * RATE_HZ)))
    inside = slice(round(2.0 * RATE_HZ), round(3.0 * RATE_HZ))
    middle, side = 0.1 * noise(rng, 1.0), 0.3 * noise(rng, 1.0)
    wide[:, inside] = np.stack([middle + side, middle - side])
    loud = 0.3 * noise(rng)
    loud[round(1.5 * RATE_HZ) : round(3.5 * RATE_HZ)] *= 0.1
    sounds = {"wide": Audio.of(wide, RATE_HZ), "loud": Audio.of(loud[np.newaxis], RATE_HZ)}
    (question,) = of_kind(findings_between(recordings_of(sounds)), "mono_loss")
    assert question.track == "wide"
    assert question.value == pytest.approx(10.0, abs=0.5)


def test_sides_against_each_other_are_one_question(rng: np.random.Generator, tmp_path: Path) -> None:
    """It is heard while a track is read, and beside the others as a loss in mono."""
    middle = 0.02 * line(rng)
    wide = 0.1 * line(rng)
    for name, sides in (("keys", np.stack([middle + wide, middle - wide])), ("organ", np.stack([line(rng)] * 2))):
        io.write(tmp_path / f"{name}.wav", Audio.of(sides, RATE_HZ), subtype="PCM_24")
    found = listen_to_path(make_studio(1), tmp_path, Work()).heard.findings
    kinds = [each.kind for each in found if each.severity != "note"]
    assert "anti_phase" in kinds
    assert "mono_loss" not in kinds
