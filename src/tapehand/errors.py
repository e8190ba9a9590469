"""The error tree. What a person did or met is told here; what was found in music is a Finding, not an error.

    TapehandError
    ├── UsageError     2  the command was put in a way we cannot follow
    ├── InputError     3  a file, folder or song that cannot be used
    │   └── OutputError   the place to write to cannot be used
    ├── Refused        4  it could be done but would do harm; carries the cost
    ├── Conflict       5  somebody else changed the song first, or the proposal is stale
    ├── Cancelled      6  the person stopped it
    └── InternalError  1  a fault of ours

Every error has a stable ``code`` (listed in ``catalogue/errors.toml``), one sentence that says what happened, a
``hint`` that says what to do, and ``where`` (file, track, take, bar, time). The number is the exit code.
"""

from collections.abc import Mapping
from typing import Any, ClassVar


class TapehandError(Exception):
    """Root of every error that Tapehand raises on purpose.

    Parameters
    ----------
    code : stable identifier, ``area.what``, e.g. ``"audio.not_finite"``.
    message : one sentence, what happened. No control characters are added here; show it through ``safe_text``.
    hint : one sentence, what to do about it; empty if there is nothing to do.
    where : the place: a path, a track, a bar, a time. Free text for people.
    """

    exit_code: ClassVar[int] = 1

    def __init__(self, code: str, message: str, *, hint: str = "", where: str = "") -> None:
        super().__init__(message)
        self.code = code
        self.message = message
        self.hint = hint
        self.where = where

    def sentence(self) -> str:
        """Message, place and hint as one line for a person."""
        place = f" ({self.where})" if self.where and self.where not in self.message else ""
        hint = self.hint if self.hint.endswith((".", "!", "?")) or not self.hint else f"{self.hint}."
        return safe_text(f"{self.message.rstrip('.')}{place}. {hint}".strip())

    def as_plain(self) -> Mapping[str, Any]:
        """The ``Error.1`` object of the JSON interface."""
        return {
            "schema": "Error.1",
            "code": self.code,
            "message": safe_text(self.message),
            "hint": safe_text(self.hint),
            "where": safe_text(self.where),
        }


class UsageError(TapehandError):
    """The command or call cannot be understood."""

    exit_code = 2


class InputError(TapehandError):
    """A file, folder or song that cannot be used."""

    exit_code = 3


class OutputError(InputError):
    """The place to write to exists, is read-only, is full, or cannot be made."""


class Refused(TapehandError):
    """Possible, but unsafe. ``cost`` says in numbers what going on would cost."""

    exit_code = 4

    def __init__(
        self, code: str, message: str, *, hint: str = "", where: str = "", cost: Mapping[str, Any] | None = None
    ) -> None:
        super().__init__(code, message, hint=hint, where=where)
        self.cost: Mapping[str, Any] = cost or {}


class Conflict(TapehandError):
    """The song moved on: a stale proposal, or a second writer came first."""

    exit_code = 5


class Cancelled(TapehandError):
    """The person asked to stop. Nothing partial is left behind."""

    exit_code = 6

    def __init__(self, message: str = "Stopped as you asked; nothing was changed") -> None:
        super().__init__("work.cancelled", message)


class InternalError(TapehandError):
    """A fault of ours."""


def safe_text(text: str) -> str:
    """``text`` with every character escaped that could move a cursor, hide, or reorder what a person reads.

    Covers C0 and C1 controls, line and paragraph separators, bidirectional overrides and lone surrogates
    (undecodable bytes of a file name). Emoji and every script stay as they are.
    """
    return "".join(_shown(character) for character in text)


def _shown(character: str) -> str:
    code = ord(character)
    hidden = (
        code < 0x20
        or 0x7F <= code <= 0x9F
        or 0x2028 <= code <= 0x202E
        or 0x2066 <= code <= 0x2069
        or code in (0x200E, 0x200F, 0x061C, 0xFEFF)
        or 0xD800 <= code <= 0xDFFF
    )
    if not hidden:
        return character
    return f"\\x{code:02x}" if code < 0x100 else f"\\u{code:04x}"
