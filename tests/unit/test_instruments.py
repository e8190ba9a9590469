"""What instruments sound like, held by independent measurement: pitch, timbre, tails, determinism."""

import math
from dataclasses import replace
from itertools import pairwise

import numpy as np
import pytest

from tapehand.catalogue.loading import load
from tapehand.errors import InputError
from tapehand.instruments.play import play
from tapehand.instruments.roster import instrument, instruments
from tapehand.instruments.stroke import NEVER, Leg, Stroke
from tapehand.instruments.voicing import voiced
from tapehand.kernels import synth
from tapehand.music.notes import Note
from tapehand.music.time import PPQ, TempoMap
from tapehand.song.region import NoteRegion, Patch

GRID = TempoMap.steady(120.0)
RATE_HZ = 48_000
CONTRACT = [
    *("drums.boombap", "drums.house", "drums.trap", "bass.808", "bass.sub", "bass.electric", "bass.synth"),
    *("keys.electric_piano", "keys.piano", "keys.organ", "keys.stab", "pad.warm", "pad.strings", "pad.choir"),
    *("lead.saw", "lead.square", "lead.flute", "lead.whistle", "pluck.synth", "pluck.guitar", "bell.fm"),
    *("bell.music_box", "mallet.vibraphone", "brass.stab", "sample.chop", "fx.riser", "fx.downlifter", "fx.impact"),
    *("fx.reverse_cymbal", "fx.tape_stop", "texture.vinyl", "texture.air"),
]
DRUM_PITCHES = {36, 37, 38, 39, 40, 42, 44, 46, 41, 45, 48, 49, 51, 54, 56, 63, 64, 70, 75, 82}
KITS = [name for name in CONTRACT if name.startswith("drums.")]
TONAL = [name for name in CONTRACT if name.split(".")[0] not in ("drums", "fx", "texture")]
STEADY = ["bass.808", "bass.sub", "bass.electric", "bass.synth", "keys.electric_piano", "keys.piano", "keys.organ"]
STEADY += ["pluck.guitar", "bell.fm", "bell.music_box", "mallet.vibraphone", "lead.whistle"]


def region(name, *notes, seed=7, beats=8, settings=()):
    patch = Patch(instrument=name, settings=settings)
    return NoteRegion(start_tick=0, length_ticks=beats * PPQ, notes=notes, patch=patch, seed=seed)


def note(pitch, *, at=0.0, beats=1.0, velocity=100, glide=0):
    start, length = round(at * PPQ), round(beats * PPQ)
    return Note(start_tick=start, length_ticks=length, pitch=pitch, velocity=velocity, glide_ticks=glide)


def middle(name):
    facts = instruments()[name]
    return 38 if facts.drum_map else (facts.lowest + facts.highest) // 2


def stroke(pitch, *, gate_s=1.0, velocity=0.8, take=3, rate_hz=RATE_HZ):
    legs = (Leg(offset_samples=0, pitch=pitch, from_pitch=pitch),)
    gate = NEVER if math.isinf(gate_s) else round(gate_s * rate_hz)
    return Stroke(legs=legs, gate_samples=gate, velocity=velocity, take=take, rate_hz=rate_hz)


def level_db(samples):
    return 20.0 * math.log10(math.sqrt(float(np.mean(np.square(samples, dtype=np.float64)))) + 1e-12)


def cents_off(mono, expected_hz, rate_hz, start_s, window_s):
    """Deviation of the partial near ``expected_hz``: phase advance between two Hann windows."""
    count = round(window_s * rate_hz)
    hop = round(0.35 * count)
    times = np.arange(count) / rate_hz
    probe = np.hanning(count) * np.exp(-2j * np.pi * expected_hz * times)
    first = round(start_s * rate_hz)
    a = np.sum(mono[first : first + count] * probe)
    b = np.sum(mono[first + hop : first + hop + count] * probe)
    turned = np.angle(b / a * np.exp(-2j * np.pi * expected_hz * hop / rate_hz))
    return 1200.0 * math.log2(1.0 + turned / (2.0 * np.pi * hop / rate_hz) / expected_hz)


