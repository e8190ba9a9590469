"""From a mix and wishes to a master chain: concrete settings, each stage measured, the sum exact.

Every stage sees the sound as the stages before it left it. The chain is plain song processors; running it over the
same mix gives the very samples that were measured here.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from tapehand.audio import Audio
from tapehand.dsp.chain import run_chains
from tapehand.dsp.limiter import LimiterInput
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
from tapehand.song.mixer import Insert
from tapehand.song.proposal import Evidence
from tapehand.units import gain_to_db
from tapehand.work import Work

SHAPING: Final[tuple[Callable[[Audio, MasterWishes], Planned], ...]] = (
    plan_rumble,
    plan_tone,
    plan_width,
    plan_dynamics,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Stage:
    """One step of the chain. ``delta_lu`` is what it did to the integrated loudness; all of them sum to the whole."""

    name: str
    on: bool
    delta_lu: float
    why: str
    evidence: tuple[Evidence, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class MasterChain:
    """A master worked out: the inserts, what each did, and the sound itself with its meters."""

    inserts: tuple[Insert, ...]
    stages: tuple[Stage, ...]
    master: Audio
    before: Meter
    after: Meter
    wishes: MasterWishes


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
            "master.silent", "There is nothing to master: it is silent or shorter than 0.4 s", hint="Check the file."
        )
    inserts, stages = _shaped(premaster, before.integrated_lufs, wishes, work, () if level_only else SHAPING)
    shaped = apply_chain(premaster, inserts)
    loud = before.integrated_lufs + sum(stage.delta_lu for stage in stages)
    needed_db = _needed_reduction_db(shaped, loud, wishes)
    clip = plan_soft_clip(shaped, needed_db)
    clipped = apply_chain(premaster, (*inserts, clip.insert)) if clip.insert else shaped
    solve = LoudnessSolve(LimiterInput(clipped), limiter_for(needed_db, wishes.ceiling_dbtp), work)
    stages.append(_stage(clip, solve.input_lufs - loud))
    _refuse_crushing(solve, wishes, before)
    solved = solve.solve(wishes.target_lufs)
    _refuse_missed(solved, wishes)
    stages += _level_stages(solved, solve.input_lufs)
    limiter = Insert(name="limiter", processor=solved.settings)
    return MasterChain(
        inserts=(*inserts, clip.insert, limiter) if clip.insert else (*inserts, limiter),
        stages=tuple(stages),
        master=solved.limited.audio,
        before=before,
        after=measure(solved.limited.audio),
        wishes=wishes,
    )


def _shaped(
    premaster: Audio,
    loudness_lufs: float,
    wishes: MasterWishes,
    work: Work,
    plans: tuple[Callable[[Audio, MasterWishes], Planned], ...],
) -> tuple[tuple[Insert, ...], list[Stage]]:
    """Plan the shaping stages one after the other, each on what the ones before it made of the whole."""
    inserts: tuple[Insert, ...] = ()
    stages: list[Stage] = []
    sound = premaster
    for done, plan in enumerate(plans):
        work.report("master.shape", done, len(plans))
        planned = plan(sound, wishes)
        delta_lu = 0.0
        if planned.insert is not None:
            inserts = (*inserts, planned.insert)
            sound = apply_chain(premaster, inserts)
            made_lufs = integrated_lufs(sound)
            delta_lu, loudness_lufs = made_lufs - loudness_lufs, made_lufs
        stages.append(_stage(planned, delta_lu))
    return inserts, stages


def _needed_reduction_db(shaped: Audio, loudness_lufs: float, wishes: MasterWishes) -> float:
    """How far the highest peak would stand above the ceiling at the target, were there no limiter."""
    peak_dbtp = gain_to_db(LimiterInput(shaped).true_peak)
    return peak_dbtp + (wishes.target_lufs - loudness_lufs) - wishes.ceiling_dbtp


def _stage(planned: Planned, delta_lu: float) -> Stage:
    return Stage(
        name=planned.name,
        on=planned.insert is not None,
        delta_lu=delta_lu,
        why=planned.why,
        evidence=planned.evidence,
    )


def _level_stages(solved: Solved, input_lufs: float) -> list[Stage]:
    drive_db = solved.settings.drive_db
    reduction_db = solved.limited.largest_reduction_db
    lost = solved.integrated_lufs - input_lufs - drive_db
    works = reduction_db > 0.0
    told = f"Takes up to {reduction_db:.1f} dB off the highest peaks" if works else "Stands by: no peak reaches it"
    return [
        Stage(name="gain", on=True, delta_lu=drive_db, why=f"{drive_db:+.2f} dB into the limiter, for the loudness asked."),
        Stage(
            name="limiter",
            on=True,
            delta_lu=lost,
            why=f"{told}; true peak held at {solved.settings.ceiling_dbtp:g} dBTP.",
            evidence=(Evidence(name="largest reduction", unit="dB", after=round(reduction_db, 2)),),
        ),
    ]


def _refuse_crushing(solve: LoudnessSolve, wishes: MasterWishes, before: Meter) -> None:
    if wishes.accept_cost:
        return
    budget = budget_of(settings().table("budget"))
    wanted = solve.effort_for(wishes.target_lufs)
    reached = wanted.integrated_lufs >= wishes.target_lufs - ALLOWED_ERROR_LU
    if reached and wanted.within(budget, wishes.ceiling_dbtp):
        return
    safe = solve.loudest_within(budget, wanted)
    raise _too_loud(wanted, safe, budget, wishes, before)


def _too_loud(wanted: Effort, safe: Effort, budget: Budget, wishes: MasterWishes, before: Meter) -> Refused:
    # Rounded down, so that asking for just this is within the budget.
    loudest_lufs = int((safe.integrated_lufs - 0.05) * 10.0 - 1.0) / 10.0
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
            "reason": "too_loud",
            "loudest_safe_lufs": loudest_lufs,
            "cost": cost,
            "drive_db": round(wanted.drive_db, 2),
            "largest_reduction_db": round(wanted.largest_reduction_db, 2),
            "lost_loudness_lu": round(wanted.lost_loudness_lu, 2),
            "plr_floor_db": budget.plr_floor_db,
        },
    )


def _refuse_missed(solved: Solved, wishes: MasterWishes) -> None:
    """No silent miss: what cannot be made is said, even where the cost was accepted."""
    if abs(solved.integrated_lufs - wishes.target_lufs) <= ALLOWED_ERROR_LU:
        return
    reached = int(solved.integrated_lufs * 10.0 - 1.0) / 10.0
    cost = f"at any gain this mix reaches {solved.integrated_lufs:.1f} LUFS under {wishes.ceiling_dbtp:g} dBTP"
    raise Refused(
        "master.out_of_reach",
        f"{wishes.target_lufs:g} LUFS cannot be made: {cost}",
        hint="Ask for less, or raise the ceiling.",
        cost={"reason": "out_of_reach", "loudest_safe_lufs": reached, "cost": cost},
    )
