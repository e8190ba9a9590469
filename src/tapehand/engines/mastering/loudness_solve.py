"""The drive into the limiter that makes a wanted loudness, and how far one can go without crushing.

Loudness after the limiter is predicted from the limiter's gain and K-weighted energies measured once, in hops of a
millisecond or two, against which the gain moves slowly. The search runs on the prediction; the sound itself is made
and measured once or twice, and what the prediction was off by is taken into the next search.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import ClassVar, Final

import numpy as np
from numpy.typing import NDArray

from tapehand.audio import Audio
from tapehand.audio.buffer import Samples
from tapehand.catalogue.table import Table
from tapehand.dsp.chain import ChainNode
from tapehand.dsp.limiter import LimiterForecast, LimiterNode
from tapehand.dsp.node import run_whole
from tapehand.meters.k_weighting import KEnergyStream
from tapehand.meters.loudness import integrated_lufs, integrated_of_powers, weighted_powers
from tapehand.song.processors import Limiter, Processor
from tapehand.units import gain_to_db
from tapehand.work import Work

WANTED_ERROR_LU: Final = 0.004
# Loudness jumps by up to a hundredth or two where a block crosses the relative gate; nothing lies in between.
GATE_JUMP_LU: Final = 0.02
ALLOWED_ERROR_LU: Final = 0.05
SEARCH_ERROR_LU: Final = 0.001
FURTHEST_DRIVE_DB: Final = 30.0
_FINEST_PARTS: Final = 16
# The forecast works out its gain as often as this at least; look-aheads are a few milliseconds.
_LEAST_STEPS_HZ: Final = 6_000
_SEARCH_STEPS: Final = 40
_ROUNDS: Final = 6


@dataclass(frozen=True, slots=True, kw_only=True)
class Budget:
    """How much limiting is still a master: floors and ceilings of ``catalogue/mastering.toml``, table ``budget``."""

    plr_floor_db: float
    lost_loudness_lu: float
    largest_reduction_db: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Effort:
    """What a drive does, as predicted: loudness reached, loudness eaten by the limiter, deepest reduction of a peak."""

    drive_db: float
    integrated_lufs: float
    lost_loudness_lu: float
    largest_reduction_db: float

    def within(self, budget: Budget, ceiling_dbtp: float) -> bool:
        """Whether it keeps the budget. The peak-to-loudness floor only counts where the limiter works."""
        works = self.largest_reduction_db > 0.0
        return (
            self.lost_loudness_lu <= budget.lost_loudness_lu
            and self.largest_reduction_db <= budget.largest_reduction_db
            and not (works and ceiling_dbtp - self.integrated_lufs < budget.plr_floor_db)
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Solved:
    """The limiter setting that was found, what it made, the loudness measured on that, and the deepest dip."""

    settings: Limiter
    master: Audio
    integrated_lufs: float
    largest_reduction_db: float


def budget_of(table: Table) -> Budget:
    """The budget of the catalogue."""
    return Budget(
        plr_floor_db=table.number("plr_floor_db", 0.0, 30.0),
        lost_loudness_lu=table.number("lost_loudness_lu", 0.0, 30.0),
        largest_reduction_db=table.number("largest_reduction_db", 0.0, 60.0),
    )


class LoudnessSolve:
    """One sound in front of a limiter, asked for different loudnesses.

    Parameters
    ----------
    premaster : what goes into the chain.
    front : the chain in front of the limiter.
    sound : the premaster behind ``front``; not kept.
    settings : of the limiter, whose drive is to be found.
    """

    def __init__(
        self, premaster: Audio, front: Sequence[Processor], sound: Audio, settings: Limiter, work: Work
    ) -> None:
        self._premaster, self._front = premaster, front
        self._settings = settings
        self._work = work
        self._powers, part_samples, self._parts = _fine_powers(sound)
        step_samples = _step_of(part_samples, sound.rate_hz)
        self._steps = part_samples // step_samples
        self._forecast = LimiterForecast(sound, step_samples)
        self.input_lufs = self._predicted_lufs(np.ones(self._powers.size * self._steps, dtype=np.float32))

    @property
    def input_true_peak_dbtp(self) -> float:
        """True peak in front of the limiter."""
        return gain_to_db(self._forecast.true_peak)

    def effort(self, drive_db: float) -> Effort:
        """What the limiter would do at a drive, without making the sound."""
        self._work.check_cancelled()
        gain = self._forecast.gain(replace(self._settings, drive_db=drive_db))
        predicted = self._predicted_lufs(gain) + drive_db
        return Effort(
            drive_db=drive_db,
            integrated_lufs=predicted,
            lost_loudness_lu=self.input_lufs + drive_db - predicted,
            largest_reduction_db=-gain_to_db(float(gain.min(initial=1.0))),
        )

    def effort_for(self, target_lufs: float) -> Effort:
        """The effort of a loudness; the loudest there is where the target lies beyond every drive."""
        least = target_lufs - self.input_lufs
        low = high = self.effort(least)
        step = 1.0
        while high.integrated_lufs < target_lufs and high.drive_db < least + FURTHEST_DRIVE_DB:
            low, high = high, self.effort(min(high.drive_db + step, least + FURTHEST_DRIVE_DB))
            step *= 2.0
        return self._between(low, high, target_lufs)

    def loudest_within(self, budget: Budget, beyond: Effort) -> Effort:
        """The loudest effort that keeps ``budget``, below one that does not."""
        low, high = min(0.0, beyond.drive_db), beyond.drive_db
        kept = self.effort(low)
        while high - low > 0.05:
            tried = self.effort((low + high) / 2.0)
            if tried.within(budget, self._settings.ceiling_dbtp):
                low, kept = tried.drive_db, tried
            else:
                high = tried.drive_db
        return kept

    def solve(self, target_lufs: float) -> Solved:
        """The drive that makes ``target_lufs``; the nearest that was found where no drive does."""
        aim, tried = target_lufs, dict[float, float]()
        for turn in range(_ROUNDS):
            self._work.report("master.loudness", turn, _ROUNDS)
            drive_db = self.effort_for(aim).drive_db
            if drive_db in tried:
                break
            made = self._made(drive_db)
            tried[drive_db] = made.integrated_lufs
            off_lu = target_lufs - made.integrated_lufs
            if abs(off_lu) <= (WANTED_ERROR_LU if turn < 2 else GATE_JUMP_LU):
                return made
            aim += off_lu
            # One sound at a time: they are as large as the song.
            del made
        return self._made(min(tried, key=lambda drive_db: abs(tried[drive_db] - target_lufs)))

    def _made(self, drive_db: float) -> Solved:
        settings = replace(self._settings, drive_db=drive_db)
        chain = _ChainIntoLimiter(self._front, settings, self._premaster)
        master = run_whole(chain, self._premaster)
        return Solved(
            settings=settings,
            master=master,
            integrated_lufs=integrated_lufs(master),
            largest_reduction_db=-gain_to_db(chain.limiter.deepest_gain),
        )

    def _between(self, low: Effort, high: Effort, target_lufs: float) -> Effort:
        """Regula falsi, halving when it creeps: loudness rises with the drive."""
        for turn in range(_SEARCH_STEPS):
            near = min(low, high, key=lambda effort: abs(effort.integrated_lufs - target_lufs))
            rise = high.integrated_lufs - low.integrated_lufs
            if abs(near.integrated_lufs - target_lufs) <= SEARCH_ERROR_LU or rise <= 0.0:
                return near
            share = 0.5 if turn % 3 == 2 else (target_lufs - low.integrated_lufs) / rise
            middle = self.effort(low.drive_db + max(0.0, min(1.0, share)) * (high.drive_db - low.drive_db))
            low, high = (middle, high) if middle.integrated_lufs < target_lufs else (low, middle)
        return near

    def _predicted_lufs(self, gain: NDArray[np.float32]) -> float:
        count = self._powers.size
        squares = np.square(gain[: count * self._steps]).reshape(count, self._steps)
        powers = self._powers * squares.mean(axis=1, dtype=np.float64)
        return integrated_of_powers(powers.reshape(-1, self._parts).sum(axis=1) / self._parts)


class _ChainIntoLimiter:
    """A whole master chain as one node, whose limiter can be asked how far it went.

    The chain runs again for every master that is made, as it will when it is replayed: a limiter in a chain begins to
    count where the sound in front of it does, delays and all, and its last bits hang on that.
    """

    STATE: ClassVar[tuple[str, ...]] = ("_front", "limiter")

    def __init__(self, front: Sequence[Processor], settings: Limiter, premaster: Audio) -> None:
        self._front = ChainNode(front, premaster.channels, premaster.rate_hz, name="master")
        self.limiter = LimiterNode(self._front.channels, premaster.rate_hz, settings)
        self.channels = self.limiter.channels
        self.look_ahead_samples = self._front.look_ahead_samples + self.limiter.look_ahead_samples

    def follow(self, block: Samples) -> Samples:
        return self.limiter.follow(self._front.follow(block))


def _fine_powers(audio: Audio) -> tuple[NDArray[np.float64], int, int]:
    """Weighted powers of equal parts of each hop of 1/50 s; samples of a part; parts of a hop."""
    hop_samples = KEnergyStream(audio.channels, audio.rate_hz).hop_samples
    parts = max(number for number in range(1, _FINEST_PARTS + 1) if hop_samples % number == 0)
    stream = KEnergyStream(audio.channels, audio.rate_hz, hop_samples // parts)
    powers = weighted_powers(stream.feed(audio.samples))
    return powers[: powers.size // parts * parts], stream.hop_samples, parts


def _step_of(part_samples: int, rate_hz: int) -> int:
    """How many samples share one gain of the forecast: as many as a part divides into, and the least rate allows."""
    longest = max(1, math.floor(rate_hz / _LEAST_STEPS_HZ))
    return max(step for step in range(1, longest + 1) if part_samples % step == 0)
