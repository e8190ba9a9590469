"""The report of a listening: who plays when, time and harmony, every question, with pictures of where it is."""

from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Final

import numpy as np

from tapehand.app.listen import Listened
from tapehand.app.report import Block, Chapter, Picture, Report, Table, Words, as_html
from tapehand.audio import Audio
from tapehand.audio.atomic_folder import AtomicFolder
from tapehand.catalogue.loading import load
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
MOST_LINES: Final = 4
# Facts of the song that are drawn, or too many for a table.
ELSEWHERE: Final = ("section", "chord", "beats", "tempo_at", "moment")
NO_CHORD: Final = "N"
# A chart of bars that nearly all hold no chord tells nothing.
LEAST_SHARE_OF_CHORDS: Final = 0.1
SUNG: Final = ("lead_vocal",)


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
    yield "Who plays when", [_activity(heard), *_form_table(heard)]
    yield "Time and harmony", [*_time_table(heard), *_chords(heard)]
    yield "Questions", [*_questions(heard)]
    yield "Where they are", [*_marked_spectrograms(listened, work)]
    yield "Sung lines", [*_lines(listened, work)]


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
            ("Tracks", str(len(heard.tracks))),
            ("Length", f"{int(heard.bars_s[-1] // 60)}:{int(heard.bars_s[-1] % 60):02d}"),
            ("Questions", str(asked)),
            ("Notes", str(len(heard.findings) - asked)),
        ),
        chapters=chapters,
        footer="Heard offline, on this computer. Every figure carries its method in 'tapehand listen --json'.",
    )


def _activity(heard: Listening) -> Picture:
    lanes = [
        ActivityLane(name=track.name, shares=shares, group=group_of(track.role))
        for track, shares in zip(heard.tracks, heard.playing, strict=True)
    ]
    stretches = [NamedStretch(name=s.name, start_s=s.start_s, end_s=s.end_s) for s in heard.sections]
    svg = activity_map_svg(
        lanes, heard.bars_s, title="Tracks and sections", sections=stretches, are_bars=heard.has_bars
    )
    return Picture(
        caption="What plays in each bar, against the track's own loud bars, and the form heard in it.", svg=svg
    )


def _form_table(heard: Listening) -> Iterator[Table]:
    if heard.sections:
        rows = tuple(
            (s.name, f"{s.start_bar}-{s.start_bar + s.bars - 1}", _clock(s.start_s), s.why, f"{s.confidence:.2f}")
            for s in heard.sections
        )
        headings = ("section", "bars", "from", "because", "how sure (0-1)")
        yield Table(caption="Form", headings=headings, rows=rows, numeric=frozenset({4}))


def _time_table(heard: Listening) -> Iterator[Table]:
    told = [fact for fact in heard.facts if fact.track is None and fact.name not in ELSEWHERE]
    rows = tuple(
        (fact.name.replace("_", " "), _value(fact), _span(fact), f"{fact.confidence:.2f}", fact.method) for fact in told
    )
    if rows:
        headings = ("what", "value", "where", "how sure (0-1)", "method")
        yield Table(caption="The song", headings=headings, rows=rows, numeric=frozenset({3}))


def _chords(heard: Listening) -> Iterator[Picture]:
    chords = [fact for fact in heard.facts if fact.name == "chord" and fact.track is None and fact.start_s is not None]
    harmonic_s = sum((fact.end_s or 0.0) - (fact.start_s or 0.0) for fact in chords if fact.value != NO_CHORD)
    if not heard.has_bars or harmonic_s <= LEAST_SHARE_OF_CHORDS * heard.bars_s[-1]:
        return
    bars = len(heard.bars_s) - 1
    places = np.interp([fact.start_s or 0.0 for fact in chords], heard.bars_s, np.arange(len(heard.bars_s)))
    chart = [
        ChartChord(start_bars=round(4 * float(at)) / 4, name=str(fact.value), confidence=fact.confidence)
        for at, fact in zip(places, chords, strict=True)
    ]
    sections = [ChartSection(name=s.name, start_bar=s.start_bar) for s in heard.sections]
    yield Picture(
        caption="The chords that were heard; grey with a question mark where it is not sure.",
        svg=chord_chart_svg(chart, bars=bars, title="Chords", sections=sections),
    )


