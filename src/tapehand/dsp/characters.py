"""Compressors and saturation with the behaviour of a kind of machine, as ``catalogue/characters.toml`` tells it."""

from functools import cache
from typing import Any, ClassVar, Final

from tapehand.audio.buffer import Samples
from tapehand.catalogue.loading import load
from tapehand.catalogue.table import Table
from tapehand.dsp.dynamics import GAIN_UNIT_DB, POWER_UNIT_DB, share_of_time
from tapehand.dsp.gating import RiddenNode
from tapehand.dsp.saturation import BentNode, Curve
from tapehand.dsp.strip_node import StripNode
from tapehand.dsp.wiring import Blend
from tapehand.errors import InputError
from tapehand.kernels.dynamics import compressor_follower
from tapehand.song.processors import Band, CharacterCompressor, Colour, Equaliser
from tapehand.units import db_to_gain

LONGEST_MS: Final = 20_000.0


class CharacterCompressorNode:
    """A compressor whose release remembers how long it has held the sound down.

    Raises
    ------
    InputError
        ``dsp.character`` for a kind that the catalogue does not know.
    """

    STATE: ClassVar[tuple[str, ...]] = ("_compressed", "_blend")
    look_ahead_samples: Final = 0

    def __init__(self, channels: int, rate_hz: int, settings: CharacterCompressor) -> None:
        self.channels = channels
        follower = compressor_follower(_compressor_numbers(settings, rate_hz))
        self._compressed = RiddenNode(channels, follower, db_to_gain(settings.make_up_db))
        self._blend = Blend(channels, settings.mix)

    def follow(self, block: Samples) -> Samples:
        """The next block.

        Raises
        ------
        InternalError
            ``render.not_finite`` with the sample of the block.
        """
        return self._blend.follow(block, self._compressed.follow(block))


class ColourNode:
    """Emphasis, a curve, and the emphasis taken back; the level of quiet sound stays.

    Raises
    ------
    InputError
        ``dsp.character`` for a kind that the catalogue does not know.
    """

    STATE: ClassVar[tuple[str, ...]] = ("_before", "_bent", "_after", "_blend")

    def __init__(self, channels: int, rate_hz: int, settings: Colour) -> None:
        self.channels = channels
        before, after = _emphasis(settings.character)
        self._before, self._after = StripNode(channels, rate_hz, before), StripNode(channels, rate_hz, after)
        self._bent = BentNode(channels, rate_hz, _curve(settings))
        self.look_ahead_samples = self._bent.look_ahead_samples
        self._blend = Blend(channels, settings.mix, self.look_ahead_samples)

    def follow(self, block: Samples) -> Samples:
        """The next block.

        Raises
        ------
        InternalError
            ``render.not_finite`` with the sample of the block.
        """
        wet = self._after.follow(self._bent.follow(self._before.follow(block)))
        return self._blend.follow(block, wet)


def _curve(settings: Colour) -> Curve:
    table = character("colours", settings.character)
    return Curve(
        drive=db_to_gain(settings.drive_db),
        bias=table.number("bias", 0.0, 1.0),
        hardness=table.number("hardness", 0.0, 1.0),
    )


def _emphasis(name: str) -> tuple[list[Equaliser], list[Equaliser]]:
    """What stands before the curve and what behind it; nothing where nothing is to be changed."""
    table = character("colours", name)
    emphasis_db, emphasis_hz = table.number("emphasis_db", -24.0, 24.0), table.number("emphasis_hz", 20.0, 20_000.0)
    bump = Band(kind="peak", frequency_hz=table.number("bump_hz", 20.0, 500.0), gain_db=table.number("bump_db", -6, 6))
    before, after = (
        Band(kind="high_shelf", frequency_hz=emphasis_hz, gain_db=each) for each in (emphasis_db, -emphasis_db)
    )
    if not (emphasis_db or bump.gain_db):
        return [], []
    return [Equaliser(bands=(before,))], [Equaliser(bands=(after, bump))]


@cache
def character(kind: str, name: str) -> Table:
    """The numbers of one character; ``kind`` is ``"compressors"`` or ``"colours"``. Raises InputError."""
    known: dict[str, Any] = load("characters")[kind]
    if name not in known:
        listed = ", ".join(known)
        raise InputError("dsp.character", f"There is no {name!r} among the {kind}", hint=f"There are: {listed}.")
    return Table(f"characters: {kind}.{name}", known[name])


def _compressor_numbers(settings: CharacterCompressor, rate_hz: int) -> list[float]:
    """As ``compressor_gain`` of ``native/kernels/dynamics.cpp`` takes them.

    With feedback the detector hears the output: a slope of ``1 - ratio`` there is ``1 / ratio - 1`` at the input. The
    loop shortens the attack by the ratio, which is made up for, and shares of a step are held below what is stable.
    """
    table = character("compressors", settings.character)
    ratio, feedback = max(settings.ratio, 1.0), table.values["feedback"] is True
    window_s = table.number("window_ms", 0.0, 1000.0) / 1e3

    def share(key: str, slower: float = 1.0) -> float:
        return min(share_of_time(slower * table.number(key, 0.0, LONGEST_MS) / 1e3, rate_hz), 0.5 / loop)

    loop = ratio if feedback else 1.0
    return [
        float(table.text("detector") == "peak"),
        share_of_time(window_s, rate_hz),
        settings.threshold_db / POWER_UNIT_DB,
        table.number("knee_db", 0.1, 40.0) / POWER_UNIT_DB,
        0.5 * ((1.0 - ratio) if feedback else (1.0 / ratio - 1.0)),
        float(feedback),
        -table.number("range_db", 0.0, 120.0) / GAIN_UNIT_DB,
        share("attack_ms", slower=loop),
        share("release_ms"),
        share("memory_ms"),
        share("slow_release_ms"),
        table.number("slow_depth", 0.0, 1.0),
    ]
