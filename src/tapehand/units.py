"""Conversions between the units that names in this project carry.

Scalars only, standard library only: these functions set parameters; they never touch samples.
"""

import math

SILENCE_DB = -math.inf


def db_to_gain(level_db: float) -> float:
    """Linear amplitude of a level in dB (``-inf`` is 0)."""
    return 0.0 if level_db == SILENCE_DB else math.pow(10.0, level_db / 20.0)


def gain_to_db(gain: float) -> float:
    """Level in dB of a linear amplitude; 0 gives ``-inf``. The sign is ignored: polarity is not level."""
    return SILENCE_DB if gain == 0.0 else 20.0 * math.log10(abs(gain))


def power_to_db(power: float) -> float:
    """Level in dB of a mean square; 0 gives ``-inf``."""
    return SILENCE_DB if power <= 0.0 else 10.0 * math.log10(power)


def midi_to_hz(pitch: float, tuning_hz: float = 440.0) -> float:
    """Frequency of a MIDI note number (69 = ``tuning_hz``; fractions are cents / 100)."""
    return tuning_hz * math.exp2((pitch - 69.0) / 12.0)


def hz_to_midi(frequency_hz: float, tuning_hz: float = 440.0) -> float:
    """MIDI note number, with fraction, of a frequency above 0 Hz."""
    return 69.0 + 12.0 * math.log2(frequency_hz / tuning_hz)


def cents_between(low_hz: float, high_hz: float) -> float:
    """Interval from ``low_hz`` up to ``high_hz`` in cents."""
    return 1200.0 * math.log2(high_hz / low_hz)


def seconds_to_samples(time_s: float, rate_hz: int) -> int:
    """Nearest sample position of a time."""
    return round(time_s * rate_hz)


def samples_to_seconds(position_samples: int, rate_hz: int) -> float:
    """Time of a sample position."""
    return position_samples / rate_hz


def finite_or_none(value: float) -> float | None:
    """``None`` for -inf, inf and NaN, as JSON has no word for them."""
    return value if math.isfinite(value) else None
