"""What every beat promises, over seeds and genres."""

from collections import Counter
from dataclasses import replace
from functools import lru_cache
from itertools import pairwise

import numpy as np
import pytest

from tapehand.catalogue.loading import load
from tapehand.engines.composing.brief import understand
from tapehand.engines.composing.desk import role_of
from tapehand.engines.composing.engine import ComposingEngine
from tapehand.engines.composing.feel import swing_ticks
from tapehand.engines.composing.genre import genre_named, read_genre
from tapehand.engines.composing.plan import STEP_TICKS, Plan, PlannedSection
from tapehand.engines.composing.planner import make_plan
from tapehand.engines.composing.players.drummer import fill_style
from tapehand.engines.composing.score import regions_of
from tapehand.errors import Cancelled, InputError
from tapehand.music.chord_symbols import chord_named
from tapehand.music.notes import Note
from tapehand.render.renderer import Renderer
from tapehand.song.brief import Brief, BriefField
from tapehand.song.mixer import Strip
from tapehand.song.op import SetFader, apply_all
from tapehand.song.processors import Compressor
from tapehand.song.proposal import Proposal
from tapehand.song.region import NoteRegion
from tapehand.song.song import Song
from tapehand.work import Work

GENRES = ("boom bap", "house", "trap")
SEEDS = tuple(range(1, 9))
CASES = [(genre, seed) for genre in GENRES for seed in SEEDS]
DRUM_PARTS = ("kick", "snare", "hats", "percussion", "cymbals")
Score = dict[str, dict[str, list[Note]]]


class EmptySong:
    """A view of a song in which nothing is yet."""

    def __init__(self, song: Song | None = None) -> None:
        self.state = song or Song(name="beat", rate_hz=44_100)
        self.sources: dict[str, object] = {}
        self.facts: tuple[object, ...] = ()
        self.findings: tuple[object, ...] = ()
        self.vision = ""


@lru_cache(maxsize=64)
def planned(prompt: str, seed: int) -> Plan:
    return make_plan(understand(Brief(text=prompt), seed), seed)


@lru_cache(maxsize=64)
def written(prompt: str, seed: int) -> Score:
    """Notes by part and section, effects and textures left out."""
    plan = planned(prompt, seed)
    starts = {section.start_tick: section.form.name for section in plan.sections}
    return {
        member.part.id: {starts[region.start_tick]: list(region.notes) for region in regions_of(member, plan)}
        for member in plan.roster
        if member.part.player not in ("fx", "texture")
    }


def steps_of(notes: list[Note]) -> list[int]:
    return [round(note.start_tick / STEP_TICKS) for note in notes]


def sections(plan: Plan) -> dict[str, PlannedSection]:
    return {section.form.name: section for section in plan.sections}


# -- the facts that were asked for ---------------------------------------------------------------------------------


@pytest.mark.parametrize(("genre", "seed"), CASES)
def test_pitched_notes_stay_in_the_key(genre: str, seed: int) -> None:
    plan = planned(f"{genre}, E minor", seed)
    allowed = set(plan.key.pitch_classes)
    for part, by_section in written(f"{genre}, E minor", seed).items():
        if part not in DRUM_PARTS:
            assert {note.pitch % 12 for notes in by_section.values() for note in notes} <= allowed, part


@pytest.mark.parametrize("genre", GENRES)
def test_stated_chords_are_played_whole_in_the_main_section(genre: str) -> None:
    prompt = f"{genre} in D minor, chords Dm9 - A7 - Bbmaj7 - Gm7"
    plan = planned(prompt, 3)
    main = max(plan.sections, key=lambda section: section.form.energy)
    asked = [chord_named(symbol) for symbol in ("Dm9", "A7", "Bbmaj7", "Gm7")]
    assert [span.chord for span in main.chords[:4]] == asked
    notes = written(prompt, 3)["chords"][main.form.name]
    for index, chord in enumerate(asked):
        bar = range(index * 3840 - 60, (index + 1) * 3840 - 60)
        sounding = {note.pitch % 12 for note in notes if note.start_tick in bar}
        assert sounding <= set(chord.pitch_classes)
        assert len(sounding) >= 3
    tones = {*plan.key.pitch_classes, *(tone for chord in asked for tone in chord.pitch_classes)}
    for part, by_section in written(prompt, 3).items():
        if part not in DRUM_PARTS:
            assert {note.pitch % 12 for notes in by_section.values() for note in notes} <= tones


