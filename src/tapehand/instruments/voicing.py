"""From a stroke and a voice to sound: layers are made, shaped and summed."""

import math

import numpy as np
from numpy.typing import NDArray

from tapehand.instruments.chance import Dice
from tapehand.instruments.patch import EnvelopeShape, FilterShape, Finish, Layer, Voice
from tapehand.instruments.sources import damped_s, fall_factor, ring_s, sides_of, write_source
from tapehand.instruments.stroke import NEVER, Stroke
from tapehand.kernels import synth
from tapehand.kernels.synth import Numbers, Sound
from tapehand.units import db_to_gain

FADE_S = 0.003
LONGEST_S = 60.0
#: An envelope is followed to 72 dB below where its fall began.
FOLLOWED = 1.2
KINDS = {"low": 0.0, "band": 1.0, "high": 2.0}
PLAIN = EnvelopeShape()


def voiced(voice: Voice, stroke: Stroke) -> NDArray[np.float32]:
    """The sound of one stroke at full level, float32 ``(2, samples)``, silent at its end."""
    scale_s = stroke.gate_samples / stroke.rate_hz if voice.stretched else 1.0
    dice = Dice(stroke.take)
    total = np.zeros((2, 0))
    for number, layer in enumerate(voice.layers):
        sound = _layer_sound(layer, voice, stroke, Dice(dice.seed_for(number)), scale_s)
        total = _summed(total, sound, round(layer.delay_s * scale_s * stroke.rate_hz))
    _apply_finish(total, voice.finish, stroke)
    total *= db_to_gain(voice.gain_db)
    _apply_finish(total, voice.console, stroke)
    return _finished(total, voice, stroke)


def _summed(total: Sound, sound: Sound, start: int) -> Sound:
    """``total`` with ``sound`` added from ``start`` on, longer if need be."""
    end = start + sound.shape[1]
    if start == 0 and total.shape[1] == 0:
        return sound
    if end > total.shape[1]:
        total = np.pad(total, ((0, 0), (0, end - total.shape[1])))
    total[:, start:end] += sound
    return total


def _finished(total: Sound, voice: Voice, stroke: Stroke) -> NDArray[np.float32]:
    if voice.reversed_time:
        total = total[:, : stroke.gate_samples][:, ::-1]
    left, right = sides_of(voice.pan)
    out = np.ascontiguousarray(total * np.array([[left], [right]]), dtype=np.float32)
    fade = min(round(FADE_S * stroke.rate_hz), out.shape[1])
    if fade:
        out[:, -fade:] *= np.arange(fade - 1, -1, -1, dtype=np.float32) / np.float32(fade)
    return out


def _layer_sound(layer: Layer, voice: Voice, stroke: Stroke, dice: Dice, scale_s: float) -> Sound:
    tune_cents = voice.tune_semitones * 100.0 + voice.vary.cents * dice.spread()
    level_db = layer.level_db - layer.velocity_db * (1.0 - stroke.velocity) + voice.vary.level_db * dice.spread()
    shift_octaves = voice.vary.octaves * dice.spread()
    rate_hz = stroke.rate_hz
    length = _length_samples(layer, stroke, scale_s)
    starts = [0, *(round(hit_s * rate_hz) for hit_s in layer.hits_s)]
    sound = np.zeros((2, starts[-1] + length))
    for number, start in enumerate(starts):
        one = np.zeros((2, length)) if layer.hits_s else sound
        write_source(one, layer, stroke, Dice(dice.seed_for(number)), tune_cents)
        if layer.amp is not None or ring_s(layer, stroke.pitch) == math.inf:
            synth.apply_envelope(one, envelope_numbers(layer.amp or PLAIN, stroke, scale_s))
        if layer.hits_s:
            sound[:, start : start + length] += one
    _apply_filters(sound, layer.filters, stroke, scale_s, shift_octaves)
    if layer.formants:
        _apply_formants(sound, layer.formants, rate_hz)
    if layer.drive:
        synth.apply_drive(sound, layer.drive * (0.6 + 0.4 * stroke.velocity), layer.bias)
    left, right = sides_of(layer.pan)
    gain = db_to_gain(level_db)
    sound *= np.array([[left * gain], [right * gain]])
    return sound


