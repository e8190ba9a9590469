"""Bands that add up again: Linkwitz-Riley crossovers, and what is done to a band on its own."""

import math
from collections.abc import Sequence
from itertools import pairwise
from typing import Final, Literal

import numpy as np

from tapehand.audio import Audio
from tapehand.dsp.filters import band_section, reachable_hz
from tapehand.dsp.sections import Section
from tapehand.dsp.strips import filter_sections, run_strips
from tapehand.errors import InternalError
from tapehand.kernels.bus import narrow_bus
from tapehand.song.processors import Band, Compressor, DeEsser, DynamicEqualiser, MultibandCompressor

BUTTERWORTH_Q: Final = math.sqrt(0.5)
DE_ESSER_KNEE_DB: Final = 4.0


def split_bands(audio: Audio, crossovers_hz: Sequence[float]) -> list[Audio]:
    """One band more than crossovers, lowest first; their sum has the gain of ``audio`` at every frequency.

    Fourth-order Linkwitz-Riley (S. H. Linkwitz, "Active crossover networks for noncoincident drivers", JAES 24(1),
    1976); bands that a crossover does not cut get its phase by an allpass, so that all stay in phase.

    Raises
    ------
    InternalError
        ``dsp.crossover`` for crossovers that do not rise; ``render.not_finite`` for NaN or infinity.
    """
    if any(low >= high for low, high in pairwise(crossovers_hz)):
        raise InternalError("dsp.crossover", f"Crossovers must rise: {list(crossovers_hz)}")
    chains: list[list[Section]] = []
    for number in range(len(crossovers_hz) + 1):
        chain: list[Section] = []
        for position, frequency_hz in enumerate(crossovers_hz):
            if position < number:
                chain += [_butterworth("high_pass", frequency_hz, audio.rate_hz)] * 2
            elif position == number:
                chain += [_butterworth("low_pass", frequency_hz, audio.rate_hz)] * 2
            else:
                chain.append(_allpass(frequency_hz, audio.rate_hz))
        chains.append(chain)
    return filter_sections([audio] * len(chains), chains)


def compress_bands(audio: Audio, settings: MultibandCompressor) -> Audio:
    """Each band through its own compressor, then summed; at rest the gain is flat.

    Raises
    ------
    InternalError
        ``dsp.crossover`` if there is not one compressor more than crossovers; as ``split_bands``.
    """
    if len(settings.bands) != len(settings.crossovers_hz) + 1:
        raise InternalError("dsp.crossover", f"{len(settings.crossovers_hz)} crossovers need one more compressors")
    bands = split_bands(audio, settings.crossovers_hz)
    return weighted_sum([(band, 1.0) for band in run_strips(bands, [[each] for each in settings.bands])])


def de_ess(audio: Audio, settings: DeEsser) -> Audio:
    """Turns the band above ``frequency_hz`` down while it is too loud; below, nothing but the crossover's phase.

    Raises
    ------
    InternalError
        ``render.not_finite`` for NaN or infinity.
    """
    compressor = Compressor(
        threshold_db=settings.threshold_db,
        ratio=settings.ratio,
        attack_ms=settings.attack_ms,
        release_ms=settings.release_ms,
        knee_db=DE_ESSER_KNEE_DB,
        detector="peak",
    )
    low, high = split_bands(audio, [settings.frequency_hz])
    return weighted_sum([(low, 1.0), (run_strips([high], [[compressor]])[0], 1.0)])


def equalise_dynamically(audio: Audio, settings: DynamicEqualiser) -> Audio:
    """A bell or shelf whose gain is that of a compressor hearing the band alone; at rest, the sound bit for bit.

    The band is taken out and put back turned down: ``x + (g - 1) band(x)``. With the band a resonance, this is the
    analogue peak filter ``(s^2 + g s/Q + 1) / (s^2 + s/Q + 1)``, with a first-order pass it is a first-order shelf.

    Raises
    ------
    InternalError
        ``render.not_finite`` for NaN or infinity.
    """
    compressor = Compressor(
        threshold_db=settings.threshold_db,
        ratio=settings.ratio,
        attack_ms=settings.attack_ms,
        release_ms=settings.release_ms,
        knee_db=settings.knee_db,
    )
    band = filter_sections([audio], [[_band_of(settings, audio.rate_hz)]])[0]
    changed = run_strips([band], [[compressor]])[0]
    return weighted_sum([(audio, 1.0), (changed, 1.0), (band, -1.0)])


def weighted_sum(parts: Sequence[tuple[Audio, float]]) -> Audio:
    """The sum of parts of one shape, each by its gain, in float64 in the order given."""
    first = parts[0][0]
    if first.length_samples == 0:
        return first
    total = np.zeros(first.samples.shape)  # no bus: its grid would touch the last bits of the quietest sounds
    for part, gain in parts:
        total += np.multiply(part.samples, gain, dtype=np.float64)
    return Audio(narrow_bus(total), first.rate_hz)


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
