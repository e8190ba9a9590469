"""Tables and numbers for people in a terminal."""

import shutil
import textwrap
from collections.abc import Iterable, Sequence
from typing import Final

from tapehand.errors import safe_text

PIPED_WIDTH: Final = 140
WIDEST_TEXT: Final = 100


def show_table(headings: Sequence[str], rows: Iterable[Sequence[str]], numeric: Iterable[int] = ()) -> None:
    """A table on standard output; ``numeric`` columns are right-aligned. Cells are escaped here."""
    from rich.box import SIMPLE_HEAD
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    right = set(numeric)
    table = Table(box=SIMPLE_HEAD, pad_edge=False, show_edge=False, header_style="bold")
    for column, heading in enumerate(headings):
        table.add_column(heading, justify="right" if column in right else "left", overflow="fold")
    for row in rows:
        table.add_row(*(Text(safe_text(cell)) for cell in row))
    console = Console(highlight=False, soft_wrap=False)
    console.width = console.width if console.is_terminal else PIPED_WIDTH
    console.print(table)


def wrapped(words: str, *, indent: int = 0, more: int | None = None) -> str:
    """Words in lines that are read at ease; all lines are indented, those after the first by ``more`` where given."""
    width = min(WIDEST_TEXT, max(40, shutil.get_terminal_size((WIDEST_TEXT, 24)).columns))
    later = " " * (indent if more is None else more)
    return textwrap.fill(words, width, initial_indent=" " * indent, subsequent_indent=later, break_on_hyphens=False)


def number(value: float | None, digits: int = 1, unit: str = "") -> str:
    """A number with its unit; a dash where there is none."""
    if value is None:
        return "–"
    return f"{value:.{digits}f}{f' {unit}' if unit else ''}"


def signed(value: float | None, digits: int = 1, unit: str = "") -> str:
    """A change with its sign; a dash where there is none."""
    if value is None:
        return "–"
    shown = round(value, digits)
    return f"{shown:+.{digits}f}{f' {unit}' if unit else ''}" if shown else number(0.0, digits, unit)


def counted(count: int, noun: str) -> str:
    """``1 track``, ``2 tracks``."""
    return f"{count} {noun}" if count == 1 else f"{count} {noun}s"


def place(start_s: float | None, end_s: float | None = None) -> str:
    """A place in time as people read it: ``1:02.3`` or ``1:02.3-1:04.0``."""
    if start_s is None:
        return ""
    begin = _clock(start_s)
    return begin if end_s is None or end_s - start_s < 0.05 else f"{begin}-{_clock(end_s)}"


def _clock(time_s: float) -> str:
    minutes, seconds = divmod(time_s, 60)
    return f"{int(minutes)}:{seconds:04.1f}"