def centroid_hz(samples, rate_hz):
    power = np.abs(np.fft.rfft(samples.mean(axis=0))) ** 2
    frequencies = np.fft.rfftfreq(samples.shape[1], 1.0 / rate_hz)
    return float(np.sum(power * frequencies) / np.sum(power))


def test_roster_keeps_the_names_and_drum_pitches_that_composing_counts_on():
    assert set(CONTRACT) <= set(instruments())
    for kit in KITS:
        assert set(instruments()[kit].drum_map) >= DRUM_PITCHES


@pytest.mark.parametrize("name", CONTRACT)
def test_facts_and_every_setting_are_within_reach(name):
    facts = instruments()[name]
    assert facts.description
    assert facts.lowest < facts.highest
    assert facts.role in {entry for table in [load("roles")] for entry in _words_of(table)}
    for setting in facts.settings.values():
        assert setting.low <= setting.default <= setting.high
        default = instrument(Patch(instrument=name, settings=((setting.name, setting.default),)))
        assert default.pieces == instrument(Patch(instrument=name)).pieces
        assert default.ensemble == instrument(Patch(instrument=name)).ensemble
        for end in (setting.low, setting.high):
            turned = instrument(Patch(instrument=name, settings=((setting.name, end),)))
            plain = instrument(Patch(instrument=name))
            differs = turned.pieces != plain.pieces or turned.ensemble != plain.ensemble
            assert differs == (end != setting.default)


def _words_of(table):
    """Every key and text in a table, however deep."""
    if isinstance(table, str):
        yield table
    elif hasattr(table, "items"):
        for key, value in table.items():
            yield key
            yield from _words_of(value)
    elif isinstance(table, list):
        for value in table:
            yield from _words_of(value)


@pytest.mark.parametrize("rate_hz", [44_100, 48_000, 96_000])
@pytest.mark.parametrize("name", CONTRACT)
def test_every_instrument_plays_at_every_rate(name, rate_hz):
    audio = play(region(name, note(middle(name), beats=2), beats=2), GRID, rate_hz)
    assert audio.rate_hz == rate_hz
    assert audio.channels == 2
    assert audio.duration_s >= 1.0
    assert np.isfinite(audio.samples).all()
    assert -34.0 < 20.0 * math.log10(float(np.abs(audio.samples).max())) < -2.0
    assert abs(float(audio.samples.mean())) < 2e-3
    assert float(np.abs(audio.samples[:, -1]).max()) == 0.0


@pytest.mark.parametrize(
    "name", ["drums.house", "bass.808", "keys.piano", "pad.strings", "texture.air", "pluck.guitar"]
)
def test_level_does_not_depend_on_the_rate(name):
    levels = [
        level_db(play(region(name, note(middle(name), beats=2)), GRID, rate).samples) for rate in (44_100, 96_000)
    ]
    assert levels[0] == pytest.approx(levels[1], abs=1.5)


@pytest.mark.parametrize("name", STEADY)
@pytest.mark.parametrize("rate_hz", [44_100, 96_000])
def test_steady_instruments_are_in_tune(name, rate_hz):
    facts = instruments()[name]
    voice = _without_vibrato(instrument(Patch(instrument=name)).pieces[0].voice)
    # What moves the phase of a partial at first: an 808's punch, a filter that closes.
    start_s = 0.6 if name == "bass.synth" else 0.15
    for pitch in (facts.lowest + 4, middle(name), facts.highest - 4):
        hz = 440.0 * 2.0 ** ((pitch - 69) / 12)
        sound = voiced(voice, stroke(pitch, gate_s=1.5, rate_hz=rate_hz)).mean(axis=0)
        limit = 2.0 if name == "bass.808" else 1.0
        assert abs(cents_off(sound, hz, rate_hz, start_s, max(0.2, 12 / hz))) < limit, pitch


def _without_vibrato(voice):
    layers = tuple(replace(layer, pitch=replace(layer.pitch, vibrato_cents=0.0)) for layer in voice.layers)
    return replace(voice, layers=layers)


@pytest.mark.parametrize("name", TONAL)
def test_detuned_stacks_balance_around_the_pitch(name):
    for layer in instrument(Patch(instrument=name)).pieces[0].voice.layers:
        stack = [o for o in layer.oscillators if o.ratio == 1.0]
        if stack:
            total = sum(o.level for o in stack)
            assert abs(sum(o.level * o.cents for o in stack) / total) < 1.6