@pytest.mark.parametrize("genre", GENRES)
@pytest.mark.parametrize(
    ("length", "seconds"),
    [("8 seconds", 8), ("20 seconds", 20), ("one minute", 60), ("2:17", 137), ("5 minutes", 300), ("15 minutes", 900)],
)
@pytest.mark.parametrize("seed", [1, 2, 3])
def test_the_length_is_met_within_a_bar(genre: str, length: str, seconds: float, seed: int) -> None:
    plan = planned(f"{genre}, {length}", seed)
    bar_s = 240.0 / plan.tempo_bpm
    assert abs(plan.bars * bar_s - seconds) <= bar_s
    starts = [section.form.start_bar for section in plan.sections]
    assert starts == [1 + sum(section.bars for section in plan.sections[:index]) for index in range(len(starts))]
    assert all(section.bars > 0 for section in plan.sections)


@pytest.mark.parametrize("seed", SEEDS)
def test_every_number_of_bars_can_be_asked_for(seed: int) -> None:
    for bars in (1, 2, 3, 5, 7, 11, 17, 30, 61, 99):
        for genre in GENRES:
            assert planned(f"{genre}, {bars} bars", seed).bars == bars


def test_sections_that_were_excluded_do_not_come_and_named_ones_do() -> None:
    for genre in GENRES:
        plan = planned(f"{genre}, no intro, no outro, with a bridge, two minutes", 2)
        kinds = [section.kind for section in plan.sections]
        assert "intro" not in kinds
        assert "outro" not in kinds
        assert genre == "house" or "bridge" in kinds
        nothing_left = "no intro, no verse, no hook, no outro, no drop, no break, no build, no bridge"
        assert planned(f"{genre}, {nothing_left}, 16 bars", 1).bars == 16


@pytest.mark.parametrize("metre", ["3/4", "6/8", "5/4", "7/8"])
@pytest.mark.parametrize("genre", GENRES)
def test_other_metres_fill_their_bars_and_no_more(genre: str, metre: str) -> None:
    plan = planned(f"{genre} in {metre}, one minute", 2)
    assert str(plan.metre) == metre
    for by_section in written(f"{genre} in {metre}, one minute", 2).values():
        for name, notes in by_section.items():
            length = sections(plan)[name].length_ticks
            assert all(0 <= note.start_tick < length and note.end_tick <= length for note in notes)


def test_stated_instruments_play_and_excluded_ones_do_not() -> None:
    plan = planned("house with vibraphone, strings and piano, no hats, no claps", 4)
    patches = {member.patch for member in plan.roster}
    assert {"mallet.vibraphone", "pad.strings", "keys.piano"} <= patches
    assert plan.member("hats") is None
    assert all(
        note.pitch != 39
        for notes in written("house with vibraphone, strings and piano, no hats, no claps", 4)["snare"].values()
        for note in notes
    )
    heard = {member.part.id: sum(region.length_ticks for region in regions_of(member, plan)) for member in plan.roster}
    total = plan.bars * plan.metre.bar_ticks
    for patch in ("mallet.vibraphone", "pad.strings", "keys.piano"):
        assert any(heard[m.part.id] >= 0.2 * total for m in plan.roster if m.patch == patch), patch


def test_two_sounds_for_one_part_both_play() -> None:
    plan = planned("boom bap with flute and bells and guitar", 1)
    assert {"lead.flute", "bell.fm", "pluck.guitar"} <= {member.patch for member in plan.roster}
    assert len({member.part.id for member in plan.roster}) == len(plan.roster)


def test_only_what_is_listed_plays() -> None:
    plan = planned("only piano and drums, boom bap", 1)
    assert {member.part.id for member in plan.roster} == {"kick", "snare", "hats", "percussion", "cymbals", "chords"}


# -- how it is played ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("genre", "seed"), CASES)
def test_the_bass_starts_chords_on_their_root_one_note_at_a_time(genre: str, seed: int) -> None:
    plan, score = planned(genre, seed), written(genre, seed)["bass"]
    member = plan.member("bass")
    assert member is not None
    hits = starts = 0
    for name, notes in score.items():
        section = sections(plan)[name]
        on = section.bars_of("bass")
        for span in section.chords:
            if span.start_tick // section.bar_ticks not in on:
                continue
            starts += 1
            inside = [note for note in notes if span.start_tick - 90 <= note.start_tick < span.end_tick - 90]
            hits += bool(inside) and min(inside).pitch % 12 == span.chord.bass_class
        assert all(first.end_tick <= second.start_tick + 120 for first, second in pairwise(sorted(notes)))
        assert all(plan.genre.bass.low - 2 <= note.pitch <= plan.genre.bass.high + 2 for note in notes)
    assert hits >= 0.8 * starts


