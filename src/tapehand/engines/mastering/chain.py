"""From a mix and wishes to a master chain: concrete settings, each stage measured, the sum exact.

Every stage sees the sound as the stages before it left it. The chain is plain song processors; running it over the
same mix gives the very samples that were measured here.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from tapehand.audio import Audio
from tapehand.dsp.chain import run_chains
from tapehand.engines.mastering.loudness_solve import (
    ALLOWED_ERROR_LU,
    Budget,
    Effort,
    LoudnessSolve,
    Solved,
    budget_of,
)
from tapehand.engines.mastering.stages import (
    Planned,
    limiter_for,
    plan_dynamics,
    plan_rumble,
    plan_soft_clip,
    plan_tone,
    plan_width,
)
from tapehand.engines.mastering.wishes import MasterWishes, settings
from tapehand.errors import InputError, Refused
from tapehand.meters.loudness import ABSOLUTE_GATE_LUFS, integrated_lufs
from tapehand.meters.summary import Meter, measure
from tapehand.meters.true_peak import true_peak_dbtp
from tapehand.song.mixer import Insert
from tapehand.song.proposal import Evidence
from tapehand.work import Work

SHAPING: Final[tuple[Callable[[Audio, MasterWishes], Planned], ...]] = (
    plan_rumble,
    plan_tone,
    plan_width,
    plan_dynamics,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Stage:
    """One insert of the chain, and the integrated loudness in front of it and behind it."""

    insert: Insert
    before_lufs: float
    after_lufs: float
    why: str
    evidence: tuple[Evidence, ...] = ()

    @property
    def delta_lu(self) -> float:
        """What it did to the loudness. The stages' deltas sum to that of the whole chain."""
        return self.after_lufs - self.before_lufs


@dataclass(frozen=True, slots=True, kw_only=True)
class MasterChain:
    """A master worked out: what each stage did, and the sound itself with its meters."""

    stages: tuple[Stage, ...]
    master: Audio
    before: Meter
    after: Meter
    wishes: MasterWishes

    @property
    def inserts(self) -> tuple[Insert, ...]:
        """The master chain."""
        return tuple(stage.insert for stage in self.stages)


def apply_chain(audio: Audio, inserts: tuple[Insert, ...]) -> Audio:
    """``audio`` through inserts that are on."""
    return run_chains([audio], [[insert.processor for insert in inserts if insert.on]], names=["master"])[0]


def work_out(premaster: Audio, wishes: MasterWishes, work: Work, *, level_only: bool = False) -> MasterChain:
    """The chain that makes ``premaster`` what ``wishes`` say. ``level_only`` leaves tone, width and dynamics alone.

    Raises
    ------
    InputError
        ``master.silent`` where there is nothing loud enough, or too little, to measure.
    Refused
        ``master.too_loud`` where the target needs more limiting than the budget allows and the cost was not accepted.
    """
    before = measure(premaster)
    if before.integrated_lufs <= ABSOLUTE_GATE_LUFS:
        raise InputError(
            "master.silent", "There is nothing to master: silent, or shorter than 0.4 s", hint="Check the file."
        )
    rack = _Rack(premaster, before.integrated_lufs)
    for done, plan in enumerate(() if level_only else SHAPING):
        work.report("master.shape", done, len(SHAPING))
        rack.add(plan(rack.sound, wishes))
    ready = _Ready(rack, wishes.target_lufs, wishes.ceiling_dbtp, work)
    _refuse_crushing(ready, rack, wishes, before)
    solve, stages, loudness_lufs = ready.solve, ready.stages, ready.loudness_lufs
    # The sounds in between are as large as the song, and done with.
    del rack, ready
    solved = solve.solve(wishes.target_lufs)
    _refuse_missed(solved, wishes)
    return MasterChain(
        stages=(*stages, _limiter_stage(solved, loudness_lufs)),
        master=solved.master,
        before=before,
        after=measure(solved.master),
        wishes=wishes,
    )


class _Rack:
    """The chain as it grows, with the sound as it leaves the last stage."""

    def __init__(self, premaster: Audio, loudness_lufs: float) -> None:
        self.premaster = premaster
        self.sound = premaster
        self.loudness_lufs = loudness_lufs
        self.stages: list[Stage] = []

    def add(self, planned: Planned) -> None:
        """Put the next insert in. The whole chain runs again from the start, as it will when it is replayed."""
        before_lufs = self.loudness_lufs
        if planned.insert.on:
            inserts = (*(stage.insert for stage in self.stages), planned.insert)
            # What stood here is as large as the song: it goes before the next comes.
            self.sound = self.premaster
            self.sound = apply_chain(self.premaster, inserts)
            self.loudness_lufs = integrated_lufs(self.sound)
        self.stages.append(
            Stage(
                insert=planned.insert,
                before_lufs=before_lufs,
                after_lufs=self.loudness_lufs,
                why=planned.why,
                evidence=planned.evidence,
            )
        )


