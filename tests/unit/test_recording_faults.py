"""Faults are planted by rules of their own (``bench/listening``) and must be found where they are, and nowhere else."""

import math
from functools import cache
from itertools import pairwise

import numpy as np
import pytest
import soundfile
from bench.listening.faults import is_found
from bench.listening.injectors import FAULTS, Planted
from bench.listening.stems import RATE_HZ, ROLES, STEMS, Sound, stem
from hypothesis import given, settings
from hypothesis import strategies as st

from tapehand.audio import Audio, io
from tapehand.catalogue.loading import load
from tapehand.listening.frames import FrameStream
from tapehand.listening.listener import hear_track
from tapehand.listening.recording_faults import RecordingFaults, RecordingScan, concerns, listen_closely
from tapehand.listening.segments import CORE_SAMPLES, MARGIN_SAMPLES, SegmentStream
from tapehand.listening.sources import FileSound, Recording
from tapehand.song.finding import Finding

LENGTH_S = 10.0


@cache
def clean(name: str, seed: int = 1) -> Sound:
    return stem(name, seed, LENGTH_S)


def heard(sound: Sound, rate_hz: int = RATE_HZ) -> RecordingFaults:
    return listen_closely(Audio.of(sound, rate_hz))


def kinds(found: tuple[Finding, ...]) -> set[str]:
    return {finding.kind for finding in found}


def planted(label: str, name: str, seed: int = 1) -> tuple[Planted, RecordingFaults]:
    made = FAULTS[label].plant(np.random.default_rng(seed), clean(name), "clear")
    return made, heard(made.sound)


# A ring among the notes of a short stem is found four times in five; test_resonances.py and the bench tell more.
@pytest.mark.parametrize("label", [label for label in FAULTS if label != "resonance"])
def test_what_is_planted_clearly_is_heard_where_it_is(label):
    fault = FAULTS[label]
    for name in fault.stems[:2]:
        made, faults = planted(label, name)
        found = faults.findings(name, None, ROLES[name])
        assert is_found(fault, made, found), (name, made.places, [(each.kind, each.start_s) for each in found])


@pytest.mark.parametrize("name", STEMS)
def test_a_clean_stem_raises_no_question(name):
    found = heard(clean(name)).findings(name, None, ROLES[name])
    assert [finding for finding in found if finding.severity != "note"] == []


def test_a_click_is_placed_to_the_sample():
    wave = 0.3 * np.sin(2 * np.pi * 110.0 * np.arange(5 * RATE_HZ) / RATE_HZ)
    places = [48_000, CORE_SAMPLES - 1, CORE_SAMPLES, 200_001]
    wave[places] += 0.2
    found = heard(wave[np.newaxis]).clicks.places
    assert [round(each.start_s * RATE_HZ) for each in found] == pytest.approx(
        sorted({places[0], places[1], places[3]}), abs=1
    )


def test_a_corner_is_no_click():
    """Ramps and triangles change direction at once; nothing sticks out of the wave."""
    ramp = np.minimum(np.arange(4 * RATE_HZ) / 400.0, 1.0)
    wave = 0.5 * ramp * np.sin(2 * np.pi * 55.0 * np.arange(4 * RATE_HZ) / RATE_HZ)
    wave[2 * RATE_HZ :] *= 0.3
    triangle = 0.5 * (2.0 * np.abs(2.0 * (np.arange(4 * RATE_HZ) * 5.0 / RATE_HZ % 1.0) - 1.0) - 1.0)
    assert heard(triangle[np.newaxis]).clicks.places == ()
    assert len(heard(wave[np.newaxis]).clicks.places) <= 1  # the step at two seconds is one


@pytest.mark.parametrize("frequency_hz", [49.9, 50.1, 59.85, 60.0])
def test_the_frequency_of_a_hum(frequency_hz, rng):
    times = np.arange(round(LENGTH_S * RATE_HZ)) / RATE_HZ
    tone = sum(np.sin(2 * np.pi * n * frequency_hz * times + n) / n for n in range(1, 8))
    found = heard(clean("voice") + 0.002 * tone).hum
    assert found.frequency_hz == pytest.approx(frequency_hz, abs=0.02)
    true_dbfs = 20 * math.log10(0.002 * float(np.sqrt(np.mean(np.square(tone)))))
    assert found.level_dbfs == pytest.approx(true_dbfs, abs=2.0)


