"""Sources: the raw sound of one layer, before filters and envelope."""

import math

import numpy as np

from tapehand.instruments.chance import Dice
from tapehand.instruments.patch import FmPair, Layer, Oscillator, Partials, PitchShape, PluckedString
from tapehand.instruments.stroke import Leg, Stroke
from tapehand.kernels import synth
from tapehand.kernels.synth import Numbers, Sound
from tapehand.units import midi_to_hz

SHAPES = {"sine": 0.0, "saw": 1.0, "pulse": 2.0}
MIDDLE_C_HZ = midi_to_hz(60.0)


def write_source(sound: Sound, layer: Layer, stroke: Stroke, dice: Dice, tune_cents: float) -> None:
    """Add the layer's source to ``sound``."""
    rate_hz, velocity = stroke.rate_hz, stroke.velocity
    if layer.oscillators or layer.fm:
        step = pitch_curve(layer.pitch, stroke, sound.shape[1], tune_cents, dice.seed_for(0))
        if layer.oscillators:
            synth.add_oscillators(sound, step, np.array([_oscillator_row(o, dice) for o in layer.oscillators]))
        for pair in layer.fm:
            synth.add_fm(sound, step, _fm_numbers(pair, float(step[-1]) * rate_hz, velocity, rate_hz))
    if layer.partials is not None:
        hz = base_hz(layer.pitch, stroke.pitch, tune_cents)
        synth.add_modes(sound, _mode_rows(layer.partials, hz, velocity, rate_hz), stroke.gate_samples)
    if layer.string is not None:
        hz = base_hz(layer.pitch, stroke.pitch, tune_cents)
        synth.add_string(sound, _string_numbers(layer.string, hz, stroke), dice.seed_for(1))
    if layer.noise is not None:
        # White noise spreads over half the rate: the gain keeps its density in a band the same at every rate.
        gain, pink = math.sqrt(rate_hz / 48_000.0), 48_000.0 / rate_hz if layer.noise.pink else 0.0
        synth.add_noise(sound, gain=gain, width=layer.noise.width, pink=pink, seed=dice.seed_for(2))
    if layer.dust is not None:
        gain = rate_hz / 48_000.0
        synth.add_crackle(sound, gain=gain, density=layer.dust.per_second / rate_hz, seed=dice.seed_for(3))


def base_hz(pitch: PitchShape, note: float, tune_cents: float) -> float:
    """Frequency that a layer sounds a note at."""
    hz = pitch.hz if pitch.hz else midi_to_hz(note) * pitch.ratio
    return hz * math.exp2((pitch.cents + tune_cents) / 1200.0)


def pitch_curve(pitch: PitchShape, stroke: Stroke, length_samples: int, tune_cents: float, seed: int) -> Numbers:
    """Cycles per sample over the length of the sound."""
    step = np.empty(length_samples)
    ends = [leg.offset_samples for leg in stroke.legs[1:]] + [length_samples]
    for leg, end in zip(stroke.legs, ends, strict=True):
        stretch = step[leg.offset_samples : max(end, leg.offset_samples)]
        if stretch.size:
            synth.write_pitch(stretch, _pitch_numbers(pitch, leg, stroke, tune_cents), seed)
    return step


def _pitch_numbers(pitch: PitchShape, leg: Leg, stroke: Stroke, tune_cents: float) -> Numbers:
    rate_hz, first = stroke.rate_hz, leg.offset_samples == 0
    glide_octaves, glide_samples = (leg.from_pitch - leg.pitch) / 12.0, float(max(leg.glide_samples, 1))
    if leg.glide_samples == 0 or pitch.hz:
        glide_octaves, glide_samples = (pitch.scoop_cents / 1200.0 if first else 0.0), pitch.scoop_s * rate_hz
    eager = (0.6 + 0.4 * stroke.velocity) if first else 0.0
    numbers = [
        base_hz(pitch, leg.pitch, tune_cents) / rate_hz,
        glide_octaves,
        glide_samples,
        pitch.vibrato_cents / 1200.0,
        pitch.vibrato_hz / rate_hz,
        max(pitch.vibrato_delay_s * rate_hz, 1.0),
        pitch.sweep * eager,
        math.exp(-1.0 / (pitch.sweep_s * rate_hz)),
        pitch.click * eager,
        math.exp(-1.0 / (pitch.click_s * rate_hz)),
        pitch.drift_cents / 1200.0,
        pitch.drift_hz / rate_hz,
        pitch.bend_octaves,
        pitch.bend_curve,
        pitch.vibrato_hz / rate_hz * leg.offset_samples,
    ]
    return np.array(numbers)


def _oscillator_row(oscillator: Oscillator, dice: Dice) -> list[float]:
    ratio = oscillator.ratio * math.exp2(oscillator.cents / 1200.0)
    thrown = dice.even()
    phase = thrown if oscillator.phase is None else oscillator.phase
    left, right = sides_of(oscillator.pan)
    return [SHAPES[oscillator.shape], ratio, phase, left * oscillator.level, right * oscillator.level, oscillator.width]


def sides_of(pan: float) -> tuple[float, float]:
    """Gains of left and right for a place -1..+1: constant power, both 1 in the middle."""
    angle = (pan + 1.0) * math.pi / 4.0
    return math.sqrt(2.0) * math.cos(angle), math.sqrt(2.0) * math.sin(angle)


