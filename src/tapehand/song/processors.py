"""Processor settings: what an insert does, in the parameters an engineer would read off a plug-in.

Settings only. ``dsp`` holds one function per processor that applies them; ``render`` calls those. All are frozen and
hashable, so that a render can be cached by what it was made of.
"""

from dataclasses import dataclass
from typing import Literal

BandKind = Literal["peak", "low_shelf", "high_shelf", "low_pass", "high_pass", "notch"]
Detector = Literal["peak", "rms"]


@dataclass(frozen=True, slots=True, kw_only=True)
class HighPass:
    """Butterworth high-pass; ``slope_db_per_octave`` is 6, 12 or 24."""

    cutoff_hz: float
    slope_db_per_octave: int = 12


@dataclass(frozen=True, slots=True, kw_only=True)
class Band:
    """One equaliser band, of analogue shape. ``gain_db`` is unused by passes and notch."""

    kind: BandKind
    frequency_hz: float
    gain_db: float = 0.0
    q: float = 0.7071


@dataclass(frozen=True, slots=True, kw_only=True)
class Equaliser:
    """Bands in series."""

    bands: tuple[Band, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Compressor:
    """Feed-forward compressor with a soft knee; stereo channels share one gain.

    ``key_track`` names another track whose pre-fader sound drives the detector (side-chain); None listens to itself.
    """

    threshold_db: float
    ratio: float
    attack_ms: float
    release_ms: float
    knee_db: float = 6.0
    make_up_db: float = 0.0
    detector: Detector = "rms"
    key_track: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Saturation:
    """Oversampled soft saturation; ``drive_db`` into the curve, level brought back by the same amount; ``mix`` 0..1."""

    drive_db: float
    mix: float = 1.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Delay:
    """Feedback delay. ``feedback`` and ``mix`` 0..1 (1 = only the echoes, as on a return)."""

    time_s: float
    feedback: float = 0.35
    mix: float = 1.0
    low_cut_hz: float = 250.0
    high_cut_hz: float = 6000.0
    ping_pong: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class Reverb:
    """Algorithmic reverb. ``decay_s`` is RT60 at 1 kHz; ``size``, ``width`` and ``mix`` 0..1 (1 = only the reverb)."""

    decay_s: float
    pre_delay_ms: float = 20.0
    size: float = 0.5
    damping_hz: float = 6000.0
    low_cut_hz: float = 300.0
    high_cut_hz: float = 9000.0
    width: float = 1.0
    mix: float = 1.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Width:
    """Side level against mid: 0 is mono, 1 unchanged, 2 doubled side; below ``mono_below_hz`` all is mono."""

    width: float = 1.0
    mono_below_hz: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Gain:
    """A fixed gain inside a chain (trim)."""

    gain_db: float


@dataclass(frozen=True, slots=True, kw_only=True)
class SoftClip:
    """Oversampled soft clipper: linear below the knee, bounded by ``ceiling_db``. ``drive_db`` is gain into it."""

    drive_db: float
    ceiling_db: float = 0.0
    knee_db: float = 3.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Limiter:
    """True-peak look-ahead limiter: ``drive_db`` of gain, then never above ``ceiling_dbtp``."""

    drive_db: float
    ceiling_dbtp: float = -1.0
    look_ahead_ms: float = 2.0
    release_ms: float = 60.0
    slow_release_ms: float = 400.0


Processor = HighPass | Equaliser | Compressor | Saturation | Delay | Reverb | Width | Gain | SoftClip | Limiter
PROCESSORS: tuple[type, ...] = (
    HighPass,
    Equaliser,
    Compressor,
    Saturation,
    Delay,
    Reverb,
    Width,
    Gain,
    SoftClip,
    Limiter,
)