class _Ready(_Rack):
    """A rack with the soft clip that a target wants, and the limiter behind it ready to be asked."""

    def __init__(self, rack: _Rack, target_lufs: float, ceiling_dbtp: float, work: Work) -> None:
        super().__init__(rack.premaster, rack.loudness_lufs)
        self.sound, self.stages = rack.sound, list(rack.stages)
        # How far the highest peak would stand above the ceiling at the target, were there no limiter.
        needed_db = true_peak_dbtp(self.sound) + (target_lufs - self.loudness_lufs) - ceiling_dbtp
        self.add(plan_soft_clip(self.sound, needed_db))
        self.work = work
        front = [stage.insert.processor for stage in self.stages if stage.insert.on]
        limiter = limiter_for(needed_db, ceiling_dbtp)
        self.solve = LoudnessSolve(self.premaster, front, self.sound, limiter, work)
        self.effort = self.solve.effort_for(target_lufs)
        self._target_lufs, self._ceiling_dbtp = target_lufs, ceiling_dbtp

    def keeps(self, budget: Budget) -> bool:
        """Whether the target can be reached within the budget."""
        reached = self.effort.integrated_lufs >= self._target_lufs - ALLOWED_ERROR_LU
        return reached and self.effort.within(budget, self._ceiling_dbtp)


def _limiter_stage(solved: Solved, input_lufs: float) -> Stage:
    drive_db, reduction_db = solved.settings.drive_db, solved.largest_reduction_db
    lost_lu = input_lufs + drive_db - solved.integrated_lufs
    if reduction_db > 0.0:
        told = f"takes up to {reduction_db:.1f} dB off the highest peaks, which costs {lost_lu:.1f} LU"
    else:
        told = "stands by, as no peak reaches it"
    return Stage(
        insert=Insert(name="limiter", processor=solved.settings),
        before_lufs=input_lufs,
        after_lufs=solved.integrated_lufs,
        why=f"{drive_db:+.2f} dB for the loudness asked; the limiter {told}. "
        f"True peak held at {solved.settings.ceiling_dbtp:g} dBTP.",
        evidence=(
            Evidence(name="gain into the limiter", unit="dB", after=round(drive_db, 3)),
            Evidence(name="largest reduction of a peak", unit="dB", after=round(reduction_db, 2)),
        ),
    )


def _refuse_crushing(ready: _Ready, rack: _Rack, wishes: MasterWishes, before: Meter) -> None:
    budget = budget_of(settings().table("budget"))
    if not wishes.accept_cost and not ready.keeps(budget):
        raise _too_loud(ready.effort, _loudest_safe_lufs(ready, rack, budget, wishes), wishes, before)


def _loudest_safe_lufs(ready: _Ready, rack: _Rack, budget: Budget, wishes: MasterWishes) -> float:
    """The loudest target, in tenths, that would not be refused: estimated, then tried with its own soft clip."""
    tenths = math.floor(ready.solve.loudest_within(budget, ready.effort).integrated_lufs * 10.0)
    while not _Ready(rack, tenths / 10.0, wishes.ceiling_dbtp, ready.work).keeps(budget):
        tenths -= 1
    return tenths / 10.0


def _too_loud(wanted: Effort, loudest_lufs: float, wishes: MasterWishes, before: Meter) -> Refused:
    plr_db = wishes.ceiling_dbtp - wishes.target_lufs
    if wanted.integrated_lufs < wishes.target_lufs - ALLOWED_ERROR_LU:
        takes = f"even {wanted.drive_db:.0f} dB of gain make no more than {wanted.integrated_lufs:.1f} LUFS"
    else:
        takes = f"{wishes.target_lufs:g} LUFS takes {wanted.drive_db:.1f} dB of gain"
    cost = (
        f"{takes} on a mix whose peaks stand at {before.true_peak_dbtp:.1f} dBTP: "
        f"{wanted.largest_reduction_db:.1f} dB off the highest peaks, {wanted.lost_loudness_lu:.1f} dB of the gain "
        f"lost again, peak to loudness from {before.true_peak_dbtp - before.integrated_lufs:.1f} to {plr_db:.1f} dB"
    )
    return Refused(
        "master.too_loud",
        f"{wishes.target_lufs:g} LUFS would crush this mix: {cost}",
        hint=f"The loudest safe master is {loudest_lufs:g} LUFS; say that the cost is accepted to go on.",
        cost={
            "loudest_safe_lufs": loudest_lufs,
            "cost": cost,
            "drive_db": round(wanted.drive_db, 2),
            "largest_reduction_db": round(wanted.largest_reduction_db, 2),
            "lost_loudness_lu": round(wanted.lost_loudness_lu, 2),
        },
    )


def _refuse_missed(solved: Solved, wishes: MasterWishes) -> None:
    """No silent miss: what cannot be made is said, even where the cost was accepted."""
    if abs(solved.integrated_lufs - wishes.target_lufs) <= ALLOWED_ERROR_LU:
        return
    reached = math.floor(solved.integrated_lufs * 10.0) / 10.0
    cost = f"at any gain this mix reaches {solved.integrated_lufs:.1f} LUFS under {wishes.ceiling_dbtp:g} dBTP"
    raise Refused(
        "master.out_of_reach",
        f"{wishes.target_lufs:g} LUFS cannot be made: {cost}",
        hint="Ask for less, or raise the ceiling.",
        cost={"loudest_safe_lufs": reached, "cost": cost},
    )
