"""Filters: what lies below a track's lowest essential content, what rings, and what covers the lead's words."""

import numpy as np

from tapehand.engines.mixing.heard import HeardTrack
from tapehand.engines.mixing.settings import bounds, role_settings
from tapehand.listening.spectra import CENTRES_HZ
from tapehand.song.mixer import Insert
from tapehand.song.processors import Band, Equaliser, HighPass
from tapehand.units import db_to_gain, power_to_db

MOST_RESONANCES = 2


def high_pass(track: HeardTrack) -> tuple[Insert, str] | None:
    """A high-pass under everything that matters of the track, never above what its role allows; None if too low."""
    limits = bounds("tone")
    lowest_hz = track.spectra.lowest_essential_hz(limits["essential_share"])
    cutoff_hz = float(round(min(role_settings(track.role).high_pass_hz, limits["essential_margin"] * lowest_hz)))
    if cutoff_hz < limits["lowest_high_pass_hz"]:
        return None
    share = 100.0 * limits["essential_share"]
    why = f"High-pass at {cutoff_hz:.0f} Hz: less than {share:.0f} % of it lies below {lowest_hz:.0f} Hz."
    return Insert(name="high-pass", processor=HighPass(cutoff_hz=cutoff_hz)), why


def resonance_bands(track: HeardTrack) -> tuple[tuple[Band, ...], tuple[str, ...]]:
    """Narrow cuts where a track that plays no notes rings for most of its time."""
    limits = bounds("tone")
    if track.role not in limits["resonance_roles"]:
        return (), ()
    found = track.spectra.resonances(
        limits["resonance_db"], limits["resonance_share"], limits["resonance_low_hz"], limits["resonance_high_hz"]
    )[:MOST_RESONANCES]
    cut_db, q = limits["resonance_cut_db"], limits["resonance_q"]
    bands = tuple(Band(kind="peak", frequency_hz=float(round(hz)), gain_db=-cut_db, q=q) for hz, _ in found)
    reasons = tuple(
        f"{cut_db:.0f} dB less at {hz:.0f} Hz: it rings there, {excess:.0f} dB over its neighbourhood, "
        f"in more than {100 * limits['resonance_share']:.0f} % of its time."
        for hz, excess in found
    )
    return bands, reasons


def room_for_lead(track: HeardTrack, gain_db: float, lead_speech_power: float) -> tuple[Band, str] | None:
    """A shallow cut where words are understood, if this track alone comes close to the lead there."""
    limits = bounds("tone")
    if not role_settings(track.role).melodic or lead_speech_power <= 0.0:
        return None
    excess_db = power_to_db(speech_power(track, gain_db) / lead_speech_power)
    if excess_db < limits["clear_lead_excess_db"]:
        return None
    centre_hz = float(round(np.sqrt(limits["clear_lead_low_hz"] * limits["clear_lead_high_hz"])))
    cut_db = limits["clear_lead_cut_db"]
    why = f"{cut_db:.0f} dB less around {centre_hz:.0f} Hz: there it lies {excess_db:+.1f} dB against the lead's words."
    return Band(kind="peak", frequency_hz=centre_hz, gain_db=-cut_db, q=0.9), why


def speech_power(track: HeardTrack, gain_db: float) -> float:
    """Mean power of a track, after a gain, in the range in which words are understood."""
    limits = bounds("tone")
    low_hz, high_hz = limits["clear_lead_low_hz"], limits["clear_lead_high_hz"]
    chosen = [band for band, centre in enumerate(CENTRES_HZ) if low_hz <= centre < high_hz]
    return float(track.spectra.mean[chosen].sum()) * db_to_gain(gain_db) ** 2


def equaliser(bands: tuple[Band, ...]) -> tuple[Insert, ...]:
    """The bands as an insert, if there are any."""
    return (Insert(name="equaliser", processor=Equaliser(bands=bands)),) if bands else ()
