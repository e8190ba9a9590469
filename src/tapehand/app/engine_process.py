"""The other end of ``engine_host``: a process that runs one engine once. Started as ``python -m``."""

import importlib
import os
import pickle
import sys
import threading
from typing import IO, Any

from tapehand.app.engine_host import Asked, error_as_plain, send
from tapehand.errors import TapehandError
from tapehand.work import Work


def main() -> None:
    """Read what is asked from stdin, answer on the real stdout; whatever the engine prints goes to stderr."""
    answers = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)
    asked: Asked = _question(sys.stdin.buffer)
    work = Work(on_report=lambda stage, done, total: send(answers, ("progress", (stage, done, total))))
    threading.Thread(target=_cancel_at_end, args=(sys.stdin.buffer, work), daemon=True).start()
    send(answers, _answer(asked, work))


def _question(stream: IO[bytes]) -> Any:
    # From our own parent process: the one side that may send classes of its own.
    length = int.from_bytes(stream.read(8), "little")
    return pickle.loads(stream.read(length))  # noqa: S301


def _cancel_at_end(stream: IO[bytes], work: Work) -> None:
    stream.read(1)
    work.cancel()


def _answer(asked: Asked, work: Work) -> tuple[str, object]:
    try:
        module, _, name = asked.reference.partition(":")
        engine = getattr(importlib.import_module(module), name)()
        return "proposal", (engine.describe(), engine.propose(asked.view, asked.brief, asked.seed, work))
    except TapehandError as error:
        return "error", error_as_plain(error)
    except Exception as error:
        return "error", {"message": f"{type(error).__name__}: {error}"}


if __name__ == "__main__":
    main()
