"""Processor settings: what an insert does, in the parameters an engineer would read off a plug-in.

Settings only. ``dsp`` holds one function per processor that applies them; ``render`` calls those. All are frozen and
hashable, so that a render can be cached by what it was made of.
"""

from dataclasses import dataclass
from typing import Literal, get_args

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
    """True-peak look-ahead limiter: ``drive_db`` of gain, then never above ``ceiling_dbtp``.

    It lets go by ``release_ms`` after a peak, by ``slow_release_ms`` after a loud passage, and by up to
    ``dense_release_ms`` where the sound presses on the ceiling nearly all the time.
    """

    drive_db: float
    ceiling_dbtp: float = -1.0
    look_ahead_ms: float = 2.0
    release_ms: float = 90.0
    slow_release_ms: float = 300.0
    dense_release_ms: float = 2800.0


@dataclass(frozen=True, slots=True, kw_only=True)
class DeEsser:
    """Split-band de-esser: the band above ``frequency_hz`` is turned down while its peaks exceed the threshold."""

    frequency_hz: float = 5500.0
    threshold_db: float = -30.0
    ratio: float = 4.0
    attack_ms: float = 0.5
    release_ms: float = 60.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Gate:
    """Expander and gate. Opens at ``threshold_db`` of peak, closes ``hysteresis_db`` lower, after ``hold_ms``.

    Closed, the level falls ``ratio`` dB for each dB below the threshold, by ``range_db`` at most.
    """

    threshold_db: float
    ratio: float = 10.0
    hysteresis_db: float = 4.0
    range_db: float = 60.0
    attack_ms: float = 0.5
    hold_ms: float = 40.0
    release_ms: float = 120.0


@dataclass(frozen=True, slots=True, kw_only=True)
class TransientShaper:
    """Attacks and tails turned up or down by at most that many dB, whatever the level."""

    attack_db: float = 0.0
    sustain_db: float = 0.0


@dataclass(frozen=True, slots=True, kw_only=True)
class DynamicEqualiser:
    """One band that gives way (or comes up, with a ratio below 1) while it is louder than ``threshold_db`` (rms)."""

    kind: Literal["peak", "low_shelf", "high_shelf"] = "peak"
    frequency_hz: float
    q: float = 1.0
    threshold_db: float
    ratio: float = 3.0
    knee_db: float = 6.0
    attack_ms: float = 5.0
    release_ms: float = 120.0


@dataclass(frozen=True, slots=True, kw_only=True)
class MultibandCompressor:
    """One compressor for each band between rising crossovers, lowest first; flat at rest. Keys are not used."""

    crossovers_hz: tuple[float, ...]
    bands: tuple[Compressor, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class MidSideEqualiser:
    """Mid (the sum) and side (the difference) of a stereo sound through bands and gains of their own."""

    mid: tuple[Band, ...] = ()
    side: tuple[Band, ...] = ()
    mid_gain_db: float = 0.0
    side_gain_db: float = 0.0


@dataclass(frozen=True, slots=True, kw_only=True)
class FirEqualiser:
    """Bands as one finite filter: linear phase (rings before, too) or the minimum phase of the analogue curve."""

    bands: tuple[Band, ...]
    phase: Literal["linear", "minimum"] = "linear"


@dataclass(frozen=True, slots=True, kw_only=True)
class Convolution:
    """Reverb by an impulse response of the user's: ``impulse`` is the source it was imported as, mono or stereo.

    The first ``length_s`` of it are used. ``mix`` 0..1 (1 = only the reverb).
    """

    impulse: str
    length_s: float
    pre_delay_ms: float = 0.0
    gain_db: float = 0.0
    mix: float = 1.0


@dataclass(frozen=True, slots=True, kw_only=True)
class CharacterCompressor:
    """A compressor with the timing and knee of a kind of machine (``catalogue/characters.toml``: opto, fet, bus ...).

    Its release depends on the programme: long reductions come back slower than short ones. ``mix`` 0..1.
    """

    character: str
    threshold_db: float
    ratio: float
    make_up_db: float = 0.0
    mix: float = 1.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Colour:
    """Saturation with the harmonics and emphasis of a kind of machine (``catalogue/characters.toml``: tape, tube)."""

    character: str
    drive_db: float
    mix: float = 1.0


Processor = (
    HighPass
    | Equaliser
    | Compressor
    | Saturation
    | Delay
    | Reverb
    | Width
    | Gain
    | SoftClip
    | Limiter
    | DeEsser
    | Gate
    | TransientShaper
    | DynamicEqualiser
    | MultibandCompressor
    | MidSideEqualiser
    | FirEqualiser
    | Convolution
    | CharacterCompressor
    | Colour
)
PROCESSORS: tuple[type, ...] = get_args(Processor)