def _questions(heard: Listening) -> Iterator[Block]:
    names = {track.id: track.name for track in heard.tracks}
    order = ("serious", "ask", "note")
    for severity, caption in zip(order, ("Before anything else", "Questions", "Good to know"), strict=True):
        rows = tuple(
            (names.get(f.track or "", f.track or ""), _kind(f), _clock(f.start_s), f.question)
            for f in heard.findings
            if f.severity == severity
        )
        if rows:
            yield Table(caption=caption, headings=("track", "what", "from", "question"), rows=rows)
    if not heard.findings:
        yield Words(text="Nothing to ask about.")


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
    kinds = ", ".join(sorted({_kind(finding) for finding in asked}))
    svg = spectrogram_svg(audio, title=recording.name, marks=marks[:MOST_MARKS])
    return Picture(caption=f"{recording.name} from {_clock(first_s)} on: {kinds}.", svg=svg)


def _places(asked: Sequence[Finding], facts: Sequence[Fact]) -> list[SpectrogramMark]:
    """Every single place where it was measured one by one, else the stretch that the finding speaks of."""
    places = []
    for finding in asked:
        single = [fact for fact in facts if fact.name in (finding.kind, finding.kind.removesuffix("s"))]
        known: list[Fact | Finding] = [fact for fact in single if fact.start_s is not None]
        for each in known or [finding]:
            start_s = each.start_s or 0.0
            end_s = start_s if each.end_s is None else each.end_s
            places.append(SpectrogramMark(label=_kind(finding), start_s=start_s, end_s=end_s))
    return places


def _lines(listened: Listened, work: Work) -> Iterator[Picture]:
    """The sung line of each lead voice over the notes that were heard."""
    voices = {track.id for track in listened.heard.tracks if track.role in SUNG and not track.silent}
    sung = [recording for recording in listened.recordings if recording.id in voices][:MOST_LINES]
    for number, recording in enumerate(sung):
        work.report("listen.report", number, len(sung))
        notes = [note for line in listened.heard.lines if line.track == recording.id for note in line.notes]
        first_s = max(
            0.0, min((note.start_s for note in notes), default=_first_sound_s(listened, recording)) - BEFORE_S
        )
        audio = _stretch(recording, first_s)
        curve = track_pitch(audio)
        pitches = [hz_to_midi(float(hz)) if hz > 0.0 else None for hz in curve.hz]
        drawn = [
            HeardNote(start_s=note.start_s - first_s, end_s=note.end_s - first_s, pitch=hz_to_midi(note.centre_hz))
            for note in notes
            if first_s <= note.start_s < first_s + audio.duration_s
        ]
        svg = pitch_line_svg(
            [float(at) for at in curve.times_s],
            pitches,
            title=recording.name,
            length_s=audio.duration_s,
            notes=drawn,
        )
        yield Picture(caption=f"{recording.name} from {_clock(first_s)} on.", svg=svg)


def _first_sound_s(listened: Listened, recording: Recording) -> float:
    heard = listened.heard
    place = next(number for number, track in enumerate(heard.tracks) if track.id == recording.id)
    playing = (bar for bar, share in enumerate(heard.playing[place]) if share > 0.5)
    return heard.bars_s[next(playing, 0)]


def _stretch(recording: Recording, first_s: float) -> Audio:
    rate_hz = recording.rate_hz
    end = round((first_s + SHOWN_S) * rate_hz)
    if recording.length_samples:
        end = min(end, recording.length_samples)
    return recording.sound.span(round(first_s * rate_hz), end)


def _kind(finding: Finding) -> str:
    return str(load("findings")["kinds"].get(finding.kind, {}).get("name", finding.kind.replace("_", " ")))


def _value(fact: Fact) -> str:
    shown = f"{fact.value:.2f}" if isinstance(fact.value, float) else str(fact.value)
    return f"{shown} {fact.unit}".strip()


def _span(fact: Fact) -> str:
    return "" if fact.start_s is None else f"{_clock(fact.start_s)}-{_clock(fact.end_s)}"


def _clock(time_s: float | None) -> str:
    return "" if time_s is None else f"{int(time_s // 60)}:{time_s % 60:04.1f}"
