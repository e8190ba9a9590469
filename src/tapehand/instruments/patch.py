"""What a sound is made of: the nouns of ``catalogue/instruments.toml``, with their defaults.

A sound is a sum of layers (a source, filters, an envelope each), then shaped as a whole. Times are in seconds, or, for
a sound that is ``stretched``, in shares of the note's length.
"""

from dataclasses import dataclass, fields, is_dataclass
from typing import Any, TypeVar

from tapehand.errors import InputError

Part = TypeVar("Part")


@dataclass(frozen=True, slots=True, kw_only=True)
class EnvelopeShape:
    """Attack, hold, decay to a sustain level, release; ``decay_s`` and ``release_s`` are times to fall by 60 dB."""

    attack_s: float = 0.0
    hold_s: float = 0.0
    decay_s: float = 1.0
    sustain: float = 0.0
    release_s: float = 0.05


@dataclass(frozen=True, slots=True, kw_only=True)
class FilterShape:
    """A state-variable filter of 12 dB an octave a stage.

    The cutoff moves by octaves: with pitch (``key_follow`` octaves an octave, counted from middle C), with velocity
    (``velocity_octaves`` lower for the softest note), by its envelope, by a sine (``wobble``), in a line (``bend``).
    """

    kind: str = "low"
    cutoff_hz: float = 1000.0
    q: float = 0.707
    stages: int = 1
    key_follow: float = 0.0
    velocity_octaves: float = 0.0
    octaves: float = 0.0
    wobble_octaves: float = 0.0
    wobble_hz: float = 0.0
    bend_octaves: float = 0.0
    envelope: EnvelopeShape = EnvelopeShape()


@dataclass(frozen=True, slots=True, kw_only=True)
class PitchShape:
    """Pitch over time; ``hz`` fixes it, else it follows the note by ``ratio``.

    ``sweep`` and ``click``: how many times its own frequency is added at the start, and the time constant in which
    that falls to 1/e.
    """

    hz: float = 0.0
    ratio: float = 1.0
    cents: float = 0.0
    vibrato_cents: float = 0.0
    vibrato_hz: float = 5.0
    vibrato_delay_s: float = 0.3
    drift_cents: float = 0.0
    drift_hz: float = 1.5
    sweep: float = 0.0
    sweep_s: float = 0.01
    click: float = 0.0
    click_s: float = 0.002
    scoop_cents: float = 0.0
    scoop_s: float = 0.08
    bend_octaves: float = 0.0
    bend_curve: float = 0.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Oscillator:
    """One wave; without ``phase`` each note starts it somewhere else."""

    shape: str = "saw"
    ratio: float = 1.0
    cents: float = 0.0
    level: float = 1.0
    pan: float = 0.0
    width: float = 0.5
    phase: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class FmPair:
    """A sine bent by a sine; ``index`` in radians falls by 60 dB in ``index_decay_s`` to ``index_stays``."""

    carrier: float = 1.0
    modulator: float = 1.0
    index: float = 1.0
    index_decay_s: float = 1.0
    index_stays: float = 0.0
    velocity_index: float = 0.0
    feedback: float = 0.0
    decay_s: float = 1e6
    level: float = 1.0
    pan: float = 0.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Partials:
    """A bank of decaying partials.

    Either ``modes`` (frequency ratio, level in dB, 60 dB decay in seconds), or ``count`` of a stiff string
    (``stiffness`` is B in ``k * sqrt(1 + B k²)``, Fletcher 1964), or with ``high_ratio`` a cloud between 1 and it.
    """

    modes: tuple[tuple[float, float, float], ...] = ()
    count: int = 0
    stiffness: float = 0.0
    high_ratio: float = 0.0
    tilt_db: float = -6.0
    velocity_tilt_db: float = 0.0
    decay_s: float = 1.0
    decay_tilt: float = 0.0
    decay_key: float = 0.0
    strike: float = 0.0
    strings: int = 1
    detune_cents: float = 0.0
    spread: float = 0.0
    damped_s: float = 0.1
    seed: int = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class PluckedString:
    """A string: 60 dB ``decay_s`` at middle C, ``damping`` (0..1) of its highs, how and where it is plucked."""

    decay_s: float = 3.0
    decay_key: float = -0.5
    damping: float = 0.3
    damped_s: float = 0.08
    position: float = 0.2
    softness: float = 0.5
    velocity_softness: float = 0.3
    hardness: float = 0.5
    pickup: float = 0.0