def test_a_bass_note_beside_the_mains_is_no_hum():
    """G1 is 49 Hz, held for long, with all its partials."""
    times = np.arange(round(LENGTH_S * RATE_HZ)) / RATE_HZ
    tone = sum(np.sin(2 * np.pi * n * 48.9994 * times) / n for n in range(1, 12))
    assert heard(0.1 * tone[np.newaxis]).hum.frequency_hz is None


def test_a_whistle_that_never_stops_is_a_resonance():
    times = np.arange(round(LENGTH_S * RATE_HZ)) / RATE_HZ
    found = heard(clean("voice") + 0.02 * np.sin(2 * np.pi * 1_330.0 * times)).resonances.found
    assert [each.frequency_hz for each in found] == pytest.approx([1_330.0], rel=0.01)
    assert found[0].confidence > 0.9


@pytest.mark.parametrize("gain", [0.5, 0.7079])
def test_clipping_that_was_turned_down_is_counted(gain):
    wave = np.clip(clean("drums") * 4.0, -1.0, 1.0)
    flat = np.pad(np.abs(wave[0]) >= 1.0, 1)
    runs = [b - a for a, b in np.flatnonzero(flat[1:] != flat[:-1]).reshape(-1, 2)]
    found = heard(wave * gain).heard.clipping
    assert found is not None
    assert found.clipped_samples == sum(run for run in runs if run >= 3)
    assert found.peak_dbfs == pytest.approx(20 * math.log10(gain), abs=1e-4)


def test_low_tones_in_coarse_steps_are_not_clipped():
    times = np.arange(3 * RATE_HZ) / RATE_HZ
    for frequency_hz in (25.0, 40.0, 60.0):
        wave = np.round(0.4 * np.sin(2 * np.pi * frequency_hz * times) * 32_767) / 32_768
        assert heard(wave[np.newaxis]).heard.clipping is None


@pytest.mark.parametrize("top", [1.0, 0.7])
def test_a_low_tone_at_its_crest_is_not_clipped_and_one_cut_off_twice_is(top):
    times = np.arange(3 * RATE_HZ) / RATE_HZ
    tone = np.sin(2 * np.pi * 41.0 * times) * np.exp(-times)
    crests = np.round(top * tone / np.abs(tone).max() * 32_767) / 32_768
    cut = np.round(top * np.clip(tone / np.sort(np.abs(tone))[-60], -1.0, 1.0) * 32_767) / 32_768
    assert heard(crests[np.newaxis]).heard.clipping is None
    found = heard(cut[np.newaxis]).heard.clipping
    assert found is not None
    assert found.clipped_samples == np.count_nonzero(cut == cut.max())


