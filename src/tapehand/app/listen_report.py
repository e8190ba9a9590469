"""The report of a listening: who plays when, time and harmony, every question, with pictures of where it is."""

from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Final

import numpy as np

from tapehand.app.heard_words import PERHAPS, form_is_told, kind_words, said_of_song, sure_words
from tapehand.app.listen import Listened
from tapehand.app.report import Block, Chapter, Picture, Report, Table, Words, as_html
from tapehand.audio import Audio
from tapehand.audio.atomic_folder import AtomicFolder
from tapehand.listening.form import HeardSection
from tapehand.listening.kinds import threshold
from tapehand.listening.lines import ONE, LineNote
from tapehand.listening.pitch import track_pitch
from tapehand.listening.roles import group_of
from tapehand.listening.session import Listening
from tapehand.listening.sources import Recording
from tapehand.pictures.activity_map import ActivityLane, NamedStretch, activity_map_svg
from tapehand.pictures.chord_chart import ChartChord, ChartSection, chord_chart_svg
from tapehand.pictures.pitch_line import HeardNote, pitch_line_svg
from tapehand.pictures.spectrogram import SpectrogramMark, spectrogram_svg
from tapehand.song.finding import Fact, Finding
from tapehand.units import hz_to_midi
from tapehand.work import Work

REPORT: Final = "report.html"
# A picture of one track shows no more than this, from shortly before its first marked place.
SHOWN_S: Final = 30.0
BEFORE_S: Final = 2.0
MOST_SPECTROGRAMS: Final = 12
MOST_MARKS: Final = 40
# Lines: so many voices, and of each so many stretches in which it sings.
MOST_VOICES: Final = 4
MOST_LINES: Final = 3
LEAD_IN_S: Final = 0.5
NO_CHORD: Final = "N"
# A chart of bars that nearly all hold no chord tells nothing, nor does one that holds little but guesses.
LEAST_SHARE_OF_CHORDS: Final = 0.25
LEAST_SHARE_OF_LIKELY: Final = 0.3
OUT_OF_TUNE: Final = "notes_beside_the_key"
LEADING: Final = "lead_vocal"
HEADS: Final = {"serious": "Before anything else", "ask": "To be answered", "note": "Good to know"}


def write_listen_report(listened: Listened, out: Path, work: Work) -> None:
    """Write ``out``/report.html with every picture also as a file of its own beside it; whole or not at all.

    Raises
    ------
    OutputError : ``out`` is taken or cannot be written.
    InputError : a recording is gone.
    Cancelled : ``work`` was cancelled.
    """
    with AtomicFolder(out) as target:
        chapters = []
        for heading, blocks in _chapters(listened, work):
            if blocks:
                chapters.append(Chapter(heading=heading, blocks=tuple(blocks)))
        report = _report(listened, tuple(chapters))
        (target.building / REPORT).write_text(as_html(report), encoding="utf-8")
        pictures = [block for chapter in chapters for block in chapter.blocks if isinstance(block, Picture)]
        for number, picture in enumerate(pictures, start=1):
            (target.building / f"{number:02d}.svg").write_text(picture.svg, encoding="utf-8")


def _chapters(listened: Listened, work: Work) -> Iterator[tuple[str, list[Block]]]:
    heard = listened.heard
    yield "Questions", [*_questions(heard, ("serious", "ask"))]
    yield "Where they are", [*_marked_spectrograms(listened, work)]
    yield "The song", [*_song_table(heard)]
    yield "Who plays when", [*_activity(heard), *_form_table(heard)]
    yield "Chords", [*_chords(heard)]
    yield "Lines", [*_lines(listened, work)]
    yield "Tracks", [*_track_table(heard)]
    yield "Good to know", [*_questions(heard, ("note",))]


def _report(listened: Listened, chapters: tuple[Chapter, ...]) -> Report:
    heard = listened.heard
    asked = sum(finding.severity != "note" for finding in heard.findings)
    return Report(
        title=listened.title,
        lead=(
            "What was heard, with how sure it is. Nothing was changed and nothing is graded: every finding is a "
            "question, and what you say about it stands."
        ),
        facts=(
            *_headlines(heard),
            ("Tracks", str(len(heard.tracks))),
            ("Length", f"{int(_length_s(heard) // 60)}:{int(_length_s(heard) % 60):02d}"),
            ("Questions", str(asked)),
            ("Notes", str(len(heard.findings) - asked)),
        ),
        chapters=chapters,
        footer="Heard offline, on this computer. Every figure carries its method in 'tapehand listen --json'.",
    )


def _headlines(heard: Listening) -> Iterator[tuple[str, str]]:
    """Tempo and key, as far as they are known; "several" where there is no one of them."""
    said = said_of_song(heard)
    for what in ("tempo", "key"):
        lines = [line for line in said if line.what == what]
        if len(lines) == 1:
            sure = lines[0].sure.split(",")[0]
            yield f"{what.capitalize()}{f' ({sure})' if sure else ''}", lines[0].brief
        elif lines:
            yield what.capitalize(), f"{len(lines)} of them"