@pytest.mark.parametrize("shape", [1.0, 2.0])
@pytest.mark.parametrize("hz", [1244.5, 3520.7])
def test_high_waves_do_not_alias(shape, hz):
    rate_hz, length = 44_100, 1 << 15
    sound = np.zeros((2, length))
    rows = np.array([[shape, 1.0, 0.2, 1.0, 1.0, 0.37]])
    synth.add_oscillators(sound, np.full(length, hz / rate_hz), rows)
    window = np.blackman(length - 200)
    spectrum = np.abs(np.fft.rfft(sound[0, 100:-100] * window, 8 * length))
    frequencies = np.fft.rfftfreq(8 * length, 1.0 / rate_hz)
    distance = np.abs(frequencies / hz - np.round(frequencies / hz)) * hz
    between = spectrum[distance > 12.0]
    assert 20.0 * math.log10(between.max() / spectrum.max()) < -60.0
    # The harmonics that are heard keep their level: 1/n for the saw.
    if shape == 1.0:
        for number in range(2, int(13_000 / hz) + 1):
            near = spectrum[np.abs(frequencies - number * hz) < 6.0].max()
            assert 20.0 * math.log10(near * number / spectrum.max()) == pytest.approx(0.0, abs=0.1)


@pytest.mark.parametrize("name", [name for name in TONAL if name not in ("bell.fm", "bell.music_box")])
def test_a_note_is_let_go(name):
    voice = instrument(Patch(instrument=name)).pieces[0].voice
    short, long = (voiced(voice, stroke(middle(name), gate_s=gate)) for gate in (0.3, 2.0))
    assert short.shape[1] < long.shape[1]
    assert short.shape[1] / RATE_HZ < 0.3 + 2.1
    after = short[:, round(0.3 * RATE_HZ) :]
    assert level_db(after[:, -after.shape[1] // 10 :]) < level_db(short) - 40.0


def test_808_glides_to_its_target_without_a_new_attack():
    notes = (note(29, beats=2), note(36, at=1.0, beats=2, glide=240))
    audio = play(region("bass.808", *notes, settings=(("decay_s", 2.5),)), GRID, RATE_HZ)
    mono = audio.samples[0]
    # 240 ticks at 120 BPM are 0.125 s: from 0.63 s on the fifth above is reached.
    target = 440.0 * 2.0 ** ((36 - 69) / 12)
    assert abs(cents_off(mono, target, RATE_HZ, 0.66, 0.4)) < 2.0
    start = 440.0 * 2.0 ** ((29 - 69) / 12)
    assert abs(cents_off(mono, start, RATE_HZ, 0.14, 0.25)) < 2.0
    around = mono[round(0.45 * RATE_HZ) : round(0.7 * RATE_HZ)]
    assert np.abs(np.diff(around)).max() < 0.02


def test_mono_bass_is_cut_by_the_next_note_and_hats_choke():
    both = play(region("bass.808", note(29, beats=4), note(41, at=1.0, beats=0.25)), GRID, RATE_HZ)
    second = play(region("bass.808", note(41, at=1.0, beats=0.25)), GRID, RATE_HZ)
    later = round(0.55 * RATE_HZ)
    np.testing.assert_array_equal(both.samples[:, later : later + 9000], second.samples[:, later : later + 9000])
    ringing = play(region("drums.house", note(46)), GRID, RATE_HZ)
    choked = play(region("drums.house", note(46), note(44, at=0.25)), GRID, RATE_HZ)
    place = slice(round(0.28 * RATE_HZ), round(0.34 * RATE_HZ))
    assert level_db(choked.samples[:, place]) < level_db(ringing.samples[:, place]) - 12.0


@pytest.mark.parametrize("name", [*TONAL, *KITS])
def test_velocity_raises_level_and_opens_the_tone(name):
    pieces = (38,) if name in KITS else (middle(name),)
    for pitch in pieces:
        sounds = [
            play(region(name, note(pitch, velocity=v), beats=2), GRID, RATE_HZ).samples for v in (20, 50, 80, 105, 127)
        ]
        levels = [level_db(s) for s in sounds]
        assert all(later > earlier + 0.5 for earlier, later in pairwise(levels)), levels
        if name not in ("bass.sub", "lead.whistle", "keys.organ", "pad.choir", "mallet.vibraphone", "bell.music_box"):
            assert centroid_hz(sounds[-1], RATE_HZ) > 1.01 * centroid_hz(sounds[0], RATE_HZ)


def test_loudest_notes_peak_where_the_catalogue_says():
    tables = {table["name"]: table for table in load("instruments")["instrument"]}
    for name in CONTRACT:
        played = instrument(Patch(instrument=name))
        wanted = {piece["name"]: piece["peak_dbfs"] for piece in tables[name].get("pieces", [])}
        for piece in played.pieces:
            if piece.pitches and piece.name not in wanted:
                continue
            facts = played.facts
            pitches = piece.pitches[:1] or (facts.lowest, middle(name), facts.highest)
            exact = piece.voice.stretched or not piece.voice.one_shot
            gate_s = 2.0 if exact else math.inf
            peaks = [_mean_peak(piece.voice, pitch, gate_s) for pitch in pitches]
            target = wanted.get(piece.name, tables[name].get("peak_dbfs", -6.0))
            loudest = 20.0 * math.log10(float(max(peaks)))
            assert loudest == pytest.approx(target, abs=3.0), (name, piece.name)
            assert 20.0 * math.log10(float(min(peaks))) > target - 10.0


def _mean_peak(voice, pitch, gate_s):
    takes = (stroke(pitch, gate_s=gate_s, velocity=0.97, take=take) for take in (1, 2, 3))
    return float(np.mean([np.abs(voiced(voice, take)).max() for take in takes]))


def test_changing_one_note_leaves_the_others_alone():
    kept = [note(42, at=step / 4, velocity=70 + step) for step in range(16)]
    first = play(region("drums.trap", *kept, note(38, at=1.0)), GRID, RATE_HZ)
    second = play(region("drums.trap", note(38, at=1.0, velocity=40), *reversed(kept)), GRID, RATE_HZ)
    before, after = round(0.499 * RATE_HZ), round(1.2 * RATE_HZ)
    np.testing.assert_array_equal(first.samples[:, :before], second.samples[:, :before])
    np.testing.assert_array_equal(first.samples[:, after:], second.samples[:, after:])
    assert not np.array_equal(first.samples[:, before:after], second.samples[:, before:after])


def test_hits_of_one_drum_differ_and_follow_the_seed():
    hits = [note(38, at=float(beat)) for beat in range(8)]
    one, same, other = (play(region("drums.boombap", *hits, seed=seed), GRID, RATE_HZ) for seed in (1, 1, 2))
    np.testing.assert_array_equal(one.samples, same.samples)
    assert not np.array_equal(one.samples, other.samples)
    spans = [one.span(round(b * 0.5 * RATE_HZ), round((b + 0.4) * 0.5 * RATE_HZ)).samples.tobytes() for b in range(8)]
    assert len(set(spans)) >= 3


@pytest.mark.parametrize("name", CONTRACT)
def test_slow_and_fast_kernels_give_the_same_bytes(name, monkeypatch):
    piece = instrument(Patch(instrument=name)).pieces[1 if name in KITS else 0]
    free = piece.voice.one_shot and not piece.voice.stretched
    hit = stroke(middle(name), gate_s=math.inf if free else 0.5)
    fast = voiced(piece.voice, hit)
    monkeypatch.setenv("TAPEHAND_SIMD", "base")
    assert voiced(piece.voice, hit).tobytes() == fast.tobytes()


def test_drums_sit_where_records_have_them():
    def spectrum(kit, pitch):
        mono = play(region(kit, note(pitch, velocity=120), beats=2), GRID, RATE_HZ).samples.mean(axis=0)
        return np.abs(np.fft.rfft(mono)) ** 2, np.fft.rfftfreq(mono.size, 1.0 / RATE_HZ)

    def share_db(power, frequencies, low_hz, high_hz):
        inside = power[(frequencies >= low_hz) & (frequencies < high_hz)].sum()
        return 10.0 * math.log10(inside / power.sum())

    for kit in KITS:
        power, frequencies = spectrum(kit, 36)
        assert 45.0 <= frequencies[power.argmax()] <= 72.0
        power, frequencies = spectrum(kit, 38)
        assert 170.0 <= frequencies[(frequencies < 300) & (power == power[frequencies < 300].max())][0] <= 240.0
        assert -8.0 < share_db(power, frequencies, 1000, 20_000) < -1.0
        power, frequencies = spectrum(kit, 42)
        assert share_db(power, frequencies, 6000, 12_000) > -3.5
        assert share_db(power, frequencies, 20, 1000) < -15.0


def test_pads_are_wide_and_lows_are_not():
    def correlation(name, pitch):
        left, right = play(region(name, note(pitch, beats=4)), GRID, RATE_HZ).samples.astype(np.float64)
        return float(np.sum(left * right) / math.sqrt(np.sum(left * left) * np.sum(right * right)))

    for name in ("pad.warm", "pad.strings", "pad.choir"):
        assert -0.1 < correlation(name, 60) < 0.7
    for name in ("bass.808", "bass.sub", "bass.synth", "bass.electric"):
        assert correlation(name, 36) > 0.9999


def test_textures_and_risers_last_as_long_as_their_note():
    for name in ("fx.riser", "fx.reverse_cymbal"):
        samples = play(region(name, note(60, beats=4)), GRID, RATE_HZ).samples
        end = round(2.0 * RATE_HZ)
        assert level_db(samples[:, end - 12_000 : end]) > level_db(samples[:, : end // 2]) + 6.0
        assert float(np.abs(samples[:, end + 2000 :]).max()) < 1e-3
    vinyl = play(region("texture.vinyl", note(60, beats=8)), GRID, RATE_HZ).samples
    assert level_db(vinyl[:, 3 * RATE_HZ : 4 * RATE_HZ - 2000]) > -70.0


def test_notes_outside_the_region_are_silent_and_held_ones_end_with_it():
    inside = play(region("keys.organ", note(60, beats=2), note(64, at=9.0), beats=4), GRID, RATE_HZ)
    alone = play(region("keys.organ", note(60, beats=2), beats=4), GRID, RATE_HZ)
    np.testing.assert_array_equal(inside.samples, alone.samples)
    held = play(region("keys.organ", note(60, beats=50), beats=4), GRID, RATE_HZ)
    assert held.duration_s < 2.5
    assert play(region("keys.organ", beats=4), GRID, RATE_HZ).duration_s == 2.0


def test_a_region_follows_the_tempo_where_it_lies():
    grid = TempoMap(tempos=(GRID.tempos[0], type(GRID.tempos[0])(at=4 * PPQ, bpm=60.0)))
    later = NoteRegion(
        start_tick=4 * PPQ, length_ticks=4 * PPQ, notes=(note(37, at=1.0),), patch=Patch(instrument=KITS[0])
    )
    samples = play(later, grid, RATE_HZ).samples
    sounding = np.nonzero(np.abs(samples).max(axis=0) > 1e-4)[0]
    assert RATE_HZ <= sounding[0] < RATE_HZ + 100


@pytest.mark.parametrize(
    ("name", "settings", "pitch", "rate_hz", "code"),
    [
        ("keys.theremin", (), 60, 48_000, "instruments.unknown"),
        ("bass.808", (("shine", 1.0),), 30, 48_000, "instruments.no_setting"),
        ("bass.808", (("decay_s", 9.0),), 30, 48_000, "instruments.setting_range"),
        ("bass.808", (("decay_s", math.nan),), 30, 48_000, "instruments.setting_range"),
        ("drums.trap", (), 99, 48_000, "instruments.no_piece"),
        ("bass.808", (), 30, 8_000, "instruments.rate"),
        ("bass.808", (), 200, 48_000, "instruments.note"),
    ],
)
def test_what_cannot_be_played_is_said(name, settings, pitch, rate_hz, code):
    with pytest.raises(InputError) as error:
        play(region(name, note(pitch), settings=settings), GRID, rate_hz)
    assert error.value.code == code


def test_extreme_pitches_of_every_instrument_stay_sound():
    for name in TONAL:
        for pitch in (0, 127):
            samples = play(region(name, note(pitch, velocity=127), beats=2), GRID, 22_050).samples
            assert np.isfinite(samples).all()
            assert float(np.abs(samples).max()) < 2.0
