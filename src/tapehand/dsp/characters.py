"""Compressors and saturation with the behaviour of a kind of machine, as ``catalogue/characters.toml`` tells it."""

from functools import cache
from typing import Any, Final

from tapehand.audio import Audio
from tapehand.catalogue.loading import load
from tapehand.catalogue.table import Table
from tapehand.dsp.delay import blend
from tapehand.dsp.dynamics import GAIN_UNIT_DB, POWER_UNIT_DB, share_of_time
from tapehand.dsp.gating import under_gains
from tapehand.dsp.saturation import Curve, bend
from tapehand.dsp.strips import run_strips
from tapehand.errors import InputError
from tapehand.kernels.dynamics import compressor_follower
from tapehand.song.processors import Band, CharacterCompressor, Colour, Equaliser, Gain
from tapehand.units import db_to_gain

LONGEST_MS: Final = 20_000.0


def compress_with_character(audio: Audio, settings: CharacterCompressor) -> Audio:
    """``audio`` through a compressor whose release remembers how long it has held the sound down.

    Raises
    ------
    InputError
        ``dsp.character`` for a kind that the catalogue does not know.
    InternalError
        ``render.not_finite`` for NaN or infinity.
    """
    follower = compressor_follower(_compressor_numbers(settings, audio.rate_hz))
    wet = run_strips([under_gains(audio, follower)], [[Gain(gain_db=settings.make_up_db)]])[0]
    return blend(audio, wet, settings.mix)


def colour(audio: Audio, settings: Colour) -> Audio:
    """``audio`` through emphasis, curve, and emphasis taken back; the level of quiet sound stays.

    Raises
    ------
    InputError
        ``dsp.character`` for a kind that the catalogue does not know.
    InternalError
        ``render.not_finite`` for NaN or infinity.
    """
    table = character("colours", settings.character)
    emphasis_db, emphasis_hz = table.number("emphasis_db", -24.0, 24.0), table.number("emphasis_hz", 20.0, 20_000.0)
    bump = Band(kind="peak", frequency_hz=table.number("bump_hz", 20.0, 500.0), gain_db=table.number("bump_db", -6, 6))
    curve = Curve(
        drive=db_to_gain(settings.drive_db),
        bias=table.number("bias", 0.0, 1.0),
        hardness=table.number("hardness", 0.0, 1.0),
    )
    before = Equaliser(bands=(Band(kind="high_shelf", frequency_hz=emphasis_hz, gain_db=emphasis_db),))
    after = Equaliser(bands=(Band(kind="high_shelf", frequency_hz=emphasis_hz, gain_db=-emphasis_db), bump))
    emphasised = run_strips([audio], [[before]])[0] if emphasis_db else audio
    made = bend(emphasised, curve)
    return blend(audio, run_strips([made], [[after]])[0] if emphasis_db or bump.gain_db else made, settings.mix)


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