@dataclass(frozen=True, slots=True, kw_only=True)
class NoiseSource:
    """White or pink noise; ``width`` 0 is mono."""

    pink: bool = False
    width: float = 0.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Dust:
    """Crackle: impulses a second."""

    per_second: float = 10.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Layer:
    """One source and what shapes it. Exactly one of the sources is given.

    ``velocity_db`` is what the softest note loses in this layer beyond the whole sound's own loss. ``hits_s`` are
    further strikes of the same layer (hands of a clap). ``formants`` (Hz, Q, dB) sound side by side. Partials and
    strings decay by themselves: ``amp`` is left out for them.
    """

    oscillators: tuple[Oscillator, ...] = ()
    fm: tuple[FmPair, ...] = ()
    partials: Partials | None = None
    string: PluckedString | None = None
    noise: NoiseSource | None = None
    dust: Dust | None = None
    pitch: PitchShape = PitchShape()
    amp: EnvelopeShape | None = None
    filters: tuple[FilterShape, ...] = ()
    formants: tuple[tuple[float, float, float], ...] = ()
    drive: float = 0.0
    bias: float = 0.0
    level_db: float = 0.0
    velocity_db: float = 0.0
    pan: float = 0.0
    delay_s: float = 0.0
    hits_s: tuple[float, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Vary:
    """How far two hits differ: standard spread of tuning, level and filter cutoffs of each layer."""

    cents: float = 0.0
    level_db: float = 0.0
    octaves: float = 0.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Finish:
    """What happens to the sum of layers."""

    drive: float = 0.0
    bias: float = 0.0
    crush_hz: float = 0.0
    crush_bits: float = 12.0
    filters: tuple[FilterShape, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Voice:
    """A whole sound, as one note or hit makes it.

    ``takes`` is the number of different performances of the same hit; ``velocity_curve`` the power of velocity that
    the level follows. A ``one_shot`` rings out whatever the note's length; ``stretched`` times are shares of it;
    ``reversed_time`` plays the sound backwards so that it ends with the note. ``console`` is what every piece of a
    kit runs through after its own ``finish``.
    """

    layers: tuple[Layer, ...]
    gain_db: float = 0.0
    pan: float = 0.0
    tune_semitones: float = 0.0
    velocity_curve: float = 1.4
    takes: int = 4
    one_shot: bool = False
    stretched: bool = False
    reversed_time: bool = False
    vary: Vary = Vary()
    finish: Finish = Finish()
    console: Finish = Finish()


@dataclass(frozen=True, slots=True, kw_only=True)
class Ensemble:
    """Chorus and tremolo over all notes of a region."""

    chorus: float = 0.0
    chorus_delay_s: float = 0.008
    chorus_depth_s: float = 0.002
    chorus_hz: float = 0.6
    shimmer_depth_s: float = 0.0
    shimmer_hz: float = 6.0
    tremolo: float = 0.0
    tremolo_hz: float = 5.0
    tremolo_ahead: float = 0.0

    @property
    def chorus_s(self) -> float:
        """The latest that the chorus repeats a sound."""
        return self.chorus_delay_s + self.chorus_depth_s + self.shimmer_depth_s if self.chorus else 0.0


_NESTED: dict[tuple[type, str], type] = {
    (FilterShape, "envelope"): EnvelopeShape,
    (Layer, "oscillators"): Oscillator,
    (Layer, "fm"): FmPair,
    (Layer, "partials"): Partials,
    (Layer, "string"): PluckedString,
    (Layer, "noise"): NoiseSource,
    (Layer, "dust"): Dust,
    (Layer, "pitch"): PitchShape,
    (Layer, "amp"): EnvelopeShape,
    (Layer, "filters"): FilterShape,
    (Finish, "filters"): FilterShape,
    (Voice, "layers"): Layer,
    (Voice, "vary"): Vary,
    (Voice, "finish"): Finish,
    (Voice, "console"): Finish,
}


def part_from(kind: type[Part], table: dict[str, Any], place: str) -> Part:
    """A part of a patch from its TOML table.

    Raises
    ------
    InputError : ``catalogue.invalid`` for a key that the part does not have, with its place.
    """
    assert is_dataclass(kind)
    known = {f.name for f in fields(kind)}
    if unknown := sorted(set(table) - known):
        raise InputError("catalogue.invalid", f"{place} has no {', '.join(unknown)}")
    return kind(**{name: _value(kind, name, value, f"{place}.{name}") for name, value in table.items()})


def _value(kind: type, name: str, value: Any, place: str) -> Any:
    nested = _NESTED.get((kind, name))
    if nested is not None and isinstance(value, list):
        return tuple(part_from(nested, entry, f"{place}.{index}") for index, entry in enumerate(value))
    if nested is not None:
        return part_from(nested, value, place)
    return tuple(tuple(row) if isinstance(row, list) else row for row in value) if isinstance(value, list) else value
