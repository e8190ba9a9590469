"""The report of the demo: what was done, by whom, why, with numbers, from the records of its use cases."""

import datetime
import math
from collections.abc import Mapping
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

from tapehand.app.beat import field_words, value_words
from tapehand.app.log_view import LogRow
from tapehand.app.report import Chapter, Picture, Report, Sound, Table, Words
from tapehand.audio import Audio
from tapehand.audio.peaks import peaks
from tapehand.catalogue.loading import load
from tapehand.meters.k_weighting import HOPS_PER_SECOND
from tapehand.meters.loudness import k_energies, momentary_lufs, short_term_lufs, weighted_powers
from tapehand.meters.spectrum import Spectrum, third_octave_spectrum
from tapehand.music.time import TempoMap
from tapehand.pictures.levels import LevelRow, levels_svg
from tapehand.pictures.loudness import loudness_svg
from tapehand.pictures.piano_roll import RollNote, RollPart, RollSection, piano_roll_svg
from tapehand.pictures.spectrogram import spectrogram_svg
from tapehand.pictures.spectrum import TargetBand, spectrum_svg
from tapehand.pictures.waveform import Mark, waveform_svg
from tapehand.song.provenance import Provenance
from tapehand.song.region import NoteRegion
from tapehand.song.song import Song, Track


@dataclass(frozen=True, slots=True, kw_only=True)
class DemoFacts:
    """Everything the report is drawn from. Levels are integrated loudness in LUFS by track name."""

    prompt: str
    seed: int
    by: str
    beat: Mapping[str, Any]
    mix: Mapping[str, Any]
    master: Mapping[str, Any]
    composed: Song
    provenance: Provenance
    log: tuple[LogRow, ...]
    thrown_gains_db: Mapping[str, float]
    levels_before: Mapping[str, float]
    levels_after: Mapping[str, float]
    levels_composed: Mapping[str, float]
    rough: Audio
    mastered: Audio


def demo_report(facts: DemoFacts) -> Report:
    """The whole report."""
    brief = facts.beat["brief"]
    master = facts.master
    return Report(
        title=f"“{facts.prompt}”",
        lead=(
            "From this sentence: a beat, its stems thrown together at random levels, a mix proposed and decided, "
            "and a master. Every step can be heard, and every number below was measured on the files beside this page."
        ),
        facts=(
            ("Tempo", f"{_value(brief, 'tempo_bpm')} BPM"),
            ("Key", f"{_value(brief, 'key')} {_value(brief, 'mode')}"),
            ("Length", _clock(facts.mastered.duration_s)),
            ("Parts", str(len(facts.beat["stems"]))),
            ("Loudness", f"{master['integrated_lufs']:.1f} LUFS"),
            ("True peak", f"{master['true_peak_dbtp']:.1f} dBTP"),
        ),
        chapters=(_composed(facts), _thrown(facts), _mixed(facts), _mastered(facts), _decided(facts)),
        footer=_footer(facts),
    )


def _composed(facts: DemoFacts) -> Chapter:
    rows = tuple(
        (field_words(name), value_words(field["value"]), field["origin"]) for name, field in facts.beat["brief"].items()
    )
    return Chapter(
        heading="The beat",
        blocks=(
            Words(text="What was said is kept; what was left open was chosen for the genre, and is marked so."),
            Table(caption="What was understood", headings=("wish", "", "origin"), rows=rows),
            Picture(caption="Every part of the form, louder notes stronger.", svg=_piano_roll(facts.composed)),
            Sound(label="The beat", path="1-beat/mix.wav", note="before mastering"),
            *_not_made(facts.beat["not_made"]),
        ),
    )


def _not_made(wishes: list[str]) -> tuple[Words, ...]:
    return (Words(text="Not made: " + "; ".join(wishes)),) if wishes else ()


def _thrown(facts: DemoFacts) -> Chapter:
    spread = max(facts.thrown_gains_db.values()) - min(facts.thrown_gains_db.values())
    return Chapter(
        heading="Thrown together",
        blocks=(
            Words(
                text=(
                    f"The {len(facts.thrown_gains_db)} stems were turned up and down at random (seed {facts.seed}), "
                    f"{spread:.0f} dB between the most and the least, and imported as if a stranger had sent them: "
                    "the mixer was told nothing but names and sound."
                )
            ),
            Sound(label="The plain sum", path="2-thrown-together.wav", note="as loud as the mix"),
        ),
    )


