"""A song's life: ``new``, ``propose``, ``decide``, ``undo``, ``log``, ``engines``."""

import datetime
from pathlib import Path
from typing import Final

import click

from tapehand.cli.frame import json_option, long_work, say, show_json, song_option, user_name
from tapehand.cli.tables import show_table
from tapehand.errors import UsageError

_ENGINES: Final = {"mix": "mixing", "master": "mastering"}


@click.command("new")
@click.argument("song", type=click.Path(path_type=Path))
@click.option("--from", "folder", required=True, type=click.Path(path_type=Path), help="The folder of stems.")
@json_option
def new_command(song: Path, folder: Path, as_json: bool) -> None:
    """Start a song from a folder of stems. SONG becomes SONG.tapehand.

    The stems are copied in by hash; the originals are only read. What was noticed on the way waits in the inbox.
    """
    from tapehand.app.songs import SONG_SUFFIX, create_from_folder
    from tapehand.bootstrap import make_studio

    path = song if song.suffix == SONG_SUFFIX else song.with_name(song.name + SONG_SUFFIX)
    with long_work() as work, create_from_folder(make_studio(), folder, path, by=user_name(), work=work) as store:
        state = store.state()
    tracks = state.song.tracks if state.song else ()
    asked = sum(len(findings) for findings in state.findings.values())
    if as_json:
        show_json(
            {"schema": "Song.1", "song": str(path), "tracks": [track.name for track in tracks], "findings": asked}
        )
    else:
        say(f"{path}: {len(tracks)} tracks, {asked} things to ask about ('tapehand inbox').")


@click.command("propose")
@click.argument("what", metavar="mix|master|ENGINE")
@click.option("--seed", default=0, show_default=True, help="Same song and seed give the same proposal.")
@click.option("--say", "words", default="", metavar="WORDS", help="What you want, for engines that take words.")
@click.option("--beside", type=int, metavar="N", help="Let the engine counter: its options join open proposal N.")
@click.option("--by", metavar="NAME", help="With --beside: who wants them there (default: you).")
@song_option
@json_option
def propose_command(
    what: str, seed: int, words: str, beside: int | None, by: str | None, song_path: Path | None, as_json: bool
) -> None:
    """Ask an engine for options. Nothing in the song changes until you decide.

    Your own ideas you file with 'tapehand set' and 'tapehand arrange', and --propose or --beside N.
    """
    from tapehand.app.propose import propose, propose_beside
    from tapehand.app.songs import open_song
    from tapehand.bootstrap import make_studio
    from tapehand.song.brief import Brief

    room, engine, brief = make_studio(), _ENGINES.get(what, what), Brief(text=words)
    with long_work() as work, open_song(room, song_path) as store:
        if beside is None:
            filed = propose(room, store, engine, brief, seed=seed, work=work)
        else:
            filed = propose_beside(room, store, beside, engine, brief, by=by or user_name(), seed=seed, work=work)
    options = filed.proposal.options
    if as_json:
        shown = [{"id": option.id, "name": option.name, "why": option.why} for option in options]
        show_json({"schema": "Proposal.1", "id": filed.number, "kind": filed.proposal.kind, "options": shown})
        return
    say(f"Proposal {filed.number}: {filed.proposal.question}")
    show_table(("option", "name", "why"), [(option.id, option.name, option.why) for option in options])
    say(f"Hear them with 'tapehand hear {filed.number} -o FOLDER'.")


