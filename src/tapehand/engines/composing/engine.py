"""The composing engine: a sentence in, one or more whole beats out, as notes, sounds and a starting balance."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Final

from tapehand.engines.composing.brief import Asked, Understood, understand
from tapehand.engines.composing.chance import seed_of
from tapehand.engines.composing.desk import DELAY_BUS, REVERB_BUS, return_buses, track_name, track_of
from tapehand.engines.composing.plan import Plan
from tapehand.engines.composing.planner import make_plan
from tapehand.engines.composing.score import regions_of
from tapehand.engines.composing.soundcheck import checked
from tapehand.errors import InputError
from tapehand.music.time import TempoMap
from tapehand.ports.engine import EngineFacts, SongView
from tapehand.song.brief import Brief, BriefField
from tapehand.song.op import AddBus, AddTrack, Op, SetGrid, SetKey, SetSections, apply_all
from tapehand.song.proposal import Option, Proposal
from tapehand.song.provenance import Provenance
from tapehand.song.song import Song
from tapehand.work import Work

VERSION: Final = "1"
LICENCE: Final = "all sounds synthesised by Tapehand"
MOST_TAKES: Final = 16


class ComposingEngine:
    """Beats from words: boom bap, house and trap. Proposes; decides nothing.

    Understands the brief's words, and the fields ``genre``, ``tempo_bpm``, ``key``, ``mode``, ``meter``, ``length_s``
    set by hand, and ``takes`` (1-16): how many different beats to offer.
    """

    def describe(self) -> EngineFacts:
        """Name, version, kind, needs, licence."""
        return EngineFacts(name="tapehand-composing", version=VERSION, kind="composing", licence="Apache-2.0")

    def propose(self, view: SongView, brief: Brief, seed: int, work: Work) -> Proposal:
        """One option for every take; same words and seed, same notes.

        Raises
        ------
        InputError : the words are empty, mean nothing here, or ask for a tempo or length out of range.
        Cancelled : ``work`` was cancelled.
        """
        takes = _takes(brief)
        brief = _with_song(brief, view.state)
        options, understoods, plans = [], [], []
        for number in range(1, takes + 1):
            work.report("beat.compose", number - 1, takes)
            take_seed = seed if number == 1 else seed_of(seed, "take", number)
            understood = understand(brief, take_seed)
            plan = make_plan(understood, take_seed)
            if not plan.roster:
                raise InputError(
                    "brief.nobody_plays",
                    "Everything that could play was excluded",
                    hint="Leave at least one instrument in.",
                )
            options.append(_option(number, understood, plan, view.state, work))
            understoods.append(understood)
            plans.append(plan)
        work.report("beat.compose", takes, takes)
        first, plan = understoods[0], plans[0]
        return Proposal(
            kind="beat",
            question="Which beat should the song start from?" if takes > 1 else "Should the song start from this beat?",
            options=tuple(options),
            provenance=Provenance(
                engine="tapehand-composing",
                version=VERSION,
                maker="machine",
                seed=seed,
                settings=tuple((field.name, str(field.value)) for field in _full_brief(first, plan).fields),
                licence=LICENCE,
            ),
            brief=_full_brief(first, plan),
            not_made=tuple(dict.fromkeys((*first.notes, *plan.missing))),
        )


def _takes(brief: Brief) -> int:
    takes = brief.value("takes", 1)
    if isinstance(takes, bool) or not isinstance(takes, int) or not 1 <= takes <= MOST_TAKES:
        raise InputError("brief.takes", f"{takes!r} takes cannot be made", hint=f"Ask for 1 to {MOST_TAKES}.")
    return takes


def _with_song(brief: Brief, song: Song) -> Brief:
    """A song that has a tempo and key already keeps them where the brief's fields set no others."""
    own: list[BriefField] = []
    if song.grid is not None and song.tracks and brief.value("tempo_bpm") is None:
        own.append(BriefField(name="tempo_bpm", value=song.grid.bpm_at(0), origin="inferred"))
    return replace(brief, fields=(*brief.fields, *own)) if own else brief