def _mixed(facts: DemoFacts) -> Chapter:
    proposal = facts.mix["proposal"]
    options = {option["id"]: option for option in proposal["options"]}
    accepted = options[proposal["recommended"]]
    moves = {move["track"]: move for move in accepted["moves"]}
    rows = tuple(
        (
            track["name"],
            track["role"].replace("_", " "),
            _signed(moves[track["name"]]["gain_db"]) if not track["skipped"] else "skipped",
            " ".join(moves[track["name"]]["reasons"]),
        )
        for track in facts.mix["tracks"]
    )
    options_rows = tuple(
        (option["name"], f"{option['integrated_lufs']:.1f}", option["why"]) for option in proposal["options"]
    )
    sounds = tuple(
        Sound(label=option["name"], path=f"3-mix/options/{option['path'].replace(chr(92), '/').rsplit('/', 1)[-1]}",
              note="accepted" if option is accepted else "")
        for option in proposal["options"]
    )  # fmt: skip
    return Chapter(
        heading="The mix",
        blocks=(
            Words(
                text=(
                    f"Three options were proposed and written at one loudness. By starting this demo {facts.by} "
                    f"accepted “{accepted['name']}” ({proposal['recommended_because']})."
                )
            ),
            Table(caption="The options", headings=("option", "LUFS", "why"), rows=options_rows, numeric=frozenset({1})),
            *sounds,
            Table(
                caption=f"Every move of “{accepted['name']}”",
                headings=("track", "heard as", "gain dB", "because"),
                rows=rows,
                numeric=frozenset({2}),
                page_only=True,
            ),
            Picture(
                caption=(
                    "Loudness of every stem as it came in and in the mix. Against the levels the beat was made with, "
                    f"the balance was off by {_distance(facts.levels_before, facts.levels_composed):.1f} dB (RMS) as "
                    f"thrown together and by {_distance(facts.levels_after, facts.levels_composed):.1f} dB after."
                ),
                svg=levels_svg(_level_rows(facts), title="Balance before and after"),
            ),
        ),
    )


def _mastered(facts: DemoFacts) -> Chapter:
    master = facts.master
    stages = tuple(
        (stage["name"], "on" if stage["on"] else "off", _signed(stage["delta_lu"], 2), stage["why"])
        for stage in master["stages"]
    )
    spectrum = third_octave_spectrum(facts.mastered)
    rough = _aligned(third_octave_spectrum(facts.rough), spectrum)
    powers = weighted_powers(k_energies(facts.mastered))
    return Chapter(
        heading="The master",
        blocks=(
            Sound(label="The master", path="master.wav", note=f"{master['integrated_lufs']:.2f} LUFS"),
            Table(
                caption=(
                    f"Asked: {master['target_lufs']:.1f} LUFS under {master['ceiling_dbtp']:.1f} dBTP. Measured on the "
                    f"file: {master['integrated_lufs']:.2f} LUFS, {master['true_peak_dbtp']:.2f} dBTP, "
                    f"range {master['lra_lu']:.1f} LU"
                ),
                headings=("stage", "", "LU", "why"),
                rows=stages,
                numeric=frozenset({2}),
            ),
            Picture(
                caption="The whole song with its form.",
                svg=waveform_svg(peaks(facts.mastered), title="Waveform", sections=_section_marks(facts.composed)),
            ),
            Picture(
                caption="Loudness over time; the line is what was asked for.",
                svg=loudness_svg(
                    momentary_lufs(powers),
                    short_term_lufs(powers),
                    step_s=1 / HOPS_PER_SECOND,
                    length_s=facts.mastered.duration_s,
                    title="Loudness",
                    integrated_lufs=master["integrated_lufs"],
                    target_lufs=master["target_lufs"],
                ),
            ),
            Picture(
                caption="Third octaves of the master; as a line the thrown-together stems at the same overall level; "
                "as a band where released records lie on average. The band is information, not a goal.",
                svg=spectrum_svg(
                    spectrum.centres_hz,
                    spectrum.levels_db,
                    title="Spectrum",
                    before_db=rough,
                    target=_released_band(spectrum),
                ),
            ),
            Picture(
                caption="Everything there is, over time.", svg=spectrogram_svg(facts.mastered, title="Spectrogram")
            ),
        ),
    )


def _decided(facts: DemoFacts) -> Chapter:
    rows = tuple((str(row.seq), _when(row.at_s), f"{row.actor} ({row.actor_kind})", row.what) for row in facts.log)
    provenance = facts.provenance
    return Chapter(
        heading="Who decided what",
        blocks=(
            Words(
                text="The log of the song. Engines proposed, a person decided; undoing adds a line, it removes none."
            ),
            Table(
                caption="The log of the mix", headings=("#", "when", "who", "what"), rows=rows, numeric=frozenset({0})
            ),
            Table(
                caption="Where the sound comes from",
                headings=("", ""),
                rows=(
                    ("notes and sounds", f"{provenance.engine}, version {provenance.version}, seed {provenance.seed}"),
                    ("made by", "a machine, at the request above" if provenance.maker == "machine" else "a person"),
                    ("licence", provenance.licence),
                ),
            ),
        ),
    )