@pytest.mark.parametrize("seed", SEEDS)
def test_the_808_keeps_its_register_and_glides_in_time(seed: int) -> None:
    plan, score = planned("trap", seed), written("trap", seed)["bass"]
    notes = [note for by_section in score.values() for note in by_section]
    assert all(24 <= note.pitch <= 36 for note in notes)
    for note in notes:
        if note.glide_ticks:
            assert 55 <= note.glide_ticks / (plan.ms_to_ticks(1.0)) <= 155 or note.glide_ticks == note.length_ticks


def test_808_glides_occur() -> None:
    songs = [written("trap", seed)["bass"] for seed in SEEDS]
    gliding = [any(note.glide_ticks for notes in score.values() for note in notes) for score in songs]
    assert sum(gliding) >= len(SEEDS) * 0.6


@pytest.mark.parametrize(("genre", "seed"), CASES)
def test_swing_is_what_the_plan_says(genre: str, seed: int) -> None:
    plan = planned(genre, seed)
    low, high = genre_named(plan.genre.id).swing_percent
    assert low <= plan.swing_percent <= high
    late: dict[bool, list[float]] = {False: [], True: []}
    # The hats of trap roll between the sixteenths; what lies on them is in the percussion and the snare.
    parts = ("percussion", "snare") if genre == "trap" else ("hats", "percussion")
    for by_section in (written(genre, seed).get(part, {}) for part in parts):
        for notes in by_section.values():
            for note in notes:
                step = (note.start_tick + STEP_TICKS // 4) // STEP_TICKS
                late[bool(step % 2)].append(note.start_tick - step * STEP_TICKS)
    if len(late[True]) > 60:
        measured = np.mean(late[True]) - np.mean(late[False])
        assert abs(measured - swing_ticks(plan.swing_percent)) < 22


@pytest.mark.parametrize(("genre", "seed"), CASES)
def test_electronic_genres_sit_on_the_grid_and_played_ones_do_not(genre: str, seed: int) -> None:
    plan = planned(genre, seed)
    kicks = [
        note
        for notes in written(genre, seed)["kick"].values()
        for note in notes
        if round(note.start_tick / STEP_TICKS) % 2 == 0
    ]
    off_ms = [
        (note.start_tick - round(note.start_tick / STEP_TICKS) * STEP_TICKS) / plan.ms_to_ticks(1.0) for note in kicks
    ]
    if genre == "boom bap":
        assert 1.5 < float(np.std(off_ms)) < 20
    else:
        assert float(np.std(off_ms)) < 3


@pytest.mark.parametrize(("genre", "seed"), CASES)
def test_drums_lead_out_of_their_sections(genre: str, seed: int) -> None:
    plan, score = planned(genre, seed), written(genre, seed)
    found = 0
    for section in plan.sections:
        last = section.bars - 1
        if (
            section.bars < 4
            or not fill_style(section, plan, last)
            or not {"kick", "snare", "hats"} <= set(section.style.parts)
        ):
            continue

        def bar(number: int, section: PlannedSection = section) -> Counter[tuple[str, int, int]]:
            low = number * 16
            return Counter(
                (part, note.pitch, round(note.start_tick / STEP_TICKS) - low)
                for part in DRUM_PARTS
                for note in score.get(part, {}).get(section.form.name, [])
                if low <= round(note.start_tick / STEP_TICKS) < low + 16
            )

        found += bar(last) != bar(last - 2)
    assert found >= 1


@pytest.mark.parametrize(("genre", "seed"), CASES)
def test_sections_differ_and_the_loud_ones_are_fuller(genre: str, seed: int) -> None:
    plan, score = planned(genre, seed), written(genre, seed)
    density: dict[str, float] = {}
    for section in plan.sections:
        density[section.form.name] = (
            sum(len(by_section.get(section.form.name, [])) for by_section in score.values()) / section.bars
        )
    loud = [density[s.form.name] for s in plan.sections if s.is_loud]
    calm = [density[s.form.name] for s in plan.sections if s.kind in ("intro", "verse", "break", "outro", "bridge")]
    assert min(loud) > max(calm) * 1.05
    energies = {section.form.energy for section in plan.sections}
    assert len(energies) >= 3


@pytest.mark.parametrize(("genre", "seed"), CASES)
def test_the_hook_comes_back(genre: str, seed: int) -> None:
    """The first motif's rhythm is heard three times in eight bars, and a later hook says the same tune."""
    plan = planned(genre, seed)
    loud = [s for s in plan.sections if s.is_loud and s.bars >= 8]
    lead = written(genre, seed)["lead"]
    assert loud

    def slot(name: str, number: int) -> list[int]:
        return [step - 32 * number for step in steps_of(lead[name]) if 32 * number <= step < 32 * number + 32]

    first = loud[0].form.name
    assert slot(first, 0) == slot(first, 1) == slot(first, 3) != []
    for other in loud[1:]:
        before = [
            (step, note.pitch) for step, note in zip(steps_of(lead[first]), lead[first], strict=True) if step < 128
        ]
        again = [
            (step, note.pitch)
            for step, note in zip(steps_of(lead[other.form.name]), lead[other.form.name], strict=True)
            if step < 128
        ]
        assert again == before


@pytest.mark.parametrize(("genre", "seed"), CASES)
def test_the_tune_is_singable(genre: str, seed: int) -> None:
    """Within a ninth and a bit, steps more than leaps, with rests, chord tones where it counts."""
    plan = planned(genre, seed)
    strong = fitting = steps = moves = 0
    for name, notes in written(genre, seed)["lead"].items():
        section = sections(plan)[name]
        pitches = [note.pitch for note in sorted(notes)]
        assert max(pitches) - min(pitches) <= 17
        sounding = sum(note.length_ticks for note in notes)
        assert sounding <= 0.85 * section.length_ticks
        for one, two in pairwise(pitches):
            moves += 1
            steps += abs(two - one) <= 2
        for note, step in zip(notes, steps_of(notes), strict=True):
            if step % 8 == 0:
                strong += 1
                fitting += note.pitch % 12 in section.chord_at(step * STEP_TICKS).chord.pitch_classes
    assert fitting >= 0.7 * strong
    assert steps >= 0.35 * moves


@pytest.mark.parametrize(("genre", "seed"), CASES)
def test_chords_move_little_and_stay_out_of_the_bass(genre: str, seed: int) -> None:
    plan = planned(genre, seed)
    for part in ("chords", "pad"):
        for notes in written(genre, seed).get(part, {}).values():
            assert all(plan.genre.comping.low - 1 <= note.pitch <= plan.genre.comping.high + 5 for note in notes)


# -- chance -------------------------------------------------------------------------------------------------------


def test_the_same_seed_plays_the_same_and_another_does_not() -> None:
    for genre in GENRES:
        understood = understand(Brief(text=genre), 5)
        again = make_plan(understood, 5)
        assert [regions_of(m, again) for m in again.roster] == [
            regions_of(m, planned(genre, 5)) for m in planned(genre, 5).roster
        ]
        kicks, loops, leads, sounds = set(), set(), set(), set()
        for seed in SEEDS:
            plan, score = planned(f"{genre}, C minor", seed), written(f"{genre}, C minor", seed)
            loud = next(s.form.name for s in plan.sections if s.is_loud)
            kicks.add(tuple(step for step in steps_of(score["kick"][loud]) if step < 32))
            loops.add(tuple(chord.symbol() for chord in plan.loop))
            leads.add(tuple(note.pitch for note in score["lead"][loud]))
            sounds.add(tuple(member.patch for member in plan.roster))
        assert len(loops) >= 3
        assert len(leads) >= 7
        assert len(sounds) >= 4
        assert genre == "house" or len(kicks) >= 3


def test_a_part_plays_the_same_whoever_else_is_there() -> None:
    """Leaving the flute out leaves every drum and bass note as it was."""
    with_all, without = written("trap, C minor, 140 bpm", 6), written("trap, C minor, 140 bpm, no pads", 6)
    for part in ("kick", "snare", "hats", "bass"):
        assert with_all[part] == without[part]


# -- the proposal -------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def proposal() -> Proposal:
    brief = Brief(
        text="dark trap, 140 bpm, C minor, 30 seconds", fields=(BriefField(name="takes", value=2, origin="said"),)
    )
    return ComposingEngine().propose(EmptySong(), brief, 7, Work())  # type: ignore[arg-type]


def test_a_proposal_holds_whole_beats_and_recommends_none(proposal: Proposal) -> None:
    assert [option.id for option in proposal.options] == ["take-1", "take-2"]
    assert proposal.recommended is None
    assert proposal.provenance.maker == "machine"
    assert proposal.provenance.seed == 7
    assert proposal.provenance.licence == "all sounds synthesised by Tapehand"
    assert proposal.brief is not None
    assert proposal.brief.value("tempo_bpm") == 140
    songs = [apply_all(Song(name="beat", rate_hz=44_100), option.ops) for option in proposal.options]
    assert [track.regions for track in songs[0].tracks] != [track.regions for track in songs[1].tracks]
    roles, groups = load("roles")["roles"], load("roles")["groups"]
    for song in songs:
        assert song.mix == Strip()
        assert {track.role for track in song.tracks} <= set(roles)
        assert {track.group for track in song.tracks} <= set(groups)
        assert {bus.id for bus in song.buses} == {"reverb", "delay"}
        keyed = [
            i.processor.key_track
            for t in song.tracks
            for i in t.strip.inserts
            if isinstance(i.processor, Compressor) and i.processor.key_track
        ]
        assert "kick" in keyed
        assert all(isinstance(region, NoteRegion) for track in song.tracks for region in track.regions)


def test_the_mix_has_headroom_and_the_lead_is_heard(proposal: Proposal) -> None:
    song = apply_all(Song(name="beat", rate_hz=44_100), proposal.options[0].ops)
    stems: dict[str, np.ndarray] = {}
    mix = Renderer(song=song).mix(lambda identity, _name, audio: stems.__setitem__(identity, audio.samples))
    peak_db = 20 * np.log10(np.abs(mix.samples).max())
    assert -8.0 < peak_db < -2.5
    total = np.zeros((2, mix.length_samples))
    for stem in stems.values():
        total[:, : stem.shape[1]] += stem
    assert np.abs(total - mix.samples).max() < 1e-5
    with_lead = 10 * np.log10(np.mean(stems["lead"] ** 2) / np.mean(mix.samples**2))
    assert with_lead > -18.0


def test_the_engine_obeys_stops_and_refuses_strange_takes() -> None:
    work = Work()
    work.cancel()
    with pytest.raises(Cancelled):
        ComposingEngine().propose(EmptySong(), Brief(text="trap"), 1, work)  # type: ignore[arg-type]
    for takes in (0, 17, "three"):
        brief = Brief(text="trap", fields=(BriefField(name="takes", value=takes, origin="said"),))
        with pytest.raises(InputError):
            ComposingEngine().propose(EmptySong(), brief, 1, Work())  # type: ignore[arg-type]
    with pytest.raises(InputError) as refused:
        ComposingEngine().propose(EmptySong(), Brief(text="trap, only piano, no piano"), 1, Work())  # type: ignore[arg-type]
    assert refused.value.code == "brief.nobody_plays"


def test_a_beat_joins_a_song_without_touching_what_is_there(proposal: Proposal) -> None:
    song = apply_all(Song(name="beat", rate_hz=44_100), proposal.options[0].ops)
    song = SetFader(target="kick", fader_db=-3.25).apply(song)
    second = ComposingEngine().propose(EmptySong(song), Brief(text="trap, 8 bars"), 3, Work())  # type: ignore[arg-type]
    both = apply_all(song, second.options[0].ops)
    assert both.tracks[: len(song.tracks)] == song.tracks
    assert len({owner.id for owner in both.owners}) == len(both.owners)


@pytest.mark.parametrize("genre", ["boom_bap", "house", "trap"])
def test_a_wrong_value_in_a_genre_is_told_with_its_place(genre: str) -> None:
    values = dict(load(f"genres/{genre}"))
    for key, wrong, place in [
        ("tempo_bpm", [120, 100], "tempo_bpm"),
        ("modes", {"mixophrygian": 1}, "modes"),
        ("grids", {"kick": {"calm": ["x..z"], "full": []}}, "calm"),
        ("progressions", [{"degrees": ["9"], "bars_each": 1, "weight": 1}], "degrees"),
        ("forms", [{"sections": ["verse"], "repeat": [0, 1], "weight": 1}], "sections"),
        ("parts", [{"id": "kick"}], "name"),
    ]:
        with pytest.raises(InputError, match=place) as refused:
            read_genre(genre, {**values, key: wrong})
        assert genre in refused.value.message


def test_every_part_has_a_role_for_its_track() -> None:
    known = load("roles")["roles"]
    for genre in GENRES:
        for member in planned(genre, 1).roster:
            for patch in member.part.patches:
                assert role_of(replace(member, patch=patch)) in known
