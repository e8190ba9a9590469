"""Time without pitch, and pitch without time, of whole sounds: songs, stems, loops. Voices: ``dsp.psola``.

The work is done by signalsmith-stretch (through python-stretch), a phase vocoder that keeps the phases between partials
and between channels. Around it: exact lengths, attacks as they were, and transposition through the tape machine, whose
pitch is exact where the vocoder's own is up to a quarter of a semitone sharp in the bass.
"""

import math
from typing import Any, Final

import numpy as np

from tapehand.audio import Audio
from tapehand.audio.resample import varispeed
from tapehand.dsp.attacks import AttackShape, find_attacks, lay_attacks
from tapehand.errors import InputError, InternalError

SHORTEST, LONGEST = 0.25, 4.0
MOST_SEMITONES: Final = 24.0
# Near twice the length and beyond it the vocoder makes phases up, so that is done in several goes.
MOST_AT_ONCE: Final = 1.9
SEED: Final = 1


def stretch(audio: Audio, length_ratio: float, *, keep_attacks: bool = True) -> Audio:
    """``audio`` at its pitch, ``length_ratio`` (0.25..4) times as long: exactly ``round(n * length_ratio)`` samples.

    What was at ``t`` comes at ``t * length_ratio``; strong attacks come as they were, sample for sample, unless
    ``keep_attacks`` is off. Mono or stereo, as a whole: it takes about four copies of the result in memory, and it
    cannot be interrupted.

    Raises
    ------
    InputError
        ``dsp.no_stretch`` where python-stretch is not installed.
    InternalError
        ``dsp.stretch`` for other ratios or more channels; ``render.not_finite`` for NaN or infinity.
    """
    if not SHORTEST <= length_ratio <= LONGEST or audio.channels > 2:
        raise InternalError("dsp.stretch", f"{audio.channels} channels cannot be made {length_ratio:g} times as long")
    if not np.isfinite(audio.samples).all():
        raise InternalError("render.not_finite", "The sound holds a value that is not a number", where="stretch")
    length_samples = round(audio.length_samples * length_ratio)
    if length_ratio == 1.0 or not audio.samples.any():
        return audio.span(0, length_samples)
    stretched = _vocoded(audio, length_ratio, length_samples)
    if not keep_attacks:
        return stretched
    return lay_attacks(stretched, audio, find_attacks(audio), length_ratio, AttackShape())


def transpose(audio: Audio, semitones: float, *, keep_attacks: bool = True) -> Audio:
    """``audio`` moved by ``semitones`` (-24..24), as long as it was; formants move along, as on a sampler.

    Stretched, then played back faster or slower, so the pitch is exact. Moving up loses what would lie above half the
    rate; moving down leaves the top octaves empty.

    Raises
    ------
    InputError
        ``dsp.no_stretch`` where python-stretch is not installed.
    InternalError
        ``dsp.stretch`` for more than two octaves or channels; ``render.not_finite`` for NaN or infinity.
    """
    if not abs(semitones) <= MOST_SEMITONES:
        raise InternalError("dsp.stretch", f"Sound is moved by two octaves at most, not by {semitones:g} semitones")
    speed = math.exp2(semitones / 12.0)
    longer = stretch(audio, speed, keep_attacks=keep_attacks)
    return longer if speed == 1.0 else varispeed(longer, speed, audio.length_samples)


def _vocoded(audio: Audio, length_ratio: float, length_samples: int) -> Audio:
    """The vocoder's work, in as many goes as it takes; exactly ``length_samples`` long."""
    goes = max(1, math.ceil(math.log(length_ratio) / math.log(MOST_AT_ONCE)))
    step = length_ratio ** (1.0 / goes)
    for go in range(goes - 1, -1, -1):
        audio = _vocoded_once(audio, step, round(length_samples / step**go))
    return audio


def _vocoded_once(audio: Audio, length_ratio: float, length_samples: int) -> Audio:
    """It hears silence at the end, as its own count of samples may be a few short."""
    vocoder = _vocoder()(SEED)
    vocoder.preset(audio.channels, float(audio.rate_hz))
    vocoder.setTimeFactor(1.0 / length_ratio)
    silence = np.zeros((audio.channels, vocoder.blockSamples()), dtype=np.float32)
    made = vocoder.process(np.concatenate([audio.samples, silence], axis=1))
    return Audio.of(made[:, :length_samples], audio.rate_hz)


def _vocoder() -> Any:
    try:
        from python_stretch.Signalsmith import Stretch
    except ImportError as error:
        raise InputError(
            "dsp.no_stretch",
            "Changing time or pitch needs python-stretch, which is not installed here",
            hint="Install it with 'pip install python-stretch'.",
        ) from error
    return Stretch
