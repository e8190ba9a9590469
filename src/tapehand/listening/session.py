"""Everything that is heard of a session, put together: tracks, what lies between them, time, harmony and form."""

from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from typing import Final

from tapehand.listening.bar_pictures import Line
from tapehand.listening.between import heard_between
from tapehand.listening.form import METHOD as FORM_METHOD
from tapehand.listening.form import HeardSection, find_form, playing_map
from tapehand.listening.grid import bars_of_grid, beats_of_grid, grid_facts, grid_findings
from tapehand.listening.heard_track import HeardTrack, Memory, NoMemory
from tapehand.listening.intonation import heard_lines, intonation
from tapehand.listening.kinds import finding
from tapehand.listening.lengths import TrackLength, session_findings
from tapehand.listening.lines import HeardLine
from tapehand.listening.listener import OnFacts, beside_each_other, hear_tracks
from tapehand.listening.marks import Mark, told_sections
from tapehand.listening.moments import find_moments, moment_facts, moment_findings
from tapehand.listening.recordings import ReadRecordings
from tapehand.listening.second_opinion import PitchTracker
from tapehand.listening.section_labels import ToldSection
from tapehand.listening.sources import Recording
from tapehand.listening.timeline import Timeline, hear_timeline
from tapehand.music.form import Section
from tapehand.music.time import TempoMap
from tapehand.song.finding import Fact, Finding
from tapehand.song.kept import KeptStretch, beside_kept
from tapehand.work import Work

# Without bars a song is cut into stretches of about a bar, and nothing about its form is said with confidence.
STRETCH_S: Final = 2.0
SURE_WITHOUT_BARS: Final = 0.45
THE_SONG: Final = "the song"
# In one question; a listening names all of them beside their tracks.
MOST_NAMED: Final = 12


