"""The stages in front of the limiter: each looks at the sound as it stands and proposes one insert, or says why not."""

import math
from dataclasses import dataclass, replace

import numpy as np

from tapehand.audio import Audio
from tapehand.catalogue.table import Table
from tapehand.engines.mastering import tone
from tapehand.engines.mastering.wishes import MasterWishes, settings
from tapehand.meters.loudness import Loudness, loudness
from tapehand.meters.spectrum import third_octave_spectrum
from tapehand.meters.stereo import channel_sums
from tapehand.meters.true_peak import true_peak
from tapehand.song.mixer import Insert
from tapehand.song.processors import Band, Compressor, Equaliser, HighPass, Limiter, Processor, SoftClip, Width
from tapehand.song.proposal import Evidence
from tapehand.units import db_to_gain, finite_or_none, gain_to_db, power_to_db


@dataclass(frozen=True, slots=True, kw_only=True)
class Planned:
    """What a stage wants: its insert, switched off and neutral where it has nothing to do, and why in plain words."""

    insert: Insert
    why: str
    evidence: tuple[Evidence, ...] = ()


def _off(name: str, neutral: Processor, why: str, evidence: tuple[Evidence, ...] = ()) -> Planned:
    return Planned(insert=Insert(name=name, processor=neutral, on=False), why=why, evidence=evidence)


def plan_rumble(audio: Audio, _wishes: MasterWishes) -> Planned:
    """A high-pass, only where there is rumble or a constant offset to take away."""
    rules = settings().table("rumble")
    share_db, offset_dbfs = _rumble_share_db(audio), _offset_dbfs(audio)
    evidence = (
        Evidence(name="energy below 30 Hz against all", unit="dB", before=finite_or_none(share_db)),
        Evidence(name="constant offset", unit="dBFS", before=finite_or_none(offset_dbfs)),
    )
    rumbles, offset = share_db > rules.number("share_db", -90, 0), offset_dbfs > rules.number("offset_dbfs", -120, 0)
    high_pass = HighPass(
        cutoff_hz=rules.number("cutoff_hz", 5, 60), slope_db_per_octave=int(rules.number("slope_db_per_octave", 6, 24))
    )
    if not (rumbles or offset):
        return _off("rumble filter", high_pass, "No rumble and no constant offset to take away.", evidence)
    found = "Rumble below 30 Hz" if rumbles else "A constant offset"
    return Planned(
        insert=Insert(name="rumble filter", processor=high_pass),
        why=f"{found} eats level that nobody hears; filtered below {high_pass.cutoff_hz:g} Hz.",
        evidence=evidence,
    )


def plan_tone(audio: Audio, wishes: MasterWishes) -> Planned:
    """Gentle bands towards the reference's spectrum, or back into the tolerance around the neutral curve."""
    table = settings().table("tone")
    reference = wishes.reference if "eq" in wishes.match else None
    rules = tone.tone_rules(table, "tolerance_db" if reference is None else "reference_tolerance_db")
    aim = tone.curve_points(table) if reference is None else tone.spectrum_points(third_octave_spectrum(reference))
    named = "the curve of released mixes" if reference is None else "the reference"
    away = tone.deviation(third_octave_spectrum(audio), aim, rules) if aim else ()
    evidence = (Evidence(name=f"distance to {named}", unit="dB", before=round(tone.spread_db(away), 2)),)
    if not away:
        return _off("tone", Equaliser(bands=()), "Too little of the spectrum is filled to speak of its balance.")
    bands = tone.correction(away, rules, wishes.strength_percent / 100.0)
    if not bands:
        why = f"The balance lies within {rules.tolerance_db:g} dB of {named}, or no strength was asked for."
        return _off("tone", Equaliser(bands=()), why, evidence)
    return Planned(
        insert=Insert(name="tone", processor=Equaliser(bands=bands)),
        why=f"Towards {named} by {wishes.strength_percent:g} %: {', '.join(_told(band) for band in bands)}.",
        evidence=evidence,
    )


def plan_width(audio: Audio, wishes: MasterWishes) -> Planned:
    """The side's level towards the reference's."""
    rules = settings().table("width")
    if wishes.reference is None or "width" not in wishes.match:
        return _off("width", Width(), "Left as it is: no reference was given to match it to.")
    mine, aim = channel_sums(audio).side_to_mid_db, channel_sums(wishes.reference).side_to_mid_db
    if mine is None or aim is None or not (math.isfinite(mine) and math.isfinite(aim)):
        return _off("width", Width(), "Left as it is: the mix or the reference is mono.")
    evidence = (Evidence(name="side against mid", unit="dB", before=round(mine, 2), target=f"{aim:.1f} dB"),)
    if abs(aim - mine) <= rules.number("tolerance_db", 0, 12):
        return _off("width", Width(), "Already as wide as the reference.", evidence)
    most_db = rules.number("most_db", 0, 12)
    change_db = round(max(-most_db, min(most_db, (aim - mine) * wishes.strength_percent / 100.0)), 1)
    if change_db == 0.0:
        return _off("width", Width(), "Left as it is: no strength was asked for.", evidence)
    return Planned(
        why=f"Side {change_db:+.1f} dB, towards the reference.",
        insert=Insert(name="width", processor=Width(width=round(db_to_gain(change_db), 4))),
        evidence=evidence,
    )


