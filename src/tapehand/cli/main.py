"""The command ``tapehand``. Only click is imported before a command is chosen: start-up is part of the product."""

import importlib
import sys
from typing import Any, Final

import click

from tapehand import __version__

_COMMANDS: Final = {
    "demo": ("make", "From one sentence to a mastered record, as a guided tour."),
    "beat": ("make", "Make a beat or instrumental from a sentence."),
    "mix": ("mixing", "Mix a folder of stems."),
    "master": ("mixing", "Master a finished mix to a loudness."),
    "meter": ("measure", "Read every meter on audio files."),
    "check": ("measure", "Look for what an engineer would flag. Nothing is changed."),
    "listen": ("listen", "Hear roles, time, form and faults of a session or song."),
    "new": ("song", "Start a song from a folder of stems."),
    "propose": ("song", "Ask an engine for options."),
    "inbox": ("inbox", "Show what waits for your decision."),
    "hear": ("hear", "Write the options of a proposal as level-matched files."),
    "set": ("hand", "Your own hand on a fader, a pan, a mute."),
    "arrange": ("hand", "Repeat, swap, remove, transpose sections; another tempo."),
    "decide": ("song", "Accept, reject or put off a proposal."),
    "undo": ("song", "Take back a decision; nothing is deleted."),
    "log": ("song", "Show everything that ever happened to the song."),
    "branch": ("branch", "Try the song another way; compare and merge."),
    "lock": ("branch", "Keep something as it is, against every proposal."),
    "doctor": ("doctor", "Look a song over, and mend what is broken."),
    "engines": ("song", "List the engines that can propose."),
}


class LazyGroup(click.Group):
    """A group whose commands are imported when they are called, and whose help is known without importing them."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """The names of all commands, in the order of a song's life."""
        return list(_COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """The command of that name, imported now."""
        if cmd_name not in _COMMANDS:
            return None
        module = importlib.import_module(f"tapehand.cli.{_COMMANDS[cmd_name][0]}")
        command = getattr(module, f"{cmd_name}_command")
        assert isinstance(command, click.Command)
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """The list under ``--help``."""
        with formatter.section("Commands"):
            formatter.write_dl([(name, text) for name, (_, text) in _COMMANDS.items()])


@click.group(cls=LazyGroup, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100})
@click.version_option(__version__, prog_name="tapehand")
@click.option("--debug", is_flag=True, help="Show the trace of an error instead of one sentence.")
@click.pass_context
def tapehand(context: click.Context, debug: bool) -> None:
    """The assistant engineer for people who make records.

    It does the technical work in seconds and offline; it proposes, you decide. Nothing you give it is ever changed.

    \b
    Try:  tapehand demo
          tapehand beat "dusty boom bap, 88 bpm, F minor, two minutes" -o my-beat
          tapehand mix stems/ -o my-mix
          tapehand master mix.wav -o master.wav --lufs -14
    """
    context.obj = {"debug": debug}


def main(arguments: list[str] | None = None) -> None:
    """Run the command line; exits with the codes of ``tapehand.errors``."""
    from tapehand.cli.frame import run

    sys.exit(run(tapehand, arguments))


def commands() -> dict[str, Any]:
    """Every command by name, for the generated reference pages."""
    context = click.Context(tapehand)
    return {name: tapehand.get_command(context, name) for name in tapehand.list_commands(context)}