@dataclass(frozen=True, slots=True, kw_only=True)
class Known:
    """What is known before anything is heard, and outranks hearing.

    Parameters
    ----------
    grid : the tempo map of the song or of the DAW; ``grid_of`` says of which.
    sections : as a person named them.
    marks : of the DAW, beside those that files carry.
    kept : what a person keeps as it was played: nothing in it is asked about.
    """

    grid: TempoMap | None = None
    grid_of: str = THE_SONG
    sections: tuple[Section, ...] = ()
    marks: tuple[Mark, ...] = ()
    kept: tuple[KeptStretch, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class TrackRow:
    """One track in a listening, in plain values."""

    id: str
    name: str
    role: str
    role_confidence: float
    role_why: str
    asks_role: bool
    silent: bool
    rate_hz: int
    channels: int
    length_samples: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Listening:
    """Everything that was heard, in plain values.

    Parameters
    ----------
    sections : as a person named them where one did, else as heard.
    bars_s : starts of the bars and the end of the last; of stretches of 2 s where no bars are known.
    has_bars : whether ``bars_s`` are bars.
    playing : how much each track plays in each bar, 0..1, ``playing[track][bar]``.
    lines : of the tracks that carry one voice by their role: what kind of line it is, and its notes.
    """

    rate_hz: int
    tracks: tuple[TrackRow, ...]
    facts: tuple[Fact, ...]
    findings: tuple[Finding, ...]
    sections: tuple[HeardSection, ...]
    bars_s: tuple[float, ...]
    has_bars: bool
    playing: tuple[tuple[float, ...], ...]
    lines: tuple[HeardLine, ...] = ()


def listen_to_session(
    recordings: Sequence[Recording],
    rate_hz: int,
    *,
    known: Known | None = None,
    threads: int = 1,
    work: Work,
    on_facts: OnFacts | None = None,
    memory: Memory | None = None,
    second: PitchTracker | None = None,
) -> Listening:
    """Listen to the tracks of a session, at its rate; ``on_facts`` is told of each track as soon as it was heard.

    What ``memory`` knows of a recording is not listened to again; ``second`` is asked about notes that are not sure.

    Raises
    ------
    InputError : a recording cannot be read.
    Cancelled : ``work`` was cancelled.
    """
    known = known or Known()
    tracks = _heard_or_remembered(recordings, threads, work, on_facts, memory or NoMemory())
    together = beside_each_other(tracks, rate_hz)
    work.report("listen.together", 0, 1)
    end_s = max((together.length_samples(name) for name in together.names), default=0) / rate_hz
    with ThreadPoolExecutor(1) as worker:
        # It takes longest, so that all the rest goes on beside it.
        pitch = worker.submit(intonation, together, second, known.kept)
        timeline = hear_timeline(together)
        bars_s, has_bars = _bars(known, timeline, end_s)
        beats_s = timeline.sure_beats_s if known.grid is None else beats_of_grid(known.grid, end_s)
        lines = _lines(tracks, together)
        told = _told(known, recordings, bars_s, end_s)
        sections = _believed(find_form(lines, bars_s, told, timeline.chroma), has_bars=has_bars)
        between = heard_between(together, beats_s, pitch.result)
    # A tempo map is steady by what it says: what pushes or gives can be heard only where it is the playing that tells.
    moments = find_moments(together, pitch.result(), timeline.sure_beats_s)
    own = [one for track in tracks for one in track.findings()]
    return Listening(
        rate_hz=rate_hz,
        tracks=tuple(_row(track) for track in tracks),
        facts=(
            *(fact for track in tracks for fact in track.facts()),
            *_time_facts(known, timeline, end_s),
            *timeline.beat_facts([(section.start_s, section.end_s) for section in sections]),
            *between.facts,
            *(_section_fact(section) for section in sections),
            *moment_facts(moments),
        ),
        findings=beside_kept(
            (
                *own,
                *session_findings([_length(track) for track in tracks], rate_hz),
                *_role_findings(tracks),
                *_map_findings(known, timeline),
                *_beside_own(between.findings, own),
                *moment_findings(moments),
            ),
            known.kept,
        ),
        sections=sections,
        bars_s=bars_s,
        has_bars=has_bars,
        playing=playing_map(lines, bars_s),
        lines=heard_lines(pitch.result()),
    )


def _heard_or_remembered(
    recordings: Sequence[Recording], threads: int, work: Work, on_facts: OnFacts | None, memory: Memory
) -> list[HeardTrack]:
    """Every recording, in order; each that is new is kept at once, so that a stop loses only what was begun."""

    def tell(heard: HeardTrack) -> None:
        if on_facts is not None:
            on_facts(heard.facts())

    def keep_and_tell(heard: HeardTrack) -> None:
        memory.keep(heard)
        tell(heard)

    known: dict[str, HeardTrack] = {}
    for recording in recordings:
        work.check_cancelled()
        remembered = memory.recall(recording)
        if remembered is not None:
            known[recording.id] = remembered
            tell(remembered)
    new = [recording for recording in recordings if recording.id not in known]
    known |= {
        heard.recording.id: heard for heard in hear_tracks(new, threads=threads, work=work, on_heard=keep_and_tell)
    }
    return [known[recording.id] for recording in recordings]


def _time_facts(known: Known, timeline: Timeline, end_s: float) -> tuple[Fact, ...]:
    heard = timeline.facts()
    return heard if known.grid is None else grid_facts(known.grid, end_s, heard, known.grid_of)


def _map_findings(known: Known, timeline: Timeline) -> tuple[Finding, ...]:
    """What is played beside a map that came with the files; what a song says was settled by a person."""
    if known.grid is None or known.grid_of == THE_SONG:
        return ()
    return grid_findings(known.grid, known.grid_of, timeline.rhythm)


def _bars(known: Known, timeline: Timeline, end_s: float) -> tuple[tuple[float, ...], bool]:
    """The song's own bars, else those that were heard, else stretches of about a bar."""
    if known.grid is not None:
        return bars_of_grid(known.grid, end_s), True
    heard = timeline.bars_s(end_s)
    if heard is not None:
        return heard, True
    count = max(1, round(end_s / STRETCH_S))
    return tuple(end_s * number / count for number in range(count + 1)), False


def _lines(tracks: Sequence[HeardTrack], together: ReadRecordings) -> list[Line]:
    return [
        Line(
            role=together.role(each.recording.id),
            compact=together.compact(each.recording.id),
            spoken=(Mark(name=each.recording.name, start_s=0.0), *each.recording.regions),
        )
        for each in tracks
    ]


def _told(
    known: Known, recordings: Sequence[Recording], bars_s: Sequence[float], end_s: float
) -> tuple[ToldSection, ...]:
    """What a person named, and what markers name where no person did: of the DAW's own file, else of the tracks'."""
    named = [_as_named(section, bars_s) for section in known.sections if section.start_bar < len(bars_s)]
    marked = told_sections(known.marks, end_s) or told_sections(
        [mark for recording in recordings for mark in recording.marks], end_s
    )
    free = [each for each in marked if all(each.end_s <= one.start_s or each.start_s >= one.end_s for one in named)]
    return (*named, *free)


def _as_named(section: Section, bars_s: Sequence[float]) -> ToldSection:
    last = len(bars_s) - 1
    return ToldSection(
        name=section.name,
        kind=section.kind,
        start_s=bars_s[min(section.start_bar - 1, last)],
        end_s=bars_s[min(section.end_bar - 1, last)],
        told_by="person",
        energy=section.energy,
    )


def _believed(sections: Sequence[HeardSection], *, has_bars: bool) -> tuple[HeardSection, ...]:
    """Without bars, what was only heard is not said with confidence."""
    return tuple(
        section
        if has_bars or section.told_by in ("person", "markers")
        else replace(section, confidence=min(section.confidence, SURE_WITHOUT_BARS))
        for section in sections
    )


def _section_fact(section: HeardSection) -> Fact:
    return Fact(
        name="section",
        value=section.name,
        start_s=section.start_s,
        end_s=section.end_s,
        confidence=section.confidence,
        method="song" if section.told_by == "person" else FORM_METHOD,
    )


def _beside_own(between: Sequence[Finding], own: Sequence[Finding]) -> Iterator[Finding]:
    """Without what follows from sides against each other that a track by itself is asked about."""
    against = {each.track for each in own if each.kind == "anti_phase"}
    yield from (each for each in between if each.kind != "mono_loss" or each.track not in against)


def _role_findings(tracks: Sequence[HeardTrack]) -> tuple[Finding, ...]:
    """One question for all tracks of which nobody knows what they are; a file by itself needs no role."""
    unsure = [track for track in tracks if track.guess.asks and not track.is_silent]
    if not unsure or len(tracks) == 1:
        return ()
    names = [
        track.recording.name if track.guess.role == "unknown" else f"{track.recording.name} ({track.guess.role}?)"
        for track in unsure
    ]
    if len(names) > MOST_NAMED:
        names[MOST_NAMED - 1 :] = [f"{len(names) - MOST_NAMED + 1} more"]
    return (finding("unknown_role", track=None, path=None, value=float(len(unsure)), names=", ".join(names)),)


def _row(track: HeardTrack) -> TrackRow:
    recording, guess = track.recording, track.guess
    return TrackRow(
        id=recording.id,
        name=recording.name,
        role=guess.role,
        role_confidence=guess.confidence,
        role_why=guess.why,
        asks_role=guess.asks,
        silent=track.is_silent,
        rate_hz=recording.rate_hz,
        channels=track.channels,
        length_samples=track.length_samples,
    )


def _length(track: HeardTrack) -> TrackLength:
    recording = track.recording
    return TrackLength(
        track=recording.id, path=recording.path or "", length_samples=track.length_samples, rate_hz=recording.rate_hz
    )