def _option(number: int, understood: Understood, plan: Plan, song: Song, work: Work) -> Option:
    ids = _free_ids(plan, song)
    composed = apply_all(song, _ops(plan, ids))
    levels = {ids[member.part.id]: member.part.level_db for member in plan.roster}
    levels = {track.id: levels[track.id] for track in composed.tracks if track.id in levels}
    wet = dict(zip((ids[REVERB_BUS], ids[DELAY_BUS]), plan.genre.wet_lu, strict=True))
    balanced = checked(composed, plan, levels, wet, work)
    ops: list[Op] = [
        SetGrid(grid=balanced.grid),
        SetKey(key=balanced.key),
        SetSections(sections=balanced.sections),
        *(AddBus(bus=bus) for bus in balanced.buses if bus.id in wet),
        *(AddTrack(track=track) for track in balanced.tracks if track.id in levels),
    ]
    return Option(
        id=f"take-{number}", name=f"Take {number}: {_title(plan)}", why=_why(understood, plan), ops=tuple(ops)
    )


def _ops(plan: Plan, ids: Mapping[str, str]) -> list[Op]:
    """The beat before its sound check."""
    ops: list[Op] = [
        SetGrid(grid=TempoMap.steady(plan.tempo_bpm, plan.metre)),
        SetKey(key=plan.key),
        SetSections(sections=tuple(section.form for section in plan.sections)),
        *(AddBus(bus=bus) for bus in return_buses(plan, ids)),
    ]
    for member in plan.roster:
        regions = regions_of(member, plan)
        if regions:
            ops.append(AddTrack(track=track_of(member, regions, plan, ids)))
    return ops


def _free_ids(plan: Plan, song: Song) -> Mapping[str, str]:
    """An id for every part and bus that the song does not use yet."""
    taken = {owner.id for owner in song.owners}
    ids: dict[str, str] = {}
    for wanted in (*(member.part.id for member in plan.roster), REVERB_BUS, DELAY_BUS):
        name, number = wanted, 2
        while name in taken:
            name, number = f"{wanted}.{number}", number + 1
        taken.add(name)
        ids[wanted] = name
    return ids


def _title(plan: Plan) -> str:
    lead = plan.member("lead") or plan.member("chords")
    sound = f", {track_name(lead).lower()}" if lead is not None else ""
    return f"{plan.key}, {plan.tempo_bpm:g} BPM{sound}"


def _why(understood: Understood, plan: Plan) -> str:
    loop = " - ".join(chord.symbol(flats=plan.key.uses_flats) for chord in plan.loop)
    form = ", ".join(f"{section.form.name} {section.bars}" for section in plan.sections)
    mood = f"{', '.join(understood.moods)} " if understood.moods else ""
    return f"A {mood}{plan.genre.name} beat over {loop}; {form} bars; swing {plan.swing_percent:g} %."


def _full_brief(understood: Understood, plan: Plan) -> Brief:
    facts = understood.wishes.facts
    form = tuple(f"{section.form.name} {section.bars}" for section in plan.sections)
    said_form = bool(facts.form or facts.section_bars)
    words = understood.wishes.instrument_words
    sounds = tuple(dict.fromkeys(track_name(member) for member in plan.roster))
    more = {
        "form": Asked(value=form, origin="said" if said_form else "inferred", confidence=0.9 if said_form else 0.5),
        "instruments": Asked(
            value=words or sounds, origin="said" if words else "inferred", confidence=0.9 if words else 0.5
        ),
    }
    if "chords" not in understood.fields:
        loop = tuple(chord.symbol(flats=plan.key.uses_flats) for chord in plan.loop)
        more["chords"] = Asked(value=loop, origin="default", confidence=0.4)
    return understood.as_brief(**more)