def _length_s(heard: Listening) -> float:
    """To the end of the last track; bars may go on beyond it."""
    lengths = (track.length_samples / track.rate_hz for track in heard.tracks)
    return min(max(lengths, default=0.0), heard.bars_s[-1]) if heard.bars_s else 0.0


def _activity(heard: Listening) -> Iterator[Picture]:
    stretches = [NamedStretch(name=s.name, start_s=s.start_s, end_s=s.end_s) for s in _told_sections(heard)]
    if all(track.silent for track in heard.tracks) or (len(heard.tracks) == 1 and not stretches):
        return
    lanes = [
        ActivityLane(name=track.name, shares=shares, group=group_of(track.role))
        for track, shares in zip(heard.tracks, heard.playing, strict=True)
    ]
    title = "Tracks and sections" if stretches else "Tracks"
    svg = activity_map_svg(lanes, heard.bars_s, title=title, sections=stretches, are_bars=heard.has_bars)
    bars = "bar" if heard.has_bars else "two seconds, as no bars could be heard"
    form = ", and the form heard in it" if stretches else ""
    yield Picture(caption=f"What plays in each {bars}, against the track's own loud parts{form}.", svg=svg)


def _told_sections(heard: Listening) -> Sequence[HeardSection]:
    """The sections, unless all of them are guesses."""
    return heard.sections if form_is_told(heard) else ()


def _form_table(heard: Listening) -> Iterator[Block]:
    rows = tuple(
        (s.name, f"{s.start_bar}-{s.start_bar + s.bars - 1}", _clock(s.start_s), s.why, sure_words(s.confidence))
        for s in _told_sections(heard)
    )
    if rows:
        headings = ("section", "bars", "from", "because", "how sure")
        yield Table(caption="Form", headings=headings, rows=rows)
    else:
        yield Words(text="Where its sections begin cannot be told from this.")


def _song_table(heard: Listening) -> Iterator[Table]:
    said = said_of_song(heard)
    rows = tuple((line.what, line.value, _span(line.start_s, line.end_s), line.sure) for line in said)
    if rows:
        yield Table(caption="Time and harmony", headings=("what", "value", "where", "how sure"), rows=rows)


def _chords(heard: Listening) -> Iterator[Picture]:
    """A chart, where bars and chords are known well enough that one can play from it."""
    chords = [fact for fact in heard.facts if fact.name == "chord" and fact.track is None and fact.start_s is not None]
    length_s = heard.bars_s[-1] if heard.bars_s else 0.0
    sounding_s, likely_s = (_chords_s(chords, least) for least in (0.0, PERHAPS))
    if not heard.has_bars or sounding_s <= LEAST_SHARE_OF_CHORDS * length_s:
        return
    if likely_s < LEAST_SHARE_OF_LIKELY * sounding_s:
        return
    places = np.interp([fact.start_s or 0.0 for fact in chords], heard.bars_s, np.arange(len(heard.bars_s)))
    chart = [
        ChartChord(start_bars=round(4 * float(at)) / 4, name=str(fact.value), confidence=fact.confidence)
        for at, fact in zip(places, chords, strict=True)
    ]
    sections = [ChartSection(name=s.name, start_bar=s.start_bar) for s in _told_sections(heard)]
    yield Picture(
        caption="The chords that were heard; grey with a question mark where it is not sure.",
        svg=chord_chart_svg(chart, bars=len(heard.bars_s) - 1, title="Chords", sections=sections),
    )


def _chords_s(chords: Sequence[Fact], least: float) -> float:
    """For how long there are chords that are as sure."""
    sounding = (fact for fact in chords if fact.value != NO_CHORD and fact.confidence >= least)
    return sum((fact.end_s or 0.0) - (fact.start_s or 0.0) for fact in sounding)


def _questions(heard: Listening, severities: Sequence[str]) -> Iterator[Block]:
    names = {track.id: track.name for track in heard.tracks}
    for severity in severities:
        rows = tuple(
            (names.get(f.track or "", f.track or ""), kind_words(f.kind), _clock(f.start_s), f.question)
            for f in heard.findings
            if f.severity == severity
        )
        if rows:
            yield Table(caption=HEADS[severity], headings=("track", "what", "from", "question"), rows=rows)
    if "ask" in severities and all(finding.severity == "note" for finding in heard.findings):
        yield Words(text="Nothing to ask about.")


def _track_table(heard: Listening) -> Iterator[Table]:
    levels = {(fact.track, fact.name): fact.value for fact in heard.facts if fact.start_s is None}
    rows = tuple(
        (
            track.name,
            f"{track.role.replace('_', ' ')}{'?' if track.asks_role and track.role != 'unknown' else ''}",
            track.role_why,
            _level(levels.get((track.id, "integrated_lufs"))),
            _level(levels.get((track.id, "sample_peak_dbfs"))),
        )
        for track in heard.tracks
    )
    headings = ("track", "is", "because", "LUFS", "peak dBFS")
    yield Table(caption="What they are", headings=headings, rows=rows, numeric=frozenset({3, 4}))


