"""The synth kernels, checked: sources that add to a sound, shapers that change it in place.

A sound is float64 ``(2, samples)``, left and right; frequencies are in cycles per sample ("step").
"""

from functools import cache
from typing import Final

import numpy as np
from numpy.typing import NDArray

from tapehand.errors import InternalError
from tapehand.kernels.library import Kernel, Parameter

Sound = NDArray[np.float64]
Numbers = NDArray[np.float64]

_F64, _F64_OUT, _F32, _F32_OUT = Parameter.F64, Parameter.F64_OUT, Parameter.F32, Parameter.F32_OUT
_INT, _REAL = Parameter.INT, Parameter.REAL
_SIDES = (_F64_OUT, _F64_OUT)

_STEP_TABLE = Kernel("synth_step_table", _F64_OUT)
_PITCH = Kernel("synth_pitch", _F64_OUT, _INT, _F64, _INT)
_OSCILLATORS = Kernel("synth_oscillators", *_SIDES, _F64_OUT, _INT, _F64, _F64, _INT, _F64)
_FM = Kernel("synth_fm", *_SIDES, _INT, _F64, _F64)
_NOISE = Kernel("synth_noise", *_SIDES, _INT, _REAL, _REAL, _REAL, _INT)
_CRACKLE = Kernel("synth_crackle", *_SIDES, _INT, _REAL, _REAL, _INT)
_MODES = Kernel("synth_modes", *_SIDES, _INT, _F64, _INT, _INT)
_STRING = Kernel("synth_string", *_SIDES, _INT, _F64_OUT, _F64, _INT)
_ENVELOPE = Kernel("synth_envelope", *_SIDES, _INT, _F64)
_FILTER = Kernel("synth_filter", *_SIDES, _INT, _F64)
_DRIVE = Kernel("synth_drive", *_SIDES, _INT, _REAL, _REAL)
_CRUSH = Kernel("synth_crush", *_SIDES, _INT, _REAL, _REAL)
_CHORUS = Kernel("synth_chorus", _F32_OUT, _F32, _INT, _INT, _INT, _F64)
_TREMOLO = Kernel("synth_tremolo", _F32_OUT, _F32_OUT, _INT, _REAL, _REAL, _REAL)
_ADD = Kernel("synth_add", _F32_OUT, _F32, _INT, _REAL)

STEP_ROWS: Final = 129
STEP_TAPS: Final = 32
PITCH_NUMBERS: Final = 15
OSCILLATOR_NUMBERS: Final = 6
FM_NUMBERS: Final = 9
MODE_NUMBERS: Final = 6
STRING_NUMBERS: Final = 11
ENVELOPE_NUMBERS: Final = 6
FILTER_NUMBERS: Final = 9 + ENVELOPE_NUMBERS


@cache
def step_table() -> Numbers:
    """Residual of a band-limited step, ``(129, 32)``: see ``synth_step_table`` in the native source."""
    table = np.zeros((STEP_ROWS, STEP_TAPS))
    _STEP_TABLE(table)
    table.flags.writeable = False
    return table


def write_pitch(step: Numbers, numbers: Numbers, seed: int) -> None:
    """Fill ``step`` with a pitch curve (15 ``numbers``, named in the native source)."""
    _check(numbers, PITCH_NUMBERS)
    _PITCH(step, step.size, numbers, seed)


def add_oscillators(sound: Sound, step: Numbers, rows: Numbers) -> None:
    """Add band-limited oscillators, one per row of 6 numbers, that follow the pitch curve ``step``."""
    _check(rows, OSCILLATOR_NUMBERS)
    length = _length(sound, step)
    _OSCILLATORS(sound[0], sound[1], np.empty(length), length, step, rows, len(rows), step_table())


def add_fm(sound: Sound, step: Numbers, numbers: Numbers) -> None:
    """Add one pair of sine operators (9 numbers)."""
    _check(numbers, FM_NUMBERS)
    _FM(sound[0], sound[1], _length(sound, step), step, numbers)


