"""The mixer: inserts, sends, faders, pan, buses, automation.

Pan law: a mono track is panned with constant power, -3 dB at the centre, so that its loudness does not depend on its
place; a stereo track is balanced, 0 dB at the centre, the far side turned down.
"""

from dataclasses import dataclass, field
from typing import Final, Literal

from tapehand.song.processors import Compressor, Gain, Processor
from tapehand.song.region import Span

MIX: Final = "mix"
PAN_LAW_DB: Final = -3.0
AutomatedParameter = Literal["fader_db", "pan"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Insert:
    """A processor in a chain, by a name that is unique in its strip (``"high-pass"``, ``"compressor"``)."""

    name: str
    processor: Processor
    on: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class Send:
    """A copy of the signal to a bus."""

    bus: str
    level_db: float
    pre_fader: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class AutomationPoint:
    """A value at a sample of the song; between points the applied gain moves in a straight line."""

    at_samples: int
    value: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Automation:
    """Points of one parameter, rising in time. ``fader_db`` points replace the fader, they do not add to it."""

    parameter: AutomatedParameter
    points: tuple[AutomationPoint, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Strip:
    """A channel strip. Order of the signal: polarity, delay, inserts, (pre-fader sends), fader, pan, (sends), output.

    ``pan`` runs from -1 (left) to +1 (right); ``polarity`` is 1 or -1; ``delay_samples`` is 0 or more at the song's
    rate; ``output`` names a bus, or ``"mix"``. ``muted`` are the stretches in which the strip is silent, in order and
    apart; they are silent for pre-fader sends as well.
    """

    inserts: tuple[Insert, ...] = ()
    fader_db: float = 0.0
    pan: float = 0.0
    polarity: int = 1
    delay_samples: int = 0
    mute: bool = False
    sends: tuple[Send, ...] = ()
    output: str = MIX
    automation: tuple[Automation, ...] = ()
    muted: tuple[Span, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Bus:
    """A group of tracks, or the return of an effect that tracks send to. Buses feed ``strip.output``."""

    id: str
    name: str
    kind: Literal["group", "return"]
    strip: Strip = field(default_factory=Strip)


def net_gain_db(strip: Strip) -> float:
    """The static gain of a strip: its fader, its trims and the make-up of its compressors. ``-inf`` when it is off."""
    inserted = (_static_gain_db(insert.processor) for insert in strip.inserts if insert.on)
    return sum(inserted, start=strip.fader_db)


def _static_gain_db(processor: Processor) -> float:
    match processor:
        case Gain(gain_db=gain_db):
            return gain_db
        case Compressor(make_up_db=make_up_db):
            return make_up_db
    return 0.0
