"""What was heard, for a person in a terminal: what is asked first, then the song, its form, its tracks."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, Final

from tapehand.cli.frame import say
from tapehand.cli.tables import counted, number, place, show_table, wrapped

if TYPE_CHECKING:
    from tapehand.listening.form import HeardSection
    from tapehand.listening.session import Listening, TrackRow

_HEADS: Final = {"serious": "Before anything else", "ask": "Questions", "note": "Good to know"}
_SURE: Final = 0.8
_MOST_NAMED: Final = 6
# A set of an hour changes its key dozens of times.
_MOST_LINES: Final = 16


def show_heard(heard: "Listening", *, show_all: bool, of_song: bool) -> None:
    """Everything that was heard; notes with ``show_all``; ``of_song``: answers can be given, and the way is told."""
    from tapehand.app.heard_words import form_is_told, said_of_song, sure_words

    _show_asked(heard, show_all=show_all, of_song=of_song)
    song = said_of_song(heard)
    if song:
        say()
        rows = [(each.what, each.value, each.sure, place(each.start_s, each.end_s)) for each in song]
        rows, more = rows[:_MOST_LINES], len(rows) - _MOST_LINES
        # Places only where something changes on its way.
        columns = 4 if any(row[3] for row in rows) else 3
        show_table(("the song", "", "how sure", "where")[:columns], [row[:columns] for row in rows])
        if more > 0:
            say(f"{counted(more, 'line')} more with --json.")
    if form_is_told(heard):
        say()
        show_table(
            ("section", "bars", "time", "because", "how sure"),
            [
                (*_section_row(section, has_bars=heard.has_bars), section.why, sure_words(section.confidence))
                for section in heard.sections
            ],
        )
    elif song:
        say("Where its sections begin cannot be told from this.")
    say()
    tracks = [_track_row(track, heard) for track in heard.tracks]
    show_table(("track", "is", "because", "LUFS", "peak dBFS"), tracks, numeric=(3, 4))


def show_findings(findings: Sequence[Mapping[str, Any]]) -> None:
    """Findings as questions, the gravest first; one that many tracks raise is asked once."""
    alike: dict[object, list[Mapping[str, Any]]] = {}
    for finding in findings:
        alike.setdefault(_sameness(finding), []).append(finding)
    groups = list(alike.values())
    first = True
    for severity, head in _HEADS.items():
        asked = [group for group in groups if group[0].get("severity", "ask") == severity]
        if asked:
            say(head if first else f"\n{head}")
            first = False
            for group in asked:
                _show_group(group)


def _show_group(group: Sequence[Mapping[str, Any]]) -> None:
    from tapehand.app.heard_words import kind_words

    one = group[0]
    parts = (
        _track_names(group),
        kind_words(one["kind"]),
        place(one["start_s"], one["end_s"]),
        _measured(group),
        "" if one.get("confidence") is None or one["confidence"] >= _SURE else "perhaps",
    )
    say(wrapped(" · ".join(part for part in parts if part), indent=2, more=4))
    say(wrapped(one["question"], indent=4))


def _sameness(finding: Mapping[str, Any]) -> object:
    """What is asked once: the same words about the same place, or what files of one origin share."""
    from tapehand.catalogue.loading import load

    kind = finding["kind"]
    if kind in load("findings")["together"] and finding["track"] is not None:
        return kind, finding.get("severity")
    return kind, finding.get("severity"), place(finding["start_s"], finding["end_s"]), finding["question"]


def _track_names(group: Sequence[Mapping[str, Any]]) -> str:
    names = [finding["track"] or "" for finding in group]
    if len(names) == 1:
        return str(names[0])
    more = len(names) - _MOST_NAMED
    if more <= 1:
        return f"{', '.join(names)} ({len(names)} tracks)"
    return f"{', '.join(names[:_MOST_NAMED])} and {more} more tracks"


def _measured(group: Sequence[Mapping[str, Any]]) -> str:
    """The figure, or the least and the greatest of a group's."""
    unit = group[0]["unit"]
    values = sorted({finding["value"] for finding in group if finding["value"] is not None})
    if not values or unit in ("tracks", ""):
        return ""
    shown = dict.fromkeys(_figure(value, unit) for value in (values[0], values[-1]))
    return " to ".join(shown) if unit in ("Hz", "s") else f"{' to '.join(shown)} {unit}".strip()


def _figure(value: float, unit: str) -> str:
    if unit == "Hz":
        return f"{value / 1000:.4g} kHz" if value >= 1000 else f"{value:.1f} Hz"
    if unit == "s":
        return f"{1000 * value:.0f} ms" if abs(value) < 1.0 else f"{value:.1f} s"
    if unit in ("correlation", "share", "ratio"):
        return f"{value:.2f}"
    return f"{value:+.1f}" if unit == "dBFS" else f"{value:.1f}"


def _show_asked(heard: "Listening", *, show_all: bool, of_song: bool) -> None:
    from tapehand.app.inbox import finding_plain

    names = {track.id: track.name for track in heard.tracks}
    asked = [finding for finding in heard.findings if show_all or finding.severity != "note"]
    notes = len(heard.findings) - len(asked)
    if asked:
        show_findings([finding_plain(each, names.get(each.track or "", each.track)) for each in asked])
        if of_song:
            say("\nAnswer with 'tapehand inbox': leave what is meant, keep what is good, or let it be dealt with.")
    else:
        say("Nothing to ask about.")
    if notes:
        say(f"{counted(notes, 'note')} more with --all.")


def _section_row(section: "HeardSection", *, has_bars: bool) -> tuple[str, ...]:
    bars = f"{section.start_bar}-{section.start_bar + section.bars - 1}" if has_bars else ""
    return section.name, bars, place(section.start_s, section.end_s)


def _track_row(track: "TrackRow", heard: "Listening") -> tuple[str, ...]:
    figures = {fact.name: fact.value for fact in heard.facts if fact.track == track.id and fact.start_s is None}
    role = f"{track.role.replace('_', ' ')}{'?' if track.asks_role and track.role != 'unknown' else ''}"
    levels = (figures.get("integrated_lufs"), figures.get("sample_peak_dbfs"))
    why = "there is nothing to hear in it" if track.silent and track.asks_role else track.role_why
    return (track.name, role, why, *(number(each if isinstance(each, float) else None) for each in levels))
