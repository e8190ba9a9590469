"""``set`` and ``arrange``: a person's own hand on the mixer and on the form; or the same as a proposal."""

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

from tapehand.cli.frame import json_option, say, show_json, song_option, user_name
from tapehand.errors import UsageError

if TYPE_CHECKING:
    from tapehand.app.by_hand import Wish
    from tapehand.song.song import Song

_Command = TypeVar("_Command", bound=Callable[..., Any])


class Level(click.ParamType[float]):
    """A level in dB, or ``off``."""

    name = "dB|off"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> float:
        """The level; ``off`` is minus infinity."""
        if value == "off":
            return float("-inf")
        level: float = click.FloatRange(-144, 24).convert(value, param, ctx)
        return level


def _outcome(command: _Command) -> _Command:
    """The options that say what becomes of a wish."""
    for option in (
        click.option("--propose", is_flag=True, help="File it as a proposal, to be heard and decided."),
        click.option("--beside", type=int, metavar="N", help="Put it beside the options of open proposal N."),
        click.option("--agent", is_flag=True, help="NAME is a program: it can only --propose."),
        click.option("--by", metavar="NAME", help="Whose hand or idea (default: you)."),
        click.option("--note", default="", help="Why, for whoever reads the log."),
        song_option,
        json_option,
    ):
        command = option(command)
    return command


@click.command("set")
@click.argument("part")
@click.option("--fader", "fader_db", type=Level(), help="The fader's level.")
@click.option("--louder", "louder_db", type=click.FloatRange(-60, 60), help="By so many dB (softer: a minus).")
@click.option("--pan", type=click.FloatRange(-1, 1), help="From -1 (left) to 1 (right).")
@click.option("--mute/--no-mute", default=None, help="Mute it, or not.")
@click.option("--flip", is_flag=True, help="Turn the polarity over.")
@_outcome
def set_command(
    part: str,
    fader_db: float | None,
    louder_db: float | None,
    pan: float | None,
    mute: bool | None,
    flip: bool,
    **outcome: Any,
) -> None:
    """Set PART (a track or bus by name, or "mix") by hand: your own decision, at once, and you can undo it.

    \b
    tapehand set "Lead Vox" --louder 1.5
    tapehand set Kick --fader -6 --pan 0 --propose --by Ben
    """
    from tapehand.app.by_hand import strip_wish

    if fader_db is not None and louder_db is not None:
        raise UsageError("cli.usage", "Say --fader or --louder, not both")

    def wish(song: "Song") -> "Wish":
        return strip_wish(song, part, fader_db=fader_db, louder_db=louder_db, pan=pan, mute=mute, flip=flip)

    _become(wish, **outcome)


@click.command("arrange")
@click.argument(
    "verb",
    type=click.Choice(["repeat", "swap", "remove", "insert", "transpose", "tempo", "mute", "play", "solo"]),
)
@click.argument("sections", metavar="[SECTION]...", nargs=-1)
@click.option("--times", type=click.IntRange(1, 64), default=1, show_default=True, help="repeat: how often more.")
@click.option("--bars", type=click.IntRange(1, 999), help="insert: how many empty bars.")
@click.option("--before", metavar="SECTION", help="insert: before this section, else after the last.")
@click.option("--semitones", type=click.IntRange(-48, 48), help="transpose: up, or down with a minus.")
@click.option("--bpm", type=float, help="tempo: quarter notes a minute.")
@click.option("--part", "parts", multiple=True, help="transpose, mute, play, solo: this track or bus; repeatable.")
@_outcome
def arrange_command(
    verb: str,
    sections: tuple[str, ...],
    times: int,
    bars: int | None,
    before: str | None,
    semitones: int | None,
    bpm: float | None,
    parts: tuple[str, ...],
    **outcome: Any,
) -> None:
    """Put the song together anew: sections repeated, swapped, removed, inserted, transposed, faster, slower, muted.

    Everything that lies in the bars moves along: recordings, notes, automation, mutes, kept moments, locks.

    \b
    tapehand arrange repeat Hook
    tapehand arrange swap "Verse 2" Bridge
    tapehand arrange insert Break --bars 4 --before Hook
    tapehand arrange transpose "Hook 2" --semitones 2
    tapehand arrange tempo --bpm 92
    tapehand arrange mute Break --part Drums --propose
    """
    _refuse_unclear(verb, sections, bars=bars, semitones=semitones, bpm=bpm, parts=parts)

    def wish(song: "Song") -> "Wish":
        from tapehand.app import by_hand

        match verb:
            case "repeat":
                return by_hand.repeat_wish(song, sections[0], times)
            case "swap":
                return by_hand.swap_wish(song, sections[0], sections[1])
            case "remove":
                return by_hand.remove_wish(song, sections[0])
            case "insert":
                return by_hand.insert_wish(song, sections[0], bars or 1, before)
            case "transpose":
                return by_hand.transpose_wish(song, sections[0], semitones or 0, parts)
            case "tempo":
                return by_hand.tempo_wish(song, bpm or 0.0, sections[0] if sections else None)
        return by_hand.silence_wish(song, sections[0], parts, how=verb)

    _become(wish, **outcome)


def _refuse_unclear(
    verb: str,
    sections: tuple[str, ...],
    *,
    bars: int | None,
    semitones: int | None,
    bpm: float | None,
    parts: tuple[str, ...],
) -> None:
    wanted = {"swap": (2, 2), "tempo": (0, 1)}.get(verb, (1, 1))
    if not wanted[0] <= len(sections) <= wanted[1]:
        raise UsageError("cli.usage", f"'arrange {verb}' takes {'two sections' if verb == 'swap' else 'one section'}")
    needed = {"insert": ("--bars", bars), "transpose": ("--semitones", semitones), "tempo": ("--bpm", bpm)}
    option, value = needed.get(verb, ("--part", parts if verb in ("mute", "play", "solo") else True))
    if not value:
        raise UsageError("cli.usage", f"'arrange {verb}' needs {option}")


def _become(
    wish: "Callable[[Song], Wish]",
    *,
    propose: bool,
    beside: int | None,
    agent: bool,
    by: str | None,
    note: str,
    song_path: Path | None,
    as_json: bool,
) -> None:
    """Do it, or file it, or put it beside a proposal; and say so."""
    from tapehand.app import by_hand
    from tapehand.app.songs import open_song
    from tapehand.bootstrap import make_studio

    if propose and beside is not None:
        raise UsageError("cli.usage", "Say --propose or --beside, not both")
    room, name = make_studio(), by or user_name()
    with open_song(room, song_path) as store:
        made = wish(by_hand.song_now(store))
        if beside is not None:
            filed = by_hand.counter(store, beside, made, by=name, version=room.version, note=note)
            plain = {"proposal": filed.number, "option": filed.proposal.options[-1].id}
            said = f"Beside the options of proposal {filed.number}: {made.what}."
        elif propose:
            kind: Any = "agent" if agent else "person"
            filed = by_hand.suggest(store, made, by=name, version=room.version, note=note, actor_kind=kind)
            plain = {"proposal": filed.number, "option": filed.proposal.options[-1].id}
            said = f"Proposal {filed.number}: {made.what}. Hear it with 'tapehand hear {filed.number} -o FOLDER'."
        else:
            state = by_hand.edit(store, made, by=name, note=note, actor_kind="agent" if agent else "person")
            plain = {"event": state.length}
            said = f"{made.what}. Take it back with 'tapehand undo'."
        sections = [section.name for section in by_hand.song_now(store).sections]
    if as_json:
        show_json({"schema": "Edit.1", "what": made.what, "by": name, **plain, "sections": sections})
    else:
        say(said)