def add_noise(sound: Sound, *, gain: float, width: float, pink: float, seed: int) -> None:
    """Add noise: ``width`` 0 is the same on both sides, 1 unrelated; ``pink`` 0 is white, 48000 / rate is pink."""
    _NOISE(sound[0], sound[1], _length(sound), gain, width, pink, seed)


def add_crackle(sound: Sound, *, gain: float, density: float, seed: int) -> None:
    """Add single-sample impulses, ``density`` (0..1) of them a sample."""
    _CRACKLE(sound[0], sound[1], _length(sound), gain, density, seed)


def add_modes(sound: Sound, rows: Numbers, gate_samples: int) -> None:
    """Add decaying partials, one per row of 6 numbers."""
    _check(rows, MODE_NUMBERS)
    _MODES(sound[0], sound[1], _length(sound), rows, len(rows), gate_samples)


def add_string(sound: Sound, numbers: Numbers, seed: int) -> None:
    """Add a plucked string (11 numbers)."""
    _check(numbers, STRING_NUMBERS)
    _STRING(sound[0], sound[1], _length(sound), np.zeros(max(int(numbers[0]), 2)), numbers, seed)


def apply_envelope(sound: Sound, envelope: Numbers) -> None:
    """Multiply by an envelope (6 numbers)."""
    _check(envelope, ENVELOPE_NUMBERS)
    _ENVELOPE(sound[0], sound[1], _length(sound), envelope)


def apply_filter(sound: Sound, numbers: Numbers) -> None:
    """Filter in place (9 numbers and an envelope)."""
    _check(numbers, FILTER_NUMBERS)
    _FILTER(sound[0], sound[1], _length(sound), numbers)


def apply_drive(sound: Sound, gain: float, bias: float) -> None:
    """Saturate in place."""
    _DRIVE(sound[0], sound[1], _length(sound), gain, bias)


def apply_crush(sound: Sound, step: float, levels: float) -> None:
    """Hold samples (``step`` clock ticks a sample, at most 1) and round them to ``levels`` steps a side."""
    _CRUSH(sound[0], sound[1], _length(sound), min(step, 1.0), levels)


def apply_chorus(
    samples: NDArray[np.float32],
    *,
    wet: float,
    delay_samples: float,
    depth_samples: float,
    step: float,
    second_depth_samples: float = 0.0,
    second_step: float = 0.0,
) -> None:
    """Ensemble of three moving taps a side, in place on float32 ``(2, n)``."""
    lead = int(delay_samples + depth_samples + second_depth_samples) + 8
    numbers = np.array([wet, delay_samples, depth_samples, step, second_depth_samples, second_step])
    for side in (0, 1):
        dry = np.concatenate([np.zeros(lead, dtype=np.float32), samples[side]])
        _CHORUS(samples[side], dry, samples.shape[1], lead, side, numbers)


def apply_tremolo(samples: NDArray[np.float32], *, depth: float, step: float, ahead: float) -> None:
    """Swing the level of float32 ``(2, n)`` in place, the right side ``ahead`` turns ahead of the left."""
    _TREMOLO(samples[0], samples[1], samples.shape[1], depth, step, ahead)


def add_voice(total: NDArray[np.float32], voice: NDArray[np.float32], gain: float) -> None:
    """Add ``gain`` times one channel to another of the same length."""
    if total.size != voice.size:
        raise InternalError("kernels.argument", f"A voice of {voice.size} samples for a place of {total.size}")
    _ADD(total, voice, total.size, gain)


def _length(sound: Sound, step: Numbers | None = None) -> int:
    if sound.ndim != 2 or sound.shape[0] != 2 or (step is not None and step.size < sound.shape[1]):
        raise InternalError(
            "kernels.argument", f"A sound must be (2, samples) and no longer than its pitch: {sound.shape}"
        )
    return int(sound.shape[1])


def _check(numbers: Numbers, count: int) -> None:
    if numbers.shape[-1] != count:
        raise InternalError("kernels.argument", f"Expected {count} numbers a row, got {numbers.shape}")