def _length_samples(layer: Layer, stroke: Stroke, scale_s: float) -> int:
    gate_s = stroke.gate_samples / stroke.rate_hz
    ring = ring_s(layer, stroke.pitch)
    lengths = [LONGEST_S]
    if ring < math.inf:
        lengths += [ring * FOLLOWED, gate_s + damped_s(layer) * FOLLOWED]
    if layer.amp is not None or ring == math.inf:
        amp = layer.amp or PLAIN
        lengths.append(gate_s + amp.release_s * scale_s * FOLLOWED)
        if amp.sustain == 0.0:
            lengths.append((amp.attack_s + amp.hold_s + amp.decay_s * FOLLOWED) * scale_s)
    wanted = min(lengths[1:], default=LONGEST_S)
    # Only a sound that nothing else ends is cut at the longest length.
    return max(round((wanted if stroke.gate_samples < NEVER else min(wanted, LONGEST_S)) * stroke.rate_hz), 1)


def envelope_numbers(shape: EnvelopeShape, stroke: Stroke, scale_s: float) -> Numbers:
    """The six numbers of an envelope for its kernel."""
    scaled_hz = stroke.rate_hz * scale_s
    numbers = [
        shape.attack_s * scaled_hz,
        shape.hold_s * scaled_hz,
        fall_factor(shape.decay_s, scaled_hz),
        shape.sustain,
        fall_factor(shape.release_s, scaled_hz),
        float(stroke.gate_samples),
    ]
    return np.array(numbers)


def _apply_filters(
    sound: Sound, filters: tuple[FilterShape, ...], stroke: Stroke, scale_s: float, shift_octaves: float
) -> None:
    for shape in filters:
        numbers = _filter_numbers(shape, stroke, shift_octaves)
        synth.apply_filter(sound, np.concatenate([numbers, envelope_numbers(shape.envelope, stroke, scale_s)]))


def _filter_numbers(shape: FilterShape, stroke: Stroke, shift_octaves: float) -> Numbers:
    key_octaves = shape.key_follow * (stroke.pitch - 60.0) / 12.0
    softer_octaves = shape.velocity_octaves * (1.0 - stroke.velocity)
    cutoff_hz = shape.cutoff_hz * math.exp2(key_octaves - softer_octaves + shift_octaves)
    wobble_step = shape.wobble_hz / stroke.rate_hz
    numbers = [
        KINDS[shape.kind],
        min(cutoff_hz / stroke.rate_hz, 0.47),
        1.0 / shape.q,
        float(shape.stages),
        shape.octaves,
        shape.wobble_octaves,
        wobble_step,
        0.0,
        shape.bend_octaves,
    ]
    return np.array(numbers)


def _apply_formants(sound: Sound, formants: tuple[tuple[float, float, float], ...], rate_hz: int) -> None:
    """Replace ``sound`` by the sum of its formant bands."""
    dry = sound.copy()
    sound[:] = 0.0
    closed = [0.0] * synth.ENVELOPE_NUMBERS
    for cutoff_hz, q, level_db in formants:
        band = dry.copy()
        numbers = [KINDS["band"], min(cutoff_hz / rate_hz, 0.47), 1.0 / q, 1.0, 0.0, 0.0, 0.0, 0.0, 0.0]
        synth.apply_filter(band, np.array(numbers + closed))
        sound += db_to_gain(level_db) * band


def _apply_finish(sound: Sound, finish: Finish, stroke: Stroke) -> None:
    if finish.drive:
        synth.apply_drive(sound, finish.drive * (0.6 + 0.4 * stroke.velocity), finish.bias)
    if finish.crush_hz:
        levels = math.exp2(finish.crush_bits - 1.0)
        synth.apply_crush(sound, finish.crush_hz / stroke.rate_hz, levels)
    _apply_filters(sound, finish.filters, stroke, 1.0, 0.0)