def _fm_numbers(pair: FmPair, hz: float, velocity: float, rate_hz: int) -> Numbers:
    left, right = sides_of(pair.pan)
    # Carson's rule: sidebands reach about (index + 1) modulator steps; what would fold back is not played.
    room = max((0.45 * rate_hz - pair.carrier * hz) / (pair.modulator * hz) - 1.0, 0.0)
    softer = 1.0 - pair.velocity_index * (1.0 - velocity)
    index, stays = min(pair.index * softer, room), min(pair.index_stays * softer, room)
    numbers = [
        pair.carrier,
        pair.modulator,
        max(index - stays, 0.0) / math.tau,
        fall_factor(pair.index_decay_s, rate_hz),
        stays / math.tau,
        left * pair.level,
        right * pair.level,
        pair.feedback / math.tau,
        fall_factor(pair.decay_s, rate_hz),
    ]
    return np.array(numbers)


def fall_factor(time_s: float, rate_hz: float) -> float:
    """What one sample keeps of a level that falls by 60 dB in ``time_s``."""
    return math.pow(10.0, -3.0 / max(time_s * rate_hz, 1.0))


def _mode_rows(partials: Partials, hz: float, velocity: float, rate_hz: int) -> Numbers:
    rows = []
    damped = fall_factor(partials.damped_s, rate_hz)
    dice = Dice(partials.seed)
    key = math.pow(hz / MIDDLE_C_HZ, partials.decay_key)
    for ratio, level_db, decay_s in partial_list(partials, dice):
        softer_db = partials.velocity_tilt_db * (1.0 - velocity) * math.log2(max(ratio, 1.0))
        level = math.pow(10.0, (level_db - softer_db) / 20.0) / partials.strings
        decay = fall_factor(decay_s * key, rate_hz)
        start = _start_turns(partials, dice)
        for string in range(partials.strings):
            place = string / (partials.strings - 1) - 0.5 if partials.strings > 1 else 0.0
            detuned = hz * ratio * math.exp2(partials.detune_cents * place / 1200.0)
            if detuned < 0.45 * rate_hz:
                left, right = sides_of(partials.spread * (2.0 * dice.even() - 1.0))
                rows.append([detuned / rate_hz, decay, level * left, level * right, start, min(decay, damped)])
    return np.array(rows) if rows else np.zeros((0, synth.MODE_NUMBERS))


def _start_turns(partials: Partials, dice: Dice) -> float:
    """Given modes start together; a string's go up or down, and a cloud's anywhere, so that no spike adds up."""
    if partials.modes:
        return 0.0
    thrown = dice.even()
    return thrown if partials.high_ratio else math.floor(thrown * 2.0) / 2.0


def partial_list(partials: Partials, dice: Dice) -> list[tuple[float, float, float]]:
    """Frequency ratio, level in dB and 60 dB decay in seconds of every partial."""
    if partials.modes:
        return [(ratio, level_db, decay * partials.decay_s) for ratio, level_db, decay in partials.modes]
    if partials.high_ratio:
        spots = [(k + dice.even()) / partials.count for k in range(partials.count)]
        ratios = [math.pow(partials.high_ratio, spot) for spot in spots]
        levels = [partials.tilt_db * math.log2(ratio) + 3.0 * dice.spread() for ratio in ratios]
    else:
        numbers = range(1, partials.count + 1)
        stretch = math.sqrt(1.0 + partials.stiffness)
        ratios = [k * math.sqrt(1.0 + partials.stiffness * k * k) / stretch for k in numbers]
        levels = [partials.tilt_db * math.log2(k) + _struck_db(k, partials.strike) for k in numbers]
    decays = [partials.decay_s * math.pow(ratio, -partials.decay_tilt) for ratio in ratios]
    return list(zip(ratios, levels, decays, strict=True))


def _struck_db(number: int, strike: float) -> float:
    return 20.0 * math.log10(max(abs(math.sin(math.pi * number * strike)), 0.03)) if strike else 0.0


def _string_numbers(string: PluckedString, hz: float, stroke: Stroke) -> Numbers:
    rate_hz = stroke.rate_hz
    turn = math.tau * hz / rate_hz
    pole = math.pow(string.damping, 48_000.0 / rate_hz)
    lag = math.atan2(pole * math.sin(turn), 1.0 - pole * math.cos(turn)) / turn
    kept = (1.0 - pole) / math.sqrt(1.0 - 2.0 * pole * math.cos(turn) + pole * pole)
    wanted = rate_hz / hz - lag
    whole = math.floor(wanted - 0.3)
    part = wanted - whole
    decay_s = string.decay_s * math.pow(hz / MIDDLE_C_HZ, string.decay_key)
    softness = min(string.softness + string.velocity_softness * (1.0 - stroke.velocity), 0.97)
    numbers = [
        float(whole),
        math.sin((1.0 - part) * turn / 2.0) / math.sin((1.0 + part) * turn / 2.0),
        pole,
        min(fall_factor(decay_s, hz) / kept, 0.99995),
        min(fall_factor(min(string.damped_s, decay_s), hz) / kept, 0.99995),
        float(stroke.gate_samples),
        string.position,
        math.pow(softness, 48_000.0 / rate_hz),
        1.0,
        string.hardness,
        string.pickup,
    ]
    return np.array(numbers)


def ring_s(layer: Layer, pitch: float) -> float:
    """How long a source without an envelope rings by itself, in seconds to -60 dB; infinite for the others."""
    hz = base_hz(layer.pitch, pitch, 0.0)
    if layer.partials is not None:
        key = math.pow(hz / MIDDLE_C_HZ, layer.partials.decay_key)
        return key * max(decay_s for _, _, decay_s in partial_list(layer.partials, Dice(layer.partials.seed)))
    if layer.string is not None:
        return layer.string.decay_s * math.pow(hz / MIDDLE_C_HZ, layer.string.decay_key)
    return math.inf


def damped_s(layer: Layer) -> float:
    """How long such a source rings once the note is let go."""
    if layer.partials is not None:
        return layer.partials.damped_s
    return layer.string.damped_s if layer.string is not None else 0.0