def plan_dynamics(audio: Audio, wishes: MasterWishes) -> Planned:
    """A slow compressor where the mix moves more than the reference. Nothing is ever expanded."""
    rules = settings().table("dynamics")
    if wishes.reference is None or "dynamics" not in wishes.match:
        return _off("dynamics", _slow_compressor(rules), "Left as they are: no reference was given to match them to.")
    mine, aim = loudness(audio), loudness(wishes.reference)
    evidence = (
        Evidence(name="loudness range", unit="LU", before=round(mine.range_lu, 2), target=f"{aim.range_lu:.1f} LU"),
    )
    moves_more = mine.range_lu - aim.range_lu > rules.number("tolerance_lu", 0, 12)
    if not moves_more or wishes.strength_percent == 0.0 or not math.isfinite(mine.integrated_lufs):
        why = "Left as they are: the mix moves no more than the reference."
        return _off("dynamics", _slow_compressor(rules), why, evidence)
    compressor = _matched_compressor(mine, aim, wishes.strength_percent / 100.0, rules)
    return Planned(
        why=f"The mix moves over {mine.range_lu:.1f} LU, the reference over {aim.range_lu:.1f}: "
        f"a slow compressor of {compressor.ratio:g}:1.",
        insert=Insert(name="dynamics", processor=compressor),
        evidence=evidence,
    )


def plan_soft_clip(audio: Audio, needed_reduction_db: float) -> Planned:
    """Part of the reduction that the highest peak needs, taken by bending instead of ducking."""
    rules = settings().table("soft_clip")
    if needed_reduction_db < rules.number("least_reduction_db", 0, 24):
        return _off("soft clip", SoftClip(drive_db=0.0), "Not needed: the limiter has little to do.")
    shave_db = min(rules.number("most_db", 0, 12), rules.number("share", 0, 1) * needed_reduction_db)
    peak = true_peak(audio.samples)
    # The parabola reaches its top at twice the distance from knee to top, which is where the highest peak is put.
    top = peak * db_to_gain(-shave_db)
    knee = max(2.0 * top - peak, top * db_to_gain(-rules.number("hardest_knee_db", 0.1, 24)))
    return Planned(
        why=f"The highest peaks are bent by up to {shave_db:.1f} dB, so that the limiter ducks the rest less.",
        insert=Insert(
            name="soft clip",
            processor=SoftClip(
                drive_db=0.0, ceiling_db=round(gain_to_db(top), 3), knee_db=round(gain_to_db(top / knee), 3)
            ),
        ),
    )


def limiter_for(needed_reduction_db: float, ceiling_dbtp: float) -> Limiter:
    """A limiter whose speed suits what it has to take off; its drive is still to be found.

    It does not let go more slowly where the sound is dense: as loud as a target says, that sounds no different and
    takes more drive, and the loudest targets could not be reached at all.
    """
    for mode in settings().table("limiter").rows("modes"):
        if needed_reduction_db <= mode.number("up_to_reduction_db", 0, 1000):
            break
    return Limiter(
        drive_db=0.0,
        ceiling_dbtp=ceiling_dbtp,
        look_ahead_ms=mode.number("look_ahead_ms", 0.1, 50),
        release_ms=mode.number("release_ms", 1, 5000),
        slow_release_ms=mode.number("slow_release_ms", 1, 10_000),
        dense_release_ms=mode.number("release_ms", 1, 5000),
    )


def _slow_compressor(rules: Table) -> Compressor:
    """Neutral, with the times of the catalogue."""
    return Compressor(
        threshold_db=0.0,
        ratio=1.0,
        attack_ms=rules.number("attack_ms", 0.1, 500),
        release_ms=rules.number("release_ms", 1, 5000),
        knee_db=rules.number("knee_db", 0, 24),
    )


def _matched_compressor(mine: Loudness, aim: Loudness, strength: float, rules: Table) -> Compressor:
    """The ratio that would bring the range there, softened by strength."""
    full = min(mine.range_lu / max(aim.range_lu, 1.0), rules.number("most_ratio", 1, 20))
    return replace(
        _slow_compressor(rules),
        threshold_db=round(mine.integrated_lufs - rules.number("below_loudness_db", 0, 30), 1),
        ratio=round(1.0 + strength * (full - 1.0), 2),
    )


def _rumble_share_db(audio: Audio) -> float:
    """Level of the third-octaves around 25 Hz against the whole."""
    levels = third_octave_spectrum(audio).levels_db
    powers = [10.0 ** (level / 10.0) for level in levels]
    whole = math.fsum(powers)
    return power_to_db(powers[0] / whole) if whole > 0.0 else -math.inf


def _offset_dbfs(audio: Audio) -> float:
    if audio.length_samples == 0:
        return -math.inf
    sums = audio.samples.sum(axis=1, dtype=np.float64)
    return gain_to_db(max(abs(float(total)) for total in sums) / audio.length_samples)


def _told(band: Band) -> str:
    shape = {"low_shelf": "below", "high_shelf": "above"}.get(band.kind, "around")
    frequency = f"{band.frequency_hz / 1000:g} kHz" if band.frequency_hz >= 1000 else f"{band.frequency_hz:g} Hz"
    return f"{band.gain_db:+.1f} dB {shape} {frequency}"
