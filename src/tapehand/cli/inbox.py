"""``tapehand inbox``: what waits for a person, and their answers to it."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import click

from tapehand.cli.frame import json_option, say, show_json, song_option, user_name
from tapehand.cli.tables import counted, place, show_table
from tapehand.errors import UsageError

if TYPE_CHECKING:
    from tapehand.app.inbox import Entry, Inbox


@click.command("inbox")
@click.option("--leave", metavar="KIND", help="Leave all questions of this kind as they are (see --track).")
@click.option("--ask", metavar="KIND", help="Ask questions that were left again.")
@click.option("--keep", metavar="KIND", help="Keep what is of this kind as it was played, against every proposal.")
@click.option("--track", help="With --leave, --ask or --keep: only on this track.")
@click.option("--cold/--no-cold", default=None, help="Hide proposals until the song was heard once and remarked on.")
@click.option("--remark", metavar="TEXT", help="Keep what you noticed while listening.")
@click.option(
    "--at", "at_s", type=click.FloatRange(min=0), help="With --remark, --keep or --leave moments: the second."
)
@click.option("--all", "show_all", is_flag=True, help="Show notes too, not only questions.")
@click.option("--by", metavar="NAME", help="Who says so (default: you).")
@song_option
@json_option
def inbox_command(
    leave: str | None,
    ask: str | None,
    keep: str | None,
    track: str | None,
    cold: bool | None,
    remark: str | None,
    at_s: float | None,
    show_all: bool,
    by: str | None,
    song_path: Path | None,
    as_json: bool,
) -> None:
    """Show what waits for you, the most consequential first: proposals, and questions about the recordings."""
    from tapehand.app.cold_listening import ask_cold
    from tapehand.app.cold_listening import remark as keep_remark
    from tapehand.app.inbox import MOMENTS, answer_questions, dismiss_moments, inbox, keep_found
    from tapehand.app.songs import open_song
    from tapehand.bootstrap import make_studio

    if track is not None and (leave, ask, keep) == (None, None, None):
        raise UsageError("cli.usage", "--track goes with --leave, --ask or --keep")
    if at_s is not None and [remark is not None, keep is not None, leave == MOMENTS].count(True) != 1:
        raise UsageError("cli.usage", "--at goes with --remark, --keep or --leave moments")
    name = by or user_name()
    with open_song(make_studio(), song_path) as store:
        if leave is not None and at_s is not None:
            dismiss_moments(store, track, by=name, at_s=at_s)
        elif leave is not None:
            answer_questions(store, leave, track, leave=True, by=name)
        if ask is not None:
            answer_questions(store, ask, track, leave=False, by=name)
        if keep is not None:
            keep_found(store, keep, track, by=name, at_s=at_s)
        if cold is not None:
            ask_cold(store, wanted=cold, by=name)
        if remark is not None:
            keep_remark(store, remark, by=name, at_s=at_s)
        waiting = inbox(store)
    if as_json:
        _show_json(waiting)
    else:
        _show(waiting, show_all=show_all)


def _show_json(waiting: "Inbox") -> None:
    from tapehand.app.inbox import entry_plain, findings_plain

    proposals = [
        {
            "id": filed.number,
            "kind": filed.proposal.kind,
            "question": filed.proposal.question,
            "options": [option.id for option in filed.proposal.options],
            "recommended": filed.proposal.recommended,
        }
        for filed in waiting.proposals
    ]
    show_json(
        {
            "schema": "Inbox.1",
            "proposals": proposals,
            "hidden_proposals": waiting.hidden_proposals,
            "moved_questions": waiting.moved_questions,
            "findings": findings_plain(waiting.questions),
            "entries": [entry_plain(entry) for entry in waiting.entries],
            "meanwhile": [{"actor": row.actor, "what": row.what, "at_s": row.at_s} for row in waiting.meanwhile],
        }
    )


def _show(waiting: "Inbox", *, show_all: bool) -> None:
    for row in waiting.meanwhile:
        say(f"Meanwhile {row.actor} {row.what}.")
    if waiting.hidden_proposals:
        count = waiting.hidden_proposals
        hidden = "One proposal waits" if count == 1 else f"{count} proposals wait"
        say(f"{hidden} until you have heard the song ('tapehand hear -o FILE.wav') and left a --remark.")
    for filed in waiting.proposals:
        say(f"Proposal {filed.number} ({filed.proposal.kind}): {filed.proposal.question}")
        options = [(option.id, option.name, option.why) for option in filed.proposal.options]
        show_table(("option", "name", "why"), options)
        say()
    if waiting.proposals:
        number = waiting.proposals[0].number
        say(
            f"Hear with 'tapehand hear {number} -o FOLDER', decide with 'tapehand decide {number} --option X --by YOU'."
        )
    asked = [entry for entry in waiting.entries if show_all or entry.severity != "note"]
    if asked:
        show_table(("track", "what", "places", "question"), [_row(entry) for entry in asked])
        say("Leave what is meant with 'tapehand inbox --leave KIND --track NAME', or --keep it against proposals.")
    if not waiting.proposals and not asked and not waiting.hidden_proposals:
        say("Nothing waits for you.")
    if waiting.moved_questions:
        moved = counted(waiting.moved_questions, "question")
        say(f"{moved} more about places that have moved since; 'tapehand listen' hears the song anew.")
    if len(asked) < len(waiting.entries):
        say(f"{counted(len(waiting.entries) - len(asked), 'note')} more with --all.")


def _row(entry: "Entry") -> Sequence[str]:
    tracks = ", ".join(entry.tracks)
    if len(entry.tracks) > 1:
        tracks = f"{tracks} ({len(entry.tracks)} tracks)"
    first = entry.questions[0].finding
    count = len(entry.questions)
    where = place(first.start_s, first.end_s)
    places = where if count == len(entry.tracks or ("",)) else f"{count}, first {where}" if where else str(count)
    return tracks, entry.kind.replace("_", " "), places, entry.say
