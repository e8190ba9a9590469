"""Running an engine: ours in this process, everybody else's in one of its own.

A stranger's engine gets a view of the song and an environment without secrets, and returns a proposal; it sees no
store. What it sends back may only hold the nouns of a proposal and sound. This guards against mistakes, not against a
program that has the user's own rights.
"""

import contextlib
import io
import os
import pickle
import struct
import subprocess
import sys
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from typing import IO, Any, Final

from tapehand.app.studio import EngineDoor
from tapehand.errors import Cancelled, InputError, Refused, TapehandError
from tapehand.ports.engine import EngineFacts, SongView
from tapehand.song.brief import Brief
from tapehand.song.proposal import Proposal
from tapehand.work import Work

KEPT_VARIABLES: Final = (
    *("PATH", "HOME", "USER", "LANG", "LC_ALL", "LC_CTYPE", "TMPDIR", "TEMP", "TMP", "SYSTEMROOT", "PYTHONPATH"),
    *("VIRTUAL_ENV", "XDG_CACHE_HOME", "OMP_NUM_THREADS", "TAPEHAND_SIMD", "TAPEHAND_CACHE_MB", "LOCALAPPDATA"),
)
LENGTH: Final = struct.Struct("<Q")
SPEAKS_FROM: Final = ("tapehand.song", "tapehand.music", "tapehand.audio.buffer", "tapehand.ports.engine")
SPEAKS_NUMPY: Final = {("numpy", "ndarray"), ("numpy", "dtype")}
GRACE_S: Final = 5.0


@dataclass(frozen=True, slots=True)
class Asked:
    """What is asked of an engine in another process."""

    reference: str
    view: SongView
    brief: Brief
    seed: int


def run_engine(door: EngineDoor, view: SongView, brief: Brief, seed: int, work: Work) -> tuple[EngineFacts, Proposal]:
    """What the engine says of itself, and what it proposes.

    Raises
    ------
    InputError
        ``engine.failed``: an engine that is not ours crashed or broke the rules.
    """
    if door.is_built_in:
        engine = door.load()
        return engine.describe(), engine.propose(view, brief, seed, work)
    return _run_apart(door, Asked(door.reference, view, brief, seed), work)


def _run_apart(door: EngineDoor, asked: Asked, work: Work) -> tuple[EngineFacts, Proposal]:
    with _child(door) as (inbound, outbound), _cancel_passed_on(work, outbound):
        with contextlib.suppress(BrokenPipeError):
            send(outbound, asked)
        while True:
            kind, content = _received(door, inbound)
            if kind == "progress":
                _report(work, *content)
            elif kind == "error":
                raise _as_error(door, content)
            else:
                return _checked(door, content)


@contextlib.contextmanager
def _child(door: EngineDoor) -> Iterator[tuple[IO[bytes], IO[bytes]]]:
    process = subprocess.Popen(
        [sys.executable, "-m", "tapehand.app.engine_process"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        env={name: value for name, value in os.environ.items() if name in KEPT_VARIABLES},
    )
    assert process.stdin is not None
    assert process.stdout is not None
    try:
        yield process.stdout, process.stdin
    finally:
        with contextlib.suppress(OSError):
            process.stdin.close()
        try:
            process.wait(GRACE_S)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
        process.stdout.close()


@contextlib.contextmanager
def _cancel_passed_on(work: Work, outbound: IO[bytes]) -> Iterator[None]:
    """Closing the child's input tells it to stop; a thread does so as soon as the work is cancelled."""
    finished = threading.Event()

    def watch() -> None:
        while not finished.wait(0.1):
            if work.cancelled.is_set():
                with contextlib.suppress(OSError):
                    outbound.close()
                return

    watcher = threading.Thread(target=watch, daemon=True)
    watcher.start()
    try:
        yield
    finally:
        finished.set()
        watcher.join()


def _report(work: Work, stage: str, done: float, total: float) -> None:
    work.report(stage, done, total)


def _received(door: EngineDoor, inbound: IO[bytes]) -> tuple[str, Any]:
    try:
        kind, content = receive(inbound)
    except (EOFError, pickle.UnpicklingError, AttributeError, ValueError, TypeError, ImportError) as error:
        raise failed(door.name, str(error) or "it ended without an answer") from error
    return kind, content


def error_as_plain(error: TapehandError) -> dict[str, Any]:
    """An error in words, to be sent to another process."""
    return {
        "kind": type(error).__name__,
        "code": error.code,
        "message": error.message,
        "hint": error.hint,
        "where": error.where,
        "cost": dict(error.cost) if isinstance(error, Refused) else {},
    }


def _as_error(door: EngineDoor, plain: Any) -> TapehandError:
    match plain:
        case {"kind": "Cancelled"}:
            return Cancelled()
        case {"kind": "Refused", "code": code, "message": message, "hint": hint, "where": where, "cost": cost}:
            return Refused(code, message, hint=hint, where=where, cost=cost)
        case {"kind": "InputError" | "UsageError", "code": code, "message": message, "hint": hint, "where": where}:
            return InputError(code, message, hint=hint, where=where)
        case {"message": str() as message}:
            return failed(door.name, message)
    return failed(door.name, "it answered with something that is no error of ours")


def _checked(door: EngineDoor, content: Any) -> tuple[EngineFacts, Proposal]:
    match content:
        case (EngineFacts() as facts, Proposal() as proposal):
            return facts, proposal
    raise failed(door.name, "it did not return a proposal")


def failed(name: str, what: str) -> InputError:
    """The error for an engine that is not ours and did not do its work."""
    return InputError(
        "engine.failed",
        f"The engine {name} failed: {what}",
        hint="The song is as it was. Ask whoever makes that engine.",
    )


def send(stream: IO[bytes], message: object) -> None:
    """One message, with its length before it."""
    payload = pickle.dumps(message, protocol=5)
    stream.write(LENGTH.pack(len(payload)))
    stream.write(payload)
    stream.flush()


def receive(stream: IO[bytes]) -> Any:
    """The next message; raises EOFError at the end, UnpicklingError for anything but nouns and sound."""
    header = stream.read(LENGTH.size)
    if len(header) < LENGTH.size:
        raise EOFError
    payload = stream.read(LENGTH.unpack(header)[0])
    return _NounsOnly(io.BytesIO(payload)).load()


class _NounsOnly(pickle.Unpickler):
    """Reads the nouns of a proposal, errors of ours, and arrays; nothing that could run."""

    def find_class(self, module: str, name: str) -> Any:
        ours = any(module == place or module.startswith(f"{place}.") for place in SPEAKS_FROM)
        arrays = (module, name) in SPEAKS_NUMPY or (
            module.startswith(("numpy.core.", "numpy._core.")) and name in ("_reconstruct", "_frombuffer", "scalar")
        )
        found = super().find_class(module, name) if (ours or arrays) and "." not in name else None
        if found is None or (ours and getattr(found, "__module__", "") != module):
            raise pickle.UnpicklingError(f"it sent a {module}.{name}")
        return found
