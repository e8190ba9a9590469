"""The mirror of the log, ``log.jsonl``: one event a line, readable without us, and enough to make the database anew."""

import json
import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final, cast

from tapehand.audio.atomic import AtomicFile
from tapehand.errors import InputError
from tapehand.store.chain import Row, assembled
from tapehand.store.codecs import canonical
from tapehand.store.event_log import EventLog

TAIL_BYTES: Final = 1 << 16


def catch_up(path: Path, log: EventLog) -> None:
    """Append what the mirror at ``path`` lacks, or write it anew where it is not a beginning of the log.

    Writers of several processes take turns through the database's own lock.
    """
    with log.exclusive():
        last = _last_row(path)
        known = last.seq if last else 0
        rows = log.rows(max(known - 1, 0))
        if last is not None and (not rows or rows[0] != last):
            last, rows = None, log.rows()
        if last is not None:
            _append(path, rows[1:])
        else:
            _write_anew(path, rows)


def read(path: Path) -> list[Row]:
    """The longest sound beginning of the mirror. Raises InputError (``store.no_mirror``) where there is none."""
    return assembled(sound_rows(path))


def sound_rows(path: Path) -> list[Row]:
    """Every line of the mirror that is what it says, whether or not it follows on the others; raises as ``read``."""
    try:
        lines = path.read_bytes().splitlines()
    except OSError as error:
        raise InputError(
            "store.no_mirror",
            "The song has no readable copy of its log",
            where=str(path),
            hint="Take log.db or log.jsonl from a backup.",
        ) from error
    rows = (_row(line) for line in lines)
    return [row for row in rows if row is not None and row.is_sound()]


def _last_row(path: Path) -> Row | None:
    """The last whole line; None where there is none or where the file does not end with a line."""
    try:
        with path.open("rb") as file:
            length = TAIL_BYTES
            size = file.seek(0, os.SEEK_END)
            while True:
                file.seek(max(size - length, 0))
                tail = file.read()
                if not tail.endswith(b"\n"):
                    return None
                lines = tail[:-1].split(b"\n")
                if len(lines) > 1 or length >= size:
                    return _row(lines[-1])
                length *= 4
    except OSError:
        return None


def _append(path: Path, rows: Sequence[Row]) -> None:
    if not rows:
        return
    with path.open("ab") as file:
        file.write(b"".join(_line(row) for row in rows))
        file.flush()
        os.fsync(file.fileno())


def _write_anew(path: Path, rows: Sequence[Row]) -> None:
    with AtomicFile(path, overwrite=True) as target:
        for row in rows:
            target.file.write(_line(row))


def _line(row: Row) -> bytes:
    front = canonical({name: value for name, value in row._asdict().items() if name != "body"})
    return f'{front[:-1]},"body":{row.body}}}\n'.encode()


def _row(line: bytes) -> Row | None:
    try:
        plain = cast("dict[str, Any]", json.loads(line))
        body = canonical(plain.pop("body"))
        return Row(**plain, body=body)
    except (ValueError, TypeError, KeyError, AttributeError, RecursionError):
        return None
