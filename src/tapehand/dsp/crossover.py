"""Bands that add up again: Linkwitz-Riley crossovers, and what is done to a band on its own."""

import math
from collections.abc import Sequence
from itertools import pairwise
from typing import Final, Literal

from tapehand.dsp.filters import band_section, reachable_hz
from tapehand.dsp.sections import Section
from tapehand.dsp.strip_node import ParallelStrips
from tapehand.errors import InternalError
from tapehand.song.processors import Band, Compressor, DeEsser, DynamicEqualiser, MultibandCompressor

BUTTERWORTH_Q: Final = math.sqrt(0.5)
DE_ESSER_KNEE_DB: Final = 4.0


def crossover_sections(crossovers_hz: Sequence[float], rate_hz: int) -> list[list[Section]]:
    """The filters of one band more than crossovers, lowest first; the bands' sum is flat at every frequency.

    Fourth-order Linkwitz-Riley (S. H. Linkwitz, "Active crossover networks for noncoincident drivers", JAES 24(1),
    1976); bands that a crossover does not cut get its phase by an allpass, so that all stay in phase.

    Raises
    ------
    InternalError
        ``dsp.crossover`` for crossovers that do not rise.
    """
    if any(low >= high for low, high in pairwise(crossovers_hz)):
        raise InternalError("dsp.crossover", f"Crossovers must rise: {list(crossovers_hz)}")
    return [_band_sections(number, crossovers_hz, rate_hz) for number in range(len(crossovers_hz) + 1)]


def _band_sections(number: int, crossovers_hz: Sequence[float], rate_hz: int) -> list[Section]:
    sections: list[Section] = []
    for position, frequency_hz in enumerate(crossovers_hz):
        if position < number:
            sections += [_butterworth("high_pass", frequency_hz, rate_hz)] * 2
        elif position == number:
            sections += [_butterworth("low_pass", frequency_hz, rate_hz)] * 2
        else:
            sections.append(_allpass(frequency_hz, rate_hz))
    return sections


class MultibandNode(ParallelStrips):
    """Each band through its own compressor, then summed; at rest the gain is flat.

    Raises
    ------
    InternalError
        ``dsp.crossover`` for crossovers that do not rise, or if there is not one compressor more than crossovers.
    """

    def __init__(self, channels: int, rate_hz: int, settings: MultibandCompressor) -> None:
        if len(settings.bands) != len(settings.crossovers_hz) + 1:
            raise InternalError("dsp.crossover", f"{len(settings.crossovers_hz)} crossovers need one more compressors")
        filters = crossover_sections(settings.crossovers_hz, rate_hz)
        super().__init__(
            channels,
            rate_hz,
            [[*sections, compressor] for sections, compressor in zip(filters, settings.bands, strict=True)],
        )


class DeEsserNode(ParallelStrips):
    """Turns the band above a frequency down while it is too loud; below, nothing but the crossover's phase."""

    def __init__(self, channels: int, rate_hz: int, settings: DeEsser) -> None:
        compressor = Compressor(
            threshold_db=settings.threshold_db,
            ratio=settings.ratio,
            attack_ms=settings.attack_ms,
            release_ms=settings.release_ms,
            knee_db=DE_ESSER_KNEE_DB,
            detector="peak",
        )
        low, high = crossover_sections([settings.frequency_hz], rate_hz)
        super().__init__(channels, rate_hz, [low, [*high, compressor]])


class DynamicEqualiserNode(ParallelStrips):
    """A bell or shelf whose gain is that of a compressor hearing the band alone; at rest, the sound bit for bit.

    The band is taken out and put back turned down: ``x + (g - 1) band(x)``. With the band a resonance, this is the
    analogue peak filter ``(s^2 + g s/Q + 1) / (s^2 + s/Q + 1)``, with a first-order pass it is a first-order shelf.
    """

    def __init__(self, channels: int, rate_hz: int, settings: DynamicEqualiser) -> None:
        compressor = Compressor(
            threshold_db=settings.threshold_db,
            ratio=settings.ratio,
            attack_ms=settings.attack_ms,
            release_ms=settings.release_ms,
            knee_db=settings.knee_db,
        )
        band = _band_of(settings, rate_hz)
        super().__init__(channels, rate_hz, [[], [band, compressor], [band]], [1.0, 1.0, -1.0])


def _butterworth(kind: Literal["low_pass", "high_pass"], frequency_hz: float, rate_hz: int) -> Section:
    return band_section(Band(kind=kind, frequency_hz=frequency_hz, q=BUTTERWORTH_Q), rate_hz)


def _allpass(frequency_hz: float, rate_hz: int) -> Section:
    """What a fourth-order Linkwitz-Riley pair adds up to."""
    low = _butterworth("low_pass", frequency_hz, rate_hz)
    return Section(low.a2, low.a1, 1.0, low.a1, low.a2)


def _band_of(settings: DynamicEqualiser, rate_hz: int) -> Section:
    turn = 2.0 * math.pi * reachable_hz(settings.frequency_hz, rate_hz) / rate_hz
    if settings.kind == "peak":
        alpha = math.sin(turn) / (2.0 * settings.q)
        scale = 1.0 / (1.0 + alpha)
        return Section(alpha * scale, 0.0, -alpha * scale, -2.0 * math.cos(turn) * scale, (1.0 - alpha) * scale)
    warped = math.tan(turn / 2.0)
    pole = (warped - 1.0) / (1.0 + warped)
    if settings.kind == "low_shelf":
        return Section(warped / (1.0 + warped), warped / (1.0 + warped), 0.0, pole, 0.0)
    return Section(1.0 / (1.0 + warped), -1.0 / (1.0 + warped), 0.0, pole, 0.0)
