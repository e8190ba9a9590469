"""The static balance: how loud each track should stand, from what is usual and from what came in.

Between good mixes, a role's level differs by a standard deviation s_r from what is usual; a level that comes in may be
wrong by another, s_g, which nobody tells. Incoming deviations from the usual then spread with s_r² + s_g², so s_g is
read off their spread (moment estimator, as in DerSimonian & Laird, 1986), and the best linear estimate keeps
w = s_r² / (s_r² + s_g²) of each deviation (empirical Bayes). A session that spreads no more than good mixes do is
somebody's mix and stays as it is (w = 1); one that was thrown together falls back on what is usual.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from statistics import median
from typing import Final

import numpy as np
from numpy.typing import NDArray

from tapehand.engines.mixing.settings import bounds, role_settings
from tapehand.units import db_to_gain, power_to_db

LEAD_ROLE: Final = "lead_vocal"
BISECTIONS: Final = 60
CLAMP_ROUNDS: Final = 50
GREATEST_ERROR_DB: Final = 60.0
OUTLIER_DEVIATIONS: Final = 2.25

Gains = Mapping[str, float]


@dataclass(frozen=True, slots=True, kw_only=True)
class Voice:
    """A track that takes part in the balance. ``powers`` and ``active`` are per 100 ms frame."""

    id: str
    role: str
    confidence: float
    group: str
    loudness_lufs: float
    peak_dbfs: float
    powers: NDArray[np.float64]
    active: NDArray[np.bool_]

    @property
    def is_lead(self) -> bool:
        """Whether it is a lead voice."""
        return self.role == LEAD_ROLE


@dataclass(frozen=True, slots=True, kw_only=True)
class Usual:
    """The usual level of a track against the lead voice, and how far good mixes differ from it."""

    level_db: float
    sd_db: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Balance:
    """A balance.

    Parameters
    ----------
    gains_db : change of each track's level.
    deviations_db : how far each track came in from its usual place in this session.
    error_db : estimated standard deviation of the incoming level errors; infinite when levels say nothing.
    trust : mean share 0..1 of the incoming deviations that was kept.
    evidence : what the trust rests on, in plain words.
    leads : ids of the tracks that lead (the voice, else the most prominent instrument).
    lead_before_db, lead_after_db : lead against accompaniment while it sounds; None where one of them is missing.
    """

    gains_db: Gains
    deviations_db: Gains
    error_db: float
    trust: float
    evidence: str
    leads: tuple[str, ...]
    lead_before_db: float | None
    lead_after_db: float | None


def solve_balance(voices: Sequence[Voice], target_db: float, sum_peak_dbfs: float) -> Balance:
    """The balance closest to what came in that is still plausible.

    Parameters
    ----------
    voices : every track that sounds and belongs into the mix; at least one.
    target_db : usual lead-to-accompaniment ratio.
    sum_peak_dbfs : peak of the plain sum of the tracks.
    """
    usual = usual_levels(voices)
    accompaniment = [voice for voice in voices if not voice.is_lead]
    error_db, evidence = _incoming_error(accompaniment, usual, voices, sum_peak_dbfs)
    gains, deviations = _settle(accompaniment, usual, error_db)
    if not accompaniment:
        gains, deviations = _settle(voices, usual, error_db)
    gains, deviations = _with_leads(voices, gains, deviations, usual, error_db)
    leads = _leads(voices, gains, usual)
    before = lead_ratio_db(voices, leads, dict.fromkeys(gains, 0.0))
    if any(voice.is_lead for voice in voices):
        gains = _lead_placed(voices, leads, gains, target_db, error_db)
    kept = [_kept_share(usual[voice.id].sd_db, error_db) for voice in accompaniment] or [1.0]
    return Balance(
        gains_db=_anchored(gains),
        deviations_db=deviations,
        error_db=error_db,
        trust=math.fsum(kept) / len(kept),
        evidence=evidence,
        leads=leads,
        lead_before_db=before,
        lead_after_db=lead_ratio_db(voices, leads, gains),
    )


def usual_levels(voices: Sequence[Voice]) -> dict[str, Usual]:
    """The usual level of each track: its role's, less where many share the role, blended with an unknown's by doubt."""
    counts: dict[str, int] = {}
    for voice in voices:
        counts[voice.role] = counts.get(voice.role, 0) + 1
    return {voice.id: _usual(voice, counts[voice.role]) for voice in voices}


def _usual(voice: Voice, count: int) -> Usual:
    role, unknown = role_settings(voice.role), role_settings("unknown")
    level_db = role.level_db - 10.0 * math.log10(max(1.0, count / role.usual))
    sure, doubt = voice.confidence, 1.0 - voice.confidence
    variance = sure * role.sd_db**2 + doubt * unknown.sd_db**2 + sure * doubt * (level_db - unknown.level_db) ** 2
    return Usual(level_db=sure * level_db + doubt * unknown.level_db, sd_db=math.sqrt(variance))


def lead_ratio_db(voices: Sequence[Voice], leads: Sequence[str], gains_db: Gains) -> float | None:
    """Power of the leads over that of all others, in dB, in the frames in which a lead sounds."""
    length = max(voice.powers.size for voice in voices)
    sounding = np.zeros(length, dtype=np.bool_)
    for voice in voices:
        if voice.id in leads:
            sounding[: voice.active.size] |= voice.active
    lead: list[float] = []
    rest: list[float] = []
    for voice in voices:
        energy = float(voice.powers[sounding[: voice.powers.size]].sum()) * db_to_gain(gains_db[voice.id]) ** 2
        (lead if voice.id in leads else rest).append(energy)
    if math.fsum(lead) <= 0.0 or math.fsum(rest) <= 0.0:
        return None
    return power_to_db(math.fsum(lead) / math.fsum(rest))


def _incoming_error(
    accompaniment: Sequence[Voice], usual: Mapping[str, Usual], voices: Sequence[Voice], sum_peak_dbfs: float
) -> tuple[float, str]:
    """Estimated error of the incoming levels in dB, and the evidence in words."""
    limits = bounds("balance")
    if _alike([voice.peak_dbfs for voice in voices], limits["normalised_peak_db"]):
        return math.inf, "all tracks peak at the same level, so somebody normalised them and their levels say nothing"
    if _alike([voice.loudness_lufs for voice in voices], limits["normalised_loudness_db"]):
        return math.inf, "all tracks are equally loud, so somebody levelled them and their levels say nothing"
    error = _error_of_spread(accompaniment, usual, limits["expected_spread"])
    if sum_peak_dbfs > limits["hot_sum_dbfs"]:
        error = max(error, limits["hot_sum_error_db"])
    if error == 0.0:
        return 0.0, "the levels spread no more than in mixes that people made, so they are taken for one"
    return error, f"the levels spread as if each were off by about {error:.1f} dB"


def _alike(levels: Sequence[float], within_db: float) -> bool:
    limits = bounds("balance")
    if len(levels) < limits["normalised_tracks"]:
        return False
    middle = sorted(levels)[len(levels) // 2]
    near = sum(abs(level - middle) <= within_db for level in levels)
    return bool(near >= limits["normalised_share"] * len(levels))


def _error_of_spread(voices: Sequence[Voice], usual: Mapping[str, Usual], expected: float) -> float:
    """The error at which the deviations are just as spread as they should be; 0 where they are no more."""
    if len(voices) < 2:
        return 0.0

    def surplus(error_db: float) -> float:
        deviations = _deviations(voices, usual, error_db)
        parts = []
        for voice in voices:
            variance = usual[voice.id].sd_db ** 2 + error_db**2
            parts.append(min(deviations[voice.id] ** 2 / variance, OUTLIER_DEVIATIONS**2))
        return math.fsum(parts) - expected * (len(voices) - 1)

    if surplus(0.0) <= 0.0:
        return 0.0
    low, high = 0.0, GREATEST_ERROR_DB
    for _ in range(BISECTIONS):
        middle = (low + high) / 2.0
        low, high = (middle, high) if surplus(middle) > 0.0 else (low, middle)
    return high


def _deviations(voices: Sequence[Voice], usual: Mapping[str, Usual], error_db: float) -> dict[str, float]:
    """Incoming level minus usual level, against their weighted mean, which is where this session as a whole lies."""
    raw = {voice.id: voice.loudness_lufs - usual[voice.id].level_db for voice in voices}
    error_db = min(error_db, GREATEST_ERROR_DB)
    return _centred(raw, {key: 1.0 / (usual[key].sd_db ** 2 + error_db**2) for key in raw})


def _centred(values: Mapping[str, float], weights: Mapping[str, float]) -> dict[str, float]:
    mean = math.fsum(values[key] * weights[key] for key in values) / math.fsum(weights.values())
    return {key: value - mean for key, value in values.items()}


def _kept_share(sd_db: float, error_db: float) -> float:
    return 0.0 if math.isinf(error_db) else sd_db**2 / (sd_db**2 + error_db**2)


def _settle(
    voices: Sequence[Voice], usual: Mapping[str, Usual], error_db: float
) -> tuple[dict[str, float], dict[str, float]]:
    """Gains and incoming deviations of these voices among themselves."""
    if not voices:
        return {}, {}
    came = _deviations(voices, usual, error_db)
    kept = {key: _kept_share(usual[key].sd_db, error_db) * deviation for key, deviation in came.items()}
    stays = _clamped(kept, usual)
    return {key: stays[key] - came[key] for key in came}, came


def _clamped(deviations: Mapping[str, float], usual: Mapping[str, Usual]) -> dict[str, float]:
    """Deviations within the bounds of their roles, repeated until the mean they are measured from stands still.

    So a balance that has been clamped is not clamped again.
    """
    most = bounds("balance")["most_deviations"]
    weights = {key: 1.0 / usual[key].sd_db ** 2 for key in deviations}
    settled = dict(deviations)
    for _ in range(CLAMP_ROUNDS):
        centred = _centred(settled, weights)
        shift = {key: settled[key] - centred[key] for key in settled}
        limits = {key: most * usual[key].sd_db for key in settled}
        following = {key: min(max(centred[key], -limits[key]), limits[key]) + shift[key] for key in settled}
        if following == settled:
            break
        settled = following
    return settled


def _with_leads(
    voices: Sequence[Voice],
    gains: dict[str, float],
    deviations: dict[str, float],
    usual: Mapping[str, Usual],
    error_db: float,
) -> tuple[dict[str, float], dict[str, float]]:
    """Several lead voices are settled among themselves; their level as a whole is placed afterwards."""
    missing = [voice for voice in voices if voice.id not in gains]
    among, came = _settle(missing, usual, error_db)
    return {**gains, **among}, {**deviations, **came}


def _leads(voices: Sequence[Voice], gains: Gains, usual: Mapping[str, Usual]) -> tuple[str, ...]:
    """The lead voices, else the most prominent melody instrument, else drums, else whatever is loudest."""
    singing = tuple(voice.id for voice in voices if voice.is_lead)
    if singing:
        return singing
    melodic = [voice for voice in voices if role_settings(voice.role).melodic]
    drums = [voice for voice in voices if voice.group == "drums"]
    for candidates in (melodic, drums, voices):
        if candidates:
            loudest = max(candidates, key=lambda voice: (voice.loudness_lufs + gains[voice.id], voice.peak_dbfs))
            return (loudest.id,)
    return ()


def _lead_placed(
    voices: Sequence[Voice], leads: Sequence[str], gains: dict[str, float], target_db: float, error_db: float
) -> dict[str, float]:
    """The lead against the settled accompaniment: its incoming place as far as it is trusted, within bounds."""
    came = lead_ratio_db(voices, leads, gains)
    if came is None:
        return gains
    limits = bounds("balance")
    sd_db = limits["lead_sd_db"]
    most = limits["most_deviations"] * sd_db
    deviation = _kept_share(sd_db, error_db) * (came - target_db)
    move = target_db + min(max(deviation, -most), most) - came
    return {key: gain + move if key in leads else gain for key, gain in gains.items()}


def _anchored(gains: Mapping[str, float]) -> dict[str, float]:
    """Gains around 0 dB, so that what needs no move gets none, and none beyond what a fader can do."""
    limits = bounds("balance")
    middle = median(gains.values())
    most = limits["most_move_db"]
    centred = {key: min(max(gain - middle, -most), most) for key, gain in gains.items()}
    return under_highest_fader(centred)


def under_highest_fader(gains: Mapping[str, float]) -> dict[str, float]:
    """All gains lowered together until none exceeds the highest fader position."""
    over = max(gains.values()) - bounds("balance")["highest_fader_db"]
    return {key: gain - max(0.0, over) for key, gain in gains.items()}
