"""One loudness for everything that is compared: by turning down only, and below full scale between the samples."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np

from tapehand.audio import Audio
from tapehand.catalogue.loading import load
from tapehand.dsp.chain import run_chains
from tapehand.meters.loudness import Powers, integrated_of_powers, k_energies, lufs_of_power, weighted_powers
from tapehand.meters.true_peak import true_peak_dbtp
from tapehand.song.processors import Compressor, Gain, Limiter
from tapehand.units import SILENCE_DB, db_to_gain

GUARD_DBTP: Final[float] = load("trials")["matching"]["guard_dbtp"]
SETTLING_PASSES: Final = 12
SETTLED_LU: Final = 0.005


@dataclass(frozen=True, slots=True, kw_only=True)
class Matched:
    """A sound at the common loudness: what it measured before, and how far it was turned down."""

    audio: Audio
    integrated_lufs: float
    true_peak_dbtp: float
    match_gain_db: float


def matched(sounds: Sequence[Audio]) -> list[Matched]:
    """All sounds at one gated loudness (BS.1770, of exactly what is given), each true peak at -1 dBTP or less."""
    powers = [weighted_powers(k_energies(sound)) for sound in sounds]
    levels = [_loudness_lufs(each) for each in powers]
    peaks = [true_peak_dbtp(sound) for sound in sounds]
    gains_db = _settled(powers, match_gains_db(levels, peaks))
    return [
        Matched(audio=turned(sound, gain_db), integrated_lufs=level, true_peak_dbtp=peak, match_gain_db=gain_db)
        for sound, level, peak, gain_db in zip(sounds, levels, peaks, gains_db, strict=True)
    ]


def match_gains_db(levels_lufs: Sequence[float], peaks_dbtp: Sequence[float]) -> list[float]:
    """Gains, all 0 dB or less, that bring everything to one loudness with every true peak at -1 dBTP or less.

    What is silent has no loudness to match and keeps its level.
    """
    loud = [level for level in levels_lufs if level > SILENCE_DB]
    target = min(loud, default=0.0)
    gains = [target - level if level > SILENCE_DB else 0.0 for level in levels_lufs]
    over_db = max((peak + gain - GUARD_DBTP for peak, gain in zip(peaks_dbtp, gains, strict=True)), default=0.0)
    return [gain - max(over_db, 0.0) for gain in gains]


def heard_loudness_lufs(audio: Audio) -> float:
    """Gated loudness; ungated where nothing passes the gate (a stretch under 0.4 s, or below -70 LUFS)."""
    return _loudness_lufs(weighted_powers(k_energies(audio)))


def _loudness_lufs(powers: Powers) -> float:
    gated = integrated_of_powers(powers)
    if gated > SILENCE_DB or powers.size == 0:
        return gated
    return lufs_of_power(float(powers.sum()) / powers.size)


def _settled(powers: Sequence[Powers], gains_db: Sequence[float]) -> list[float]:
    """The gains with what is left of a mismatch taken off: turned down far, soft parts fall under the absolute gate."""
    settled = list(gains_db)
    for _ in range(SETTLING_PASSES):
        levels = [_loudness_lufs(each * db_to_gain(gain) ** 2) for each, gain in zip(powers, settled, strict=True)]
        loud = [level for level in levels if level > SILENCE_DB]
        if not loud or max(loud) - min(loud) < SETTLED_LU:
            break
        settled = [
            gain + (min(loud) - level if level > SILENCE_DB else 0.0)
            for gain, level in zip(settled, levels, strict=True)
        ]
    return settled


def turned(audio: Audio, gain_db: float) -> Audio:
    """``audio`` at another level."""
    return audio if gain_db == 0.0 else Audio.of(audio.samples * np.float32(db_to_gain(gain_db)), audio.rate_hz)


def as_long_as_each_other(sounds: Sequence[Audio]) -> list[Audio]:
    """All as long as the longest, with silence at the end."""
    longest = max((sound.length_samples for sound in sounds), default=0)
    return [sound.span(0, longest) for sound in sounds]


def with_soft_edges(audio: Audio, fade_ms: float) -> Audio:
    """``audio`` with straight fades at both ends, so that a stretch cut out of a song does not click."""
    length = min(round(fade_ms * 0.001 * audio.rate_hz), audio.length_samples // 2)
    samples = audio.samples.copy()
    ramp = ((np.arange(length) + 0.5) / max(length, 1)).astype(np.float32)
    samples[:, :length] *= ramp
    samples[:, samples.shape[1] - length :] *= ramp[::-1]
    return Audio(samples, audio.rate_hz)


def through_preview_master(sounds: Sequence[Audio]) -> list[Audio]:
    """Each sound through one and the same bus chain, fed at one loudness: a glue compressor and a limiter."""
    settings = load("trials")["preview_master"]
    glue = {name: settings[name] for name in ("threshold_db", "ratio", "attack_ms", "release_ms", "knee_db")}
    fed = matched(sounds)
    levels = [level for each in fed if (level := each.integrated_lufs + each.match_gain_db) > SILENCE_DB]
    drive_db = settings["target_lufs"] - min(levels, default=settings["target_lufs"])
    chain = (
        Gain(gain_db=drive_db),
        Compressor(**glue),
        Limiter(drive_db=0.0, ceiling_dbtp=settings["ceiling_dbtp"]),
    )
    return [run_chains([each.audio], [chain])[0] for each in fed]
