"""Filter design: second-order sections from the settings an engineer reads off an equaliser.

Peaks and shelves follow their analogue prototypes up to the top (``dsp.matched``). Passes and the notch, whose zeros
lie at 0 Hz, half the rate or the notch itself, are bilinear: R. Bristow-Johnson, "Cookbook formulae for audio EQ biquad
filter coefficients"; Butterworth qualities from the pole angles. Scalar float64 with Python's ``math``.
"""

import math
from functools import lru_cache
from typing import Final

from tapehand.dsp.matched import matched_section
from tapehand.dsp.sections import Section
from tapehand.errors import InternalError
from tapehand.song.processors import Band, BandKind, Equaliser, HighPass

HIGHEST_SHARE_OF_RATE: Final = 0.49
LOWEST_HZ: Final = 0.5
LOWEST_Q: Final = 0.05
SLOW_POLE: Final = 0.004
MIRRORED_POLES: Final = 0.05


def reachable_hz(frequency_hz: float, rate_hz: int) -> float:
    """``frequency_hz`` held to what a rate can carry: 0.5 Hz to 0.49 of the rate.

    A band meant for 9 kHz therefore does next to nothing on a file of 8 kHz, rather than something else.
    """
    return min(max(frequency_hz, LOWEST_HZ), HIGHEST_SHARE_OF_RATE * rate_hz)


def high_pass_sections(settings: HighPass, rate_hz: int) -> list[Section]:
    """Butterworth high-pass of 6, 12 or 24 dB per octave: one or two sections.

    Raises
    ------
    InternalError
        ``dsp.slope`` for any other slope.
    """
    if settings.slope_db_per_octave == 6:
        return [_first_order_high_pass(settings.cutoff_hz, rate_hz)]
    if settings.slope_db_per_octave not in (12, 24):
        raise InternalError("dsp.slope", f"A high-pass has 6, 12 or 24 dB/oct, not {settings.slope_db_per_octave}")
    order = settings.slope_db_per_octave // 6
    angles = [math.pi * (2 * k + 1) / (2 * order) for k in range(order // 2)]
    return [_cookbook("high_pass", settings.cutoff_hz, 0.0, 0.5 / math.cos(angle), rate_hz) for angle in angles]


def equaliser_sections(settings: Equaliser, rate_hz: int) -> list[Section]:
    """One section for each band, in order."""
    return [band_section(band, rate_hz) for band in settings.bands]


@lru_cache(maxsize=4096)
def band_section(band: Band, rate_hz: int) -> Section:
    """The section of one band; a peak or shelf of 0 dB changes nothing."""
    if band.kind in ("peak", "low_shelf", "high_shelf"):
        if band.gain_db == 0.0:
            return Section(1.0, 0.0, 0.0, 0.0, 0.0)
        frequency_hz, q = max(band.frequency_hz, LOWEST_HZ), max(band.q, LOWEST_Q)
        matched = matched_section(band.kind, frequency_hz, band.gain_db, q, rate_hz)
        if matched is not None:
            return matched
    return _cookbook(band.kind, band.frequency_hz, band.gain_db, band.q, rate_hz)


def forgets_slowly(section: Section) -> bool:
    """Whether float32 would be too coarse for a section, as a pole is within 0.4 % of the unit circle's 1, or near -1.

    The kernel's float32 form turns a coefficient's rounding of 2^-25 into a relative error of 2^-25 over that distance:
    at 0.4 %, -103 dB of what the section adds to the sound.
    """
    half, product = -section.a1 / 2.0, section.a2
    inside = half * half - product
    distance = 1.0 - product if inside <= 0.0 else 1.0 - half - math.sqrt(inside)
    return distance < SLOW_POLE or 1.0 + section.a2 - section.a1 < MIRRORED_POLES


def _first_order_high_pass(cutoff_hz: float, rate_hz: int) -> Section:
    warped = math.tan(math.pi * reachable_hz(cutoff_hz, rate_hz) / rate_hz)
    b0 = 1.0 / (1.0 + warped)
    return Section(b0, -b0, 0.0, (warped - 1.0) / (1.0 + warped), 0.0)


def _cookbook(kind: BandKind, frequency_hz: float, gain_db: float, q: float, rate_hz: int) -> Section:
    turn = 2.0 * math.pi * reachable_hz(frequency_hz, rate_hz) / rate_hz
    cosine, alpha = math.cos(turn), math.sin(turn) / (2.0 * max(q, LOWEST_Q))
    size = 10.0 ** (gain_db / 40.0)
    match kind:
        case "peak":
            above = (1.0 + alpha * size, -2.0 * cosine, 1.0 - alpha * size)
            below = (1.0 + alpha / size, -2.0 * cosine, 1.0 - alpha / size)
        case "low_shelf":
            above, below = _shelf(size, cosine, alpha)
        case "high_shelf":
            above, below = _shelf(size, -cosine, alpha)
            above, below = (above[0], -above[1], above[2]), (below[0], -below[1], below[2])
        case "low_pass":
            rest = 1.0 - cosine
            above, below = (rest / 2.0, rest, rest / 2.0), _resonance(cosine, alpha)
        case "high_pass":
            rest = 1.0 + cosine
            above, below = (rest / 2.0, -rest, rest / 2.0), _resonance(cosine, alpha)
        case "notch":
            above, below = (1.0, -2.0 * cosine, 1.0), _resonance(cosine, alpha)
    return Section(*(b / below[0] for b in above), *(a / below[0] for a in below[1:]))


Triple = tuple[float, float, float]


def _resonance(cosine: float, alpha: float) -> Triple:
    return 1.0 + alpha, -2.0 * cosine, 1.0 - alpha


def _shelf(size: float, cosine: float, alpha: float) -> tuple[Triple, Triple]:
    """A low shelf; mirrored in frequency (cosine and odd coefficients negated) it is the high shelf."""
    more, less, root = size + 1.0, size - 1.0, 2.0 * math.sqrt(size) * alpha
    above = (
        size * (more - less * cosine + root),
        2.0 * size * (less - more * cosine),
        size * (more - less * cosine - root),
    )
    below = (more + less * cosine + root, -2.0 * (less + more * cosine), more + less * cosine - root)
    return above, below
