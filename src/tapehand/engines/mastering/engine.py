"""The mastering engine: proposes a master chain with its reasons, and decides nothing."""

from typing import Final

from tapehand.audio import Audio
from tapehand.engines.mastering.chain import MasterChain, work_out
from tapehand.engines.mastering.wishes import MasterWishes, wishes_of_brief
from tapehand.errors import Refused
from tapehand.ports.engine import EngineFacts, SongView
from tapehand.song.brief import Brief, BriefField
from tapehand.song.op import SetMaster
from tapehand.song.proposal import Evidence, Option, Proposal, Reason
from tapehand.song.provenance import Provenance
from tapehand.units import finite_or_none
from tapehand.work import Work

NAME: Final = "tapehand-mastering"
VERSION: Final = "1"
REFERENCE_ROLE: Final = "reference"
AS_ASKED: Final = "as-asked"
LEVEL_ONLY: Final = "level-only"


class MasteringEngine:
    """Rumble, tone, width, dynamics, soft clip and limiter to an exact loudness under an exact ceiling.

    Understands the brief's fields ``lufs``, ``ceiling_dbtp``, ``platform``, ``strength_percent``, ``match`` and
    ``accept_cost``. A track of the role ``reference`` is what ``match`` matches to.
    """

    def describe(self) -> EngineFacts:
        """Name, version, kind, needs, licence."""
        return EngineFacts(name=NAME, version=VERSION, kind="mastering", licence="Apache-2.0")

    def propose(self, view: SongView, brief: Brief, seed: int, work: Work) -> Proposal:
        """The master asked for, and one that leaves tone, width and dynamics alone. ``seed`` changes nothing.

        Raises
        ------
        UsageError
            A wish that cannot be understood or made.
        InputError
            ``master.silent`` where there is nothing to measure.
        Refused
            ``master.too_loud`` or ``master.out_of_reach``; the cost names the loudest safe loudness.
        Cancelled
            When ``work`` was cancelled.
        """
        wishes = wishes_of_brief(brief, _reference(view))
        premaster = view.render()
        asked = work_out(premaster, wishes, work.child("master.work_out", 0.0, 0.6))
        options = [_option(AS_ASKED, "As asked", asked)]
        shaped = any(stage.insert.on for stage in asked.stages if stage.insert.name not in ("soft clip", "limiter"))
        # The option holds all but the sound, which is as large as the song.
        del asked
        plain = _level_only(premaster, wishes, work.child("master.work_out", 0.6, 1.0)) if shaped else None
        if plain is not None:
            options.append(_option(LEVEL_ONLY, "Level only", plain))
        return Proposal(
            kind="master",
            question="Which master should go out?",
            options=tuple(options),
            provenance=_provenance(view, wishes, seed),
            recommended=AS_ASKED,
            recommended_because="it is what was asked for; it is not a judgement",
            brief=_understood(brief, wishes),
        )


def _reference(view: SongView) -> Audio | None:
    for track in view.state.tracks:
        if track.role == REFERENCE_ROLE:
            return view.audio(track.id)
    return None


def _level_only(premaster: Audio, wishes: MasterWishes, work: Work) -> MasterChain | None:
    """The same target without shaping; None where it only works shaped."""
    try:
        return work_out(premaster, wishes, work, level_only=True)
    except Refused:
        return None


def _option(identity: str, name: str, chain: MasterChain) -> Option:
    wishes = chain.wishes
    return Option(
        id=identity,
        name=name,
        why=f"{wishes.target_lufs:g} LUFS under {wishes.ceiling_dbtp:g} dBTP ({wishes.platform}), from "
        f"{chain.before.integrated_lufs:.1f} LUFS and {chain.before.true_peak_dbtp:.1f} dBTP, by "
        f"{', '.join(insert.name for insert in chain.inserts if insert.on)}.",
        ops=(SetMaster(master=chain.inserts),),
        reasons=tuple(Reason(target=stage.insert.name, text=stage.why) for stage in chain.stages),
        evidence=_evidence(chain),
    )


def _evidence(chain: MasterChain) -> tuple[Evidence, ...]:
    """Loudness in front of and behind every insert under its name (unit LU), what its stage saw, then the whole."""
    loudness = (
        Evidence(name=stage.insert.name, unit="LU", before=stage.before_lufs, after=stage.after_lufs)
        for stage in chain.stages
    )
    seen = (evidence for stage in chain.stages for evidence in stage.evidence)
    before, after = chain.before, chain.after
    whole = (
        _both("integrated loudness", "LUFS", before.integrated_lufs, after.integrated_lufs),
        _both("true peak", "dBTP", before.true_peak_dbtp, after.true_peak_dbtp),
        _both("loudness range", "LRA LU", before.lra_lu, after.lra_lu),
        _both("peak to loudness", "dB", before.plr_db, after.plr_db),
    )
    return (*loudness, *seen, *whole)


def _both(name: str, unit: str, before: float | None, after: float | None) -> Evidence:
    return Evidence(name=name, unit=unit, before=_number(before), after=_number(after))


def _number(value: float | None) -> float | None:
    return None if value is None else finite_or_none(value)


def _understood(brief: Brief, wishes: MasterWishes) -> Brief:
    """The brief with every default filled in."""
    known = {field.name for field in brief.fields if field.value is not None}
    added = (
        BriefField(name="lufs", value=wishes.target_lufs, origin="default"),
        BriefField(name="ceiling_dbtp", value=wishes.ceiling_dbtp, origin="default"),
        BriefField(name="platform", value=wishes.platform, origin="default"),
        BriefField(name="strength_percent", value=wishes.strength_percent, origin="default"),
        BriefField(name="match", value=tuple(sorted(wishes.match)), origin="default"),
    )
    said = tuple(field for field in brief.fields if field.value is not None)
    return Brief(text=brief.text, fields=(*said, *(field for field in added if field.name not in known)))


def _provenance(view: SongView, wishes: MasterWishes, seed: int) -> Provenance:
    return Provenance(
        engine=NAME,
        version=VERSION,
        maker="machine",
        seed=seed,
        settings=(
            ("ceiling_dbtp", f"{wishes.ceiling_dbtp:g}"),
            ("lufs", f"{wishes.target_lufs:g}"),
            ("match", ",".join(sorted(wishes.match)) if wishes.reference is not None else ""),
            ("platform", wishes.platform),
            ("strength_percent", f"{wishes.strength_percent:g}"),
        ),
        inputs=tuple(sorted(view.sources)),
        licence="Apache-2.0",
    )