def _marked_spectrograms(listened: Listened, work: Work) -> Iterator[Picture]:
    """A spectrogram for each track that is asked about at a place, the most asked first."""
    recordings = {recording.id: recording for recording in listened.recordings}
    placed = [
        finding
        for finding in listened.heard.findings
        if finding.start_s is not None and finding.severity != "note" and finding.track in recordings
    ]
    tracks = list(dict.fromkeys(finding.track or "" for finding in placed))[:MOST_SPECTROGRAMS]
    for number, track in enumerate(tracks):
        work.report("listen.report", number, len(tracks))
        asked = [finding for finding in placed if finding.track == track]
        yield _marked(recordings[track], asked, [fact for fact in listened.heard.facts if fact.track == track])


def _marked(recording: Recording, asked: Sequence[Finding], facts: Sequence[Fact]) -> Picture:
    places = _places(asked, facts)
    first_s = max(0.0, min(place.start_s for place in places) - BEFORE_S)
    audio = _stretch(recording, first_s)
    marks = [
        replace(place, start_s=place.start_s - first_s, end_s=place.end_s - first_s)
        for place in places
        if first_s <= place.start_s <= first_s + audio.duration_s
    ]
    kinds = ", ".join(sorted({kind_words(finding.kind) for finding in asked}))
    later = f" {len(marks)} of {len(places)} places are in this stretch." if len(marks) < len(places) else ""
    svg = spectrogram_svg(audio, title=recording.name, marks=marks[:MOST_MARKS], start_s=first_s)
    return Picture(caption=f"{recording.name} from {_clock(first_s)} on: {kinds}.{later}", svg=svg)


def _places(asked: Sequence[Finding], facts: Sequence[Fact]) -> list[SpectrogramMark]:
    """Every single place where it was measured one by one, else the stretch that the finding speaks of."""
    places = []
    for finding in asked:
        single = [fact for fact in facts if fact.name in (finding.kind, finding.kind.removesuffix("s"))]
        known: list[Fact | Finding] = [fact for fact in single if fact.start_s is not None]
        for each in known or [finding]:
            start_s = each.start_s or 0.0
            end_s = start_s if each.end_s is None else each.end_s
            places.append(SpectrogramMark(label=kind_words(finding.kind), start_s=start_s, end_s=end_s))
    return places


def _lines(listened: Listened, work: Work) -> Iterator[Picture]:
    """The pitch of each line that is one voice over the notes that were heard; lead voices first."""
    heard, recordings = listened.heard, {recording.id: recording for recording in listened.recordings}
    leading = {track.id for track in heard.tracks if track.role == LEADING}
    alone = [line for line in heard.lines if line.kind in ONE and line.track in recordings]
    drawn = sorted(alone, key=lambda line: line.track not in leading)[:MOST_VOICES]
    for number, line in enumerate(drawn):
        work.report("listen.report", number, len(drawn))
        asked = any(each.kind == OUT_OF_TUNE and each.track == line.track for each in heard.findings)
        for first_s in _sung_stretches(line.notes):
            yield _line(recordings[line.track], line.notes, first_s, asked=asked)


def _sung_stretches(notes: Sequence[LineNote]) -> list[float]:
    """Where stretches begin in which it sings, the first ones."""
    starts: list[float] = []
    for note in notes:
        if not starts or note.start_s >= starts[-1] + SHOWN_S:
            starts.append(max(0.0, note.start_s - LEAD_IN_S))
    return starts[:MOST_LINES]


def _line(recording: Recording, notes: Sequence[LineNote], first_s: float, *, asked: bool) -> Picture:
    """``asked``: notes beside their keys were asked about, so they are marked."""
    audio = _stretch(recording, first_s)
    curve = track_pitch(audio)
    pitches = [hz_to_midi(float(hz)) if hz > 0.0 else None for hz in curve.hz]
    drawn = [
        HeardNote(
            start_s=note.start_s - first_s,
            end_s=note.end_s - first_s,
            pitch=hz_to_midi(note.centre_hz),
            marked=asked and note.confidence >= PERHAPS and abs(note.off_cents) >= threshold(OUT_OF_TUNE),
        )
        for note in notes
        if first_s <= note.start_s < first_s + audio.duration_s
    ]
    svg = pitch_line_svg(
        [float(at) for at in curve.times_s],
        pitches,
        title=recording.name,
        length_s=audio.duration_s,
        notes=drawn,
        start_s=first_s,
    )
    return Picture(caption=f"{recording.name} from {_clock(first_s)} on.", svg=svg)


def _stretch(recording: Recording, first_s: float) -> Audio:
    rate_hz = recording.rate_hz
    end = round((first_s + SHOWN_S) * rate_hz)
    if recording.length_samples:
        end = min(end, recording.length_samples)
    return recording.sound.span(round(first_s * rate_hz), end)


def _level(value: float | str | None) -> str:
    return f"{value:.1f}" if isinstance(value, float) else "-"


def _span(start_s: float | None, end_s: float | None) -> str:
    return "" if start_s is None else f"{_clock(start_s)}-{_clock(end_s)}"


def _clock(time_s: float | None) -> str:
    return "" if time_s is None else f"{int(time_s // 60)}:{time_s % 60:04.1f}"