def _footer(facts: DemoFacts) -> str:
    seconds = sum(facts.beat["seconds"].values())
    return (
        f"Seed {facts.seed}: the same sentence and seed give the same bytes on this computer. The beat took "
        f"{seconds:.1f} s. Offline throughout; no samples, no weights."
    )


def _piano_roll(song: Song) -> str:
    grid = song.grid or TempoMap.steady(120)
    bar_ticks = grid.metre_at(0).bar_ticks
    parts = tuple(_roll_part(track, bar_ticks) for track in song.tracks)
    sections = tuple(RollSection(name=s.name, start_bar=s.start_bar, bars=s.bars) for s in song.sections)
    bars = max((section.end_bar - 1 for section in song.sections), default=1)
    return piano_roll_svg(parts, title="Piano roll", length_bars=float(bars), sections=sections)


def _roll_part(track: Track, bar_ticks: int) -> RollPart:
    regions = [region for region in track.regions if isinstance(region, NoteRegion)]
    notes = tuple(
        RollNote(
            start_bars=(region.start_tick + note.start_tick) / bar_ticks,
            length_bars=note.length_ticks / bar_ticks,
            pitch=note.pitch,
            velocity=note.velocity / 127,
        )
        for region in regions
        for note in region.notes
    )
    return RollPart(name=track.name, notes=notes, drums=any(r.patch.instrument.startswith("drums.") for r in regions))


def _section_marks(song: Song) -> tuple[Mark, ...]:
    grid = song.grid or TempoMap.steady(120)
    bar_ticks = grid.metre_at(0).bar_ticks
    return tuple(
        Mark(
            start_s=grid.seconds_at((section.start_bar - 1) * bar_ticks),
            end_s=grid.seconds_at((section.end_bar - 1) * bar_ticks),
            label=section.name,
        )
        for section in song.sections
    )


def _level_rows(facts: DemoFacts) -> list[LevelRow]:
    return [
        LevelRow(name=name, before=_finite(before), after=_finite(facts.levels_after.get(name, -math.inf)))
        for name, before in facts.levels_before.items()
    ]


def _distance(levels: Mapping[str, float], wanted: Mapping[str, float]) -> float:
    """RMS distance of two balances in dB, whatever their overall levels."""
    errors = [levels[name] - wanted[name] for name in levels if name in wanted]
    errors = [error for error in errors if math.isfinite(error)]
    mean = sum(errors) / max(len(errors), 1)
    return math.sqrt(sum((error - mean) ** 2 for error in errors) / max(len(errors), 1))


def _aligned(spectrum: Spectrum, like: Spectrum) -> list[float]:
    """The levels of ``spectrum`` moved so that it is as loud in all as ``like``."""
    offset = _total_db(like) - _total_db(spectrum)
    return [level + offset for level in spectrum.levels_db]


def _total_db(spectrum: Spectrum) -> float:
    return 10.0 * math.log10(sum(10.0 ** (level / 10.0) for level in spectrum.levels_db) or 1e-30)


def _released_band(spectrum: Spectrum) -> TargetBand:
    """The mean of released records with its tolerance, as loud in all as ``spectrum``; -inf outside the known range."""
    tone = load("mastering")["tone"]
    known = sorted((float(hz), float(db)) for hz, db in tone["curve"].items())
    curve = [_between(known, centre) for centre in spectrum.centres_hz]
    held = [(level, db) for level, db in zip(spectrum.levels_db, curve, strict=True) if math.isfinite(db)]
    offset = sum(level - db for level, db in held if math.isfinite(level)) / max(len(held), 1)
    width = float(tone["tolerance_db"])
    return TargetBand(
        lower_db=[db + offset - width for db in curve],
        upper_db=[db + offset + width for db in curve],
        name="released records",
    )


def _between(known: list[tuple[float, float]], centre_hz: float) -> float:
    for (low_hz, low_db), (high_hz, high_db) in pairwise(known):
        if low_hz <= centre_hz * 1.02 and centre_hz <= high_hz * 1.02:
            share = math.log(centre_hz / low_hz) / math.log(high_hz / low_hz)
            return low_db + share * (high_db - low_db)
    return -math.inf


def _value(brief: Mapping[str, Any], name: str) -> str:
    return value_words(brief.get(name, {}).get("value"))


def _signed(value: float | None, digits: int = 1) -> str:
    return "–" if value is None else f"{value:+.{digits}f}"


def _finite(value: float) -> float | None:
    return value if math.isfinite(value) else None


def _clock(time_s: float) -> str:
    return f"{int(time_s // 60)}:{int(time_s % 60):02d}"


def _when(at_s: float) -> str:
    return datetime.datetime.fromtimestamp(at_s).astimezone().strftime("%H:%M:%S")