@click.command("decide")
@click.argument("number_", metavar="N", type=int)
@click.option("--option", help="The option you accept, by id or name.")
@click.option("--only", multiple=True, metavar="PART", help="Accept only what concerns this track or bus; repeatable.")
@click.option("--reject", is_flag=True, help="Reject the proposal.")
@click.option("--lock", is_flag=True, help="Reject it, and lock all that it would have changed.")
@click.option("--later", is_flag=True, help="Leave it for later.")
@click.option("--by", required=True, metavar="NAME", help="Who decides.")
@click.option("--note", default="", help="Why, for whoever reads the log.")
@click.option("--trial", default="", metavar="ID", help="The blind trial that the decision rests on.")
@song_option
@json_option
def decide_command(
    number_: int,
    option: str | None,
    only: tuple[str, ...],
    reject: bool,
    lock: bool,
    later: bool,
    by: str,
    note: str,
    trial: str,
    song_path: Path | None,
    as_json: bool,
) -> None:
    """Decide on proposal N. Only this changes the song, and it can be undone."""
    from tapehand.app.decide import decide, lock_against
    from tapehand.app.songs import open_song
    from tapehand.bootstrap import make_studio
    from tapehand.song.event import Verdict

    if sum((option is not None, reject, lock, later)) != 1:
        raise UsageError("cli.usage", "Say one of --option, --reject, --lock or --later")
    if only and option is None:
        raise UsageError("cli.usage", "--only goes with --option")
    verdict: Verdict = "reject" if reject or lock else "later" if later else "accept"
    with open_song(make_studio(), song_path) as store:
        if lock:
            state = lock_against(store, number_, by=by, note=note)
        else:
            state = decide(store, number_, verdict, by=by, option=option, only=only, note=note, trial=trial)
    filed = state.filed(number_)
    if as_json:
        show_json({"schema": "Decision.1", "proposal": number_, "verdict": verdict, "option": filed.option, "by": by})
    else:
        what = {"accept": f"option {filed.option} accepted", "reject": "rejected", "later": "left for later"}
        say(f"Proposal {number_}: {what[verdict]} by {by}.")


@click.command("undo")
@click.argument("event", required=False)
@click.option("--part", help="Only what it did to this track or bus; without EVENT the last change that touched it.")
@click.option("--section", help="Only what it muted or automated in this section.")
@click.option("--by", metavar="NAME", help="Who takes it back (default: you).")
@song_option
@json_option
def undo_command(
    event: str | None, part: str | None, section: str | None, by: str | None, song_path: Path | None, as_json: bool
) -> None:
    """Take back the last change, or that of EVENT (a number of 'tapehand log'). Nothing is deleted."""
    from tapehand.app.log_view import log_rows
    from tapehand.app.songs import open_song
    from tapehand.app.undo import undo, undo_section
    from tapehand.bootstrap import make_studio

    if part is not None and section is not None:
        raise UsageError("cli.usage", "Say --part or --section, not both")
    with open_song(make_studio(), song_path) as store:
        if section is not None:
            undo_section(store, section, by=by or user_name(), event=event)
        else:
            undo(store, by=by or user_name(), event=event, part=part)
        row = log_rows(store)[-1]
    if as_json:
        show_json({"schema": "Undo.1", "event": row.seq, "what": row.what})
    else:
        say(f"{row.actor} {row.what}.")


@click.command("log")
@song_option
@json_option
def log_command(song_path: Path | None, as_json: bool) -> None:
    """Show everything that ever happened to the song, oldest first: what, by whom, when."""
    from tapehand.app.log_view import log_rows
    from tapehand.app.songs import open_song
    from tapehand.bootstrap import make_studio

    with open_song(make_studio(), song_path) as store:
        rows = log_rows(store)
    if as_json:
        events = [
            {
                "seq": row.seq,
                "id": row.id,
                "at_s": row.at_s,
                "actor": row.actor,
                "actor_kind": row.actor_kind,
                "what": row.what,
            }
            for row in rows
        ]
        show_json({"schema": "Log.1", "events": events})
        return
    shown = [(str(row.seq), _when(row.at_s), f"{row.actor} ({row.actor_kind})", row.what) for row in rows]
    show_table(("#", "when", "who", "what"), shown, numeric=(0,))


def _when(at_s: float) -> str:
    return datetime.datetime.fromtimestamp(at_s).astimezone().strftime("%Y-%m-%d %H:%M:%S")


@click.command("engines")
@json_option
def engines_command(as_json: bool) -> None:
    """List the engines that can propose, and what each needs."""
    from tapehand.bootstrap import make_studio

    doors = make_studio().engines.values()
    if as_json:
        rows = [
            {"name": d.name, "from": d.distribution, "version": d.version, "built_in": d.is_built_in} for d in doors
        ]
        show_json({"schema": "Engines.1", "engines": rows})
    else:
        shown = [(d.name, d.distribution, d.version, "built in" if d.is_built_in else "added") for d in doors]
        show_table(("engine", "from", "version", ""), shown)
