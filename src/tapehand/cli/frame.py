"""What every command shares: errors as one sentence, JSON on stdout, progress on stderr, Ctrl-C."""

import contextlib
import getpass
import json
import signal
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import IO, Any, Final

import click

from tapehand.errors import Cancelled, InternalError, TapehandError, UsageError, safe_text
from tapehand.work import Work

BAR_WIDTH: Final = 24
REDRAW_S: Final = 0.1

json_option = click.option("--json", "as_json", is_flag=True, help="Print one JSON object on standard output.")
song_option = click.option(
    "--song", "song_path", type=click.Path(path_type=Path), help="The song folder; else the only *.tapehand here."
)


def run(command: click.Command, arguments: list[str] | None) -> int:
    """Runs a click command and turns whatever happens into an exit code and, if need be, one sentence."""
    given = sys.argv[1:] if arguments is None else arguments
    wants_json, debug = "--json" in given, "--debug" in given
    _print_any_name()
    try:
        answer = command.main(args=given, prog_name="tapehand", standalone_mode=False)
        return answer if isinstance(answer, int) else 0
    except click.exceptions.NoArgsIsHelpError as error:
        click.echo(error.format_message())
        return UsageError.exit_code
    except click.ClickException as error:
        return _told(UsageError("cli.usage", error.format_message(), hint=_help_hint(error)), wants_json)
    except (click.Abort, KeyboardInterrupt):
        return _told(Cancelled(), wants_json)
    except (BrokenPipeError, SystemExit):
        # The reader of the pipe has gone: nobody's fault. Click leaves by SystemExit then, and only then.
        _silence_stdout()
        return 0
    except TapehandError as error:
        if debug:
            raise
        return _told(error, wants_json)
    except Exception as error:
        if debug:
            raise
        return _told(_fault(error), wants_json)


def _told(error: TapehandError, wants_json: bool) -> int:
    if wants_json:
        click.echo(json.dumps(error.as_plain(), ensure_ascii=False))
    else:
        click.echo(f"tapehand: {error.sentence()}", err=True)
    return error.exit_code


def _fault(error: Exception) -> InternalError:
    return InternalError(
        "internal.fault",
        f"Something went wrong that is our fault ({type(error).__name__}: {error})",
        hint="Run the command again with 'tapehand --debug ...' and send us what it prints.",
    )


def _help_hint(error: click.ClickException) -> str:
    context = getattr(error, "ctx", None)
    return f"See '{context.command_path} --help'." if context else "See 'tapehand --help'."


def _print_any_name() -> None:
    """Names of files may hold anything: what the terminal cannot encode is shown escaped, never a crash."""
    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, "reconfigure"):
            stream.reconfigure(errors="backslashreplace")


def _silence_stdout() -> None:
    with contextlib.suppress(OSError):
        sys.stdout = open("/dev/null", "w")  # noqa: SIM115 - the reader of the pipe has gone


def show_json(plain: Mapping[str, Any]) -> None:
    """One JSON object on standard output. Names are data here: JSON escapes them itself."""
    click.echo(json.dumps(plain, ensure_ascii=True, allow_nan=False))


def say(text: str = "") -> None:
    """A line for a person; control characters never reach the terminal."""
    click.echo("\n".join(safe_text(line) for line in text.split("\n")))


def user_name() -> str:
    """The OS user, who is the decider of a command that acts at once."""
    try:
        return getpass.getuser()
    except (KeyError, OSError):
        return "unknown user"


@contextlib.contextmanager
def long_work() -> Iterator[Work]:
    """A Work with a progress line on stderr, cancelled by Ctrl-C; a second Ctrl-C ends at once."""
    work = Work()
    bar = ProgressLine(sys.stderr)
    work.on_report = bar.report
    before = signal.signal(signal.SIGINT, lambda _number, _frame: _stop(work))
    try:
        yield work
    finally:
        signal.signal(signal.SIGINT, before)
        bar.close()


def _stop(work: Work) -> None:
    if work.cancelled.is_set():
        raise KeyboardInterrupt
    work.cancel()


class ProgressLine:
    """One line that says the stage, how far it is, and how long it will still take; a line a stage when not a terminal.

    Parameters
    ----------
    stream : where to write, normally stderr.
    clock : seconds, rising.
    """

    def __init__(self, stream: IO[str], clock: Callable[[], float] = time.monotonic) -> None:
        self._stream = stream
        self._clock = clock
        self._live = stream.isatty()
        self._stage = ""
        self._since = self._drawn = 0.0

    def report(self, stage: str, done: float, total: float) -> None:
        """Takes a report of ``Work``."""
        now = self._clock()
        if stage != self._stage:
            self._stage, self._since, self._drawn = stage, now, 0.0
            if not self._live:
                self._stream.write(f"{stage_words(stage)} ...\n")
        if self._live and now - self._drawn >= REDRAW_S:
            self._drawn = now
            self._draw(min(done / total, 1.0) if total else 1.0, now - self._since)

    def close(self) -> None:
        """Clears the line."""
        if self._live and self._stage:
            self._stream.write("\r\x1b[K")
            self._stream.flush()

    def _draw(self, share: float, elapsed_s: float) -> None:
        filled = round(share * BAR_WIDTH)
        left = f"{elapsed_s / share - elapsed_s:4.0f} s left" if share > 0.05 and elapsed_s > 0.5 else ""
        bar = "━" * filled + "─" * (BAR_WIDTH - filled)
        self._stream.write(f"\r\x1b[K{stage_words(self._stage):<28} {bar} {share:4.0%} {left}")
        self._stream.flush()


def stage_words(stage: str) -> str:
    """The words for a stage code, from ``catalogue/stages.toml``; the code itself where there are none."""
    from tapehand.catalogue.loading import load

    words = load("stages")["stages"]
    return str(words.get(stage, stage))
