"""``branch``: start, switch, compare and merge other ways the song could go. ``lock``: keep something as it is."""

from pathlib import Path
from typing import TYPE_CHECKING

import click

from tapehand.cli.frame import json_option, say, show_json, song_option, user_name
from tapehand.cli.tables import counted, show_table
from tapehand.errors import UsageError

if TYPE_CHECKING:
    from tapehand.ports.song_store import SongStore


@click.command("branch")
@click.argument("name", required=False)
@click.option("--at", metavar="EVENT", help="Let a new branch begin after this event (a number of 'tapehand log').")
@click.option("--compare", is_flag=True, help="Only show what differs between this branch and NAME.")
@click.option("--merge", is_flag=True, help="Bring in what NAME changed; where both did, a proposal asks you.")
@click.option("--by", metavar="NAME", help="Who does it (default: you).")
@song_option
@json_option
def branch_command(
    name: str | None, at: str | None, compare: bool, merge: bool, by: str | None, song_path: Path | None, as_json: bool
) -> None:
    """List the branches, or work on branch NAME from now on; it begins here if there is none of that name.

    Nothing is lost by switching: each branch keeps its own decisions, and you can come back to any of them.
    """
    from tapehand.app.songs import open_song
    from tapehand.bootstrap import make_studio

    if name is None and (at or compare or merge):
        raise UsageError("cli.usage", "Say which branch")
    if sum((at is not None, compare, merge)) > 1:
        raise UsageError("cli.usage", "Say one of --at, --compare or --merge")
    room = make_studio()
    with open_song(room, song_path) as store:
        if name is None:
            shown = _listed(store.branch, list(store.branches()))
        elif compare:
            shown = _compared(store, name)
        elif merge:
            shown = _merged(store, name, by or user_name(), room.version)
        else:
            shown = _switched(store, name, at, by or user_name())
    plain, sentences = shown
    if as_json:
        show_json({"schema": "Branch.1", **plain})
    else:
        say("\n".join(sentences))


_Shown = tuple[dict[str, object], list[str]]


def _listed(current: str, names: list[str]) -> _Shown:
    return {"current": current, "branches": names}, [f"{'*' if name == current else ' '} {name}" for name in names]


def _switched(store: "SongStore", name: str, at: str | None, by: str) -> _Shown:
    from tapehand.app.branches import begin

    if name in store.branches() and at is None:
        store.switch(name)
        return {"current": name, "started": False}, [f"You are working on {name}."]
    begin(store, name, at=at, by=by)
    return {"current": name, "started": True}, [f"{name} begins here; you are working on it."]


def _compared(store: "SongStore", name: str) -> _Shown:
    from tapehand.app.branches import compare

    found = compare(store, name)
    plain: dict[str, object] = {"since": found.base.seq, "ours": found.ours, "theirs": found.theirs, "both": found.both}
    return plain, [
        f"They were one until event {found.base.seq}.",
        f"{store.branch} changed: {_names(found.ours)}.",
        f"{name} changed: {_names(found.theirs)}.",
        f"Both changed differently: {_names(found.both)}.",
    ]


def _merged(store: "SongStore", name: str, by: str, version: str) -> _Shown:
    from tapehand.app.branches import merge

    done = merge(store, name, by=by, version=version)
    sentences = [f"From {name} came: {_names(done.taken)}."]
    if done.proposal is not None:
        sentences.append(f"Both changed {_names(done.asked)}: proposal {done.proposal} asks you which stays.")
        sentences.append(f"Hear both with 'tapehand hear {done.proposal} -o FOLDER'.")
    if done.trials:
        sentences.append(f"{counted(done.trials, 'blind trial')} and what they are about stay in {name}.")
    plain: dict[str, object] = {
        "taken": done.taken,
        "asked": done.asked,
        "proposal": done.proposal,
        "trials_left": done.trials,
    }
    return plain, sentences


def _names(names: tuple[str, ...]) -> str:
    return ", ".join(names) or "nothing"


@click.command("lock")
@click.argument("part", required=False)
@click.option(
    "--aspect", default="", metavar="FIELD", help="Only this: fader_db, pan, inserts, automation, regions ..."
)
@click.option("--section", help="Only in this section.")
@click.option("--reason", default="", help="Why, for whoever meets the lock.")
@click.option("--lift", metavar="ID", help="Lift a lock, or let go of a kept moment.")
@click.option("--by", metavar="NAME", help="Who locks or lifts (default: you).")
@song_option
@json_option
def lock_command(
    part: str | None,
    aspect: str,
    section: str | None,
    reason: str,
    lift: str | None,
    by: str | None,
    song_path: Path | None,
    as_json: bool,
) -> None:
    """List the locks, or keep PART as it is: a track or bus by name, "mix", or "song" for everything.

    No proposal that would change what is locked can be accepted, whoever made it. Your own hand still can.
    """
    from tapehand.app import locks
    from tapehand.app.songs import open_song
    from tapehand.bootstrap import make_studio

    if part is not None and lift is not None:
        raise UsageError("cli.usage", "Say what to lock or what to lift, not both")
    with open_song(make_studio(), song_path) as store:
        if lift is not None:
            locks.lift(store, lift, by=by or user_name())
        elif part is not None:
            locks.lock(store, part, by=by or user_name(), aspect=aspect, section=section, reason=reason)
        rows = locks.lock_rows(store)
    if as_json:
        held = [{"id": row.id, "part": row.part, "aspect": row.aspect, "reason": row.reason} for row in rows]
        show_json({"schema": "Locks.1", "locks": held})
    elif rows:
        show_table(("lock", "part", "what", "why"), [(row.id, row.part, row.aspect, row.reason) for row in rows])
    else:
        say("Nothing is locked.")