def test_a_fade_is_no_cut_and_a_rest_is_no_gap():
    wave = clean("strings")
    wave = np.where((np.arange(wave.shape[1]) // RATE_HZ) % 4 == 3, 0.0, wave)
    ramp = np.ones(wave.shape[1])
    for second in range(3, int(LENGTH_S), 4):
        ramp[second * RATE_HZ - 2_400 : second * RATE_HZ] = np.linspace(1.0, 0.0, 2_400)
        ramp[(second + 1) * RATE_HZ : (second + 1) * RATE_HZ + 2_400] = np.linspace(0.0, 1.0, 2_400)
    found = heard(wave * ramp).gaps
    assert (found.dropouts, found.gaps, found.cut_edges) == ((), (), ())


def test_partials_that_end_are_no_question_and_noise_cut_off_is():
    rng, time_s = np.random.default_rng(3), np.arange(8 * RATE_HZ) / RATE_HZ
    into_s = time_s % 0.5
    fades = np.clip(np.minimum(into_s, 0.5 - into_s) / 0.01, 0.0, 1.0)
    chords = 1e-6 * rng.standard_normal(time_s.size)
    for _voice in range(3):
        notes_hz = np.repeat(165.0 * 2.0 ** (rng.integers(0, 20, 16) / 12.0), RATE_HZ // 2)
        turns = np.cumsum(notes_hz) / RATE_HZ
        wave = sum(np.sin(2.0 * np.pi * n * turns) * (n * notes_hz < 7_500.0) / n for n in range(1, 46))
        chords += 0.05 * wave * fades * np.exp(-3.0 * into_s)
    lines = np.fft.rfft(0.1 * rng.standard_normal(time_s.size) * np.exp(-40.0 * into_s))
    lines[np.fft.rfftfreq(time_s.size, 1.0 / RATE_HZ) > 8_000.0] = 0.0
    strokes = np.fft.irfft(lines, time_s.size)
    told = [
        {each.severity for each in heard(sound[None]).findings() if each.kind in ("lossy_source", "upsampled")}
        for sound in (chords, strokes)
    ]
    assert told == [{"note"}, {"ask"}]


def test_what_the_format_of_a_file_answers_is_not_asked(tmp_path):
    sound = FAULTS["lossy source"].plant(np.random.default_rng(1), clean("hats"), "clear").sound
    io.write(tmp_path / "a.wav", Audio.of(sound, RATE_HZ), "PCM_24")
    soundfile.write(tmp_path / "a.mp3", sound.T, RATE_HZ, format="MP3", subtype="MPEG_LAYER_III", compression_level=0.6)
    asked = []
    for path in (tmp_path / "a.wav", tmp_path / "a.mp3"):
        found = hear_track(Recording(id="a", name="a", rate_hz=RATE_HZ, sound=FileSound(path))).findings()
        asked.append({each.kind for each in found if each.severity != "note"} & {"lossy_source", "upsampled"})
    assert asked == [{"lossy_source"}, set()]


def test_kinds_of_voices_concern_voices_alone():
    _made, faults = planted("plosives", "voice")
    assert "plosives" in kinds(faults.findings(None, None, "lead_vocal"))
    assert "plosives" not in kinds(faults.findings(None, None, "kick"))
    assert "plosives" not in kinds(faults.findings(None, None, "unknown"))
    assert concerns("hum", "unknown")


def test_every_fact_has_a_method_and_every_place_is_inside():
    made, faults = planted("dropouts", "voice")
    facts = faults.facts("v", "lead_vocal")
    assert {"dropout", "noise_floor"} <= {fact.name for fact in facts}
    for fact in facts:
        assert fact.method
        assert fact.start_s is None or 0.0 <= fact.start_s <= made.sound.shape[1] / RATE_HZ


@settings(max_examples=6, deadline=None)
@given(st.integers(0, 2**31), st.lists(st.integers(1, 200_000), min_size=1, max_size=5))
def test_blocks_do_not_matter(seed, lengths):
    sound = FAULTS["dropouts"].plant(np.random.default_rng(seed), clean("drums"), "clear").sound.astype(np.float32)
    edges = np.minimum(np.cumsum([0, *lengths, 10**7]), sound.shape[1]).tolist()
    scan, stream = RecordingScan(1, RATE_HZ), FrameStream(RATE_HZ)
    for first, last in pairwise(edges):
        block = Audio.of(sound[:, first:last], RATE_HZ)
        scan.feed(block, stream.feed(block))
    scan.feed(Audio.of(sound[:, :0], RATE_HZ), stream.finish())
    parts, whole = scan.finish(), heard(sound)
    for name in ("inter_sample", "clicks", "gaps", "resonances", "fake_stereo", "phase_flips"):
        assert getattr(parts, name) == getattr(whole, name), name
    assert kinds(parts.findings()) == kinds(whole.findings())
    assert parts.hum.level_dbfs == pytest.approx(whole.hum.level_dbfs, abs=1e-6)


@given(st.one_of(st.integers(0, 600_000), st.integers(CORE_SAMPLES, CORE_SAMPLES + MARGIN_SAMPLES)), st.integers(1, 3))
@settings(max_examples=20, deadline=None)
def test_segments_cover_a_recording_once(length, channels):
    samples = np.arange(channels * length, dtype=np.float32).reshape(channels, length)
    stream = SegmentStream(channels)
    segments = [*stream.feed(samples[:, : length // 3]), *stream.feed(samples[:, length // 3 :]), *stream.finish()]
    assert [segment.core_start for segment in segments] == [CORE_SAMPLES * n for n in range(len(segments))]
    assert (segments[-1].core_end if segments else 0) == length
    assert [segment.is_last for segment in segments] == [False] * (len(segments) - 1) + [True] * bool(segments)
    for segment in segments:
        assert segment.core_start - segment.start_samples == MARGIN_SAMPLES
        core = segment.samples[:, MARGIN_SAMPLES : MARGIN_SAMPLES + segment.core_end - segment.core_start]
        assert (core == samples[:, segment.core_start : segment.core_end]).all()
    for segment in segments[-1:]:
        assert not segment.samples[:, segment.core_end - segment.start_samples :].any()


def odd_sounds() -> dict[str, tuple[Sound, int]]:
    rng = np.random.default_rng(5)
    return {
        "nothing": (np.zeros((1, 0)), RATE_HZ),
        "one sample": (np.full((1, 1), 0.5), RATE_HZ),
        "silence": (np.zeros((2, RATE_HZ)), RATE_HZ),
        "noise": (0.2 * rng.standard_normal((2, 4 * RATE_HZ)), RATE_HZ),
        "offset": (np.full((2, RATE_HZ), 0.3), RATE_HZ),
        "square": (np.sign(np.sin(np.arange(3 * RATE_HZ) * 0.01))[np.newaxis] * 0.8, RATE_HZ),
        "far too loud": (1e4 * rng.standard_normal((1, RATE_HZ)), RATE_HZ),
        "denormal": (np.full((1, RATE_HZ), 1e-41), RATE_HZ),
        "telephone": (0.1 * rng.standard_normal((1, 5 * 8_000)), 8_000),
        "two-second loop": (clean("drums")[:, : 2 * RATE_HZ], RATE_HZ),
        "hundred ms": (clean("voice")[:, RATE_HZ : RATE_HZ + 4_800], RATE_HZ),
        "very fast": (0.1 * rng.standard_normal((2, 192_000)), 192_000),
        "odd rate": (0.1 * rng.standard_normal((2, 50_000)), 37_800),
    }


@pytest.mark.parametrize("name", odd_sounds())
def test_odd_sounds_are_heard_without_nonsense(name):
    faults = heard(*odd_sounds()[name])
    for finding in faults.findings("x", None, "lead_vocal"):
        assert finding.value is None or math.isfinite(finding.value), finding
        assert "nan" not in finding.question
    for fact in faults.facts("x", "lead_vocal"):
        assert isinstance(fact.value, str) or math.isfinite(fact.value), fact


def test_groups_of_the_catalogue_exist():
    groups, roles = load("roles")["groups"], load("roles")["roles"]
    for name, entry in load("findings")["kinds"].items():
        assert set(entry.get("groups", ())) <= set(groups), name
        assert set(entry.get("except_roles", ())) <= set(roles), name


def test_real_stems_raise_few_questions(material):
    """The folder of freely licensed stems: what was heard in them by ear and eye is named, and no more."""
    asked: dict[str, set[str]] = {}
    for path in sorted((material / "multitrack" / "ev3-lithium").glob("*.flac")):
        with io.Reader(path) as reader:
            audio = next(reader.blocks(15 * reader.facts.rate_hz))
        found = listen_closely(audio).findings(path.stem, None, "unknown")
        asked[path.stem] = {finding.kind for finding in found if finding.severity != "note"}
    assert not {"dropouts", "gap", "hum"} & set().union(*asked.values())
    assert sum(len(each) for each in asked.values()) <= 5, asked


@pytest.mark.parametrize("name", ["drums", "hats"])
def test_a_tail_that_fills_the_rests_is_no_noise(name):
    """Nor is a wave beside its centre line; hiss under the same stem is."""
    rng = np.random.default_rng(5)
    for label, asked in (("reverb", False), ("dc offset", False), ("noise floor", True)):
        made = FAULTS[label].plant(rng, clean(name), "clear")
        assert ("noise_floor" in kinds(heard(made.sound).findings(name, None, ROLES[name]))) == asked, label
