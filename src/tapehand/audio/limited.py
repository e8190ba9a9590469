"""Foreign files decoded in a limited process: a file that crashes or hangs a decoder costs one sentence, not the work.

A process is started for the first foreign file, kept for the next ones, killed when it gives nothing for five seconds,
and replaced when it died. Two slots of shared memory keep it decoding while the samples before are used.
"""

import atexit
import contextlib
import mmap
import os
import socket
import subprocess
import sys
import tempfile
import threading
from collections.abc import Callable, Generator
from pathlib import Path
from typing import Final

import numpy as np

from tapehand.audio import decoder_wire as wire
from tapehand.audio.facts import FileFacts, NotReadable, Told
from tapehand.audio.refusals import bad_file
from tapehand.audio.sources import Frames
from tapehand.errors import InputError

# Counted in short waits, not by the clock: a computer that sleeps or a stopped job has not waited.
WAIT_S: Final = 0.5
MOST_WAITS: Final = 10
MOST_WAITS_AT_START: Final = 120
MOST_IDLE: Final = max(2, os.cpu_count() or 1)
FactsOf = Callable[[Path, int, Told], FileFacts]


class DecoderDied(Exception):
    """The process crashed or was killed for giving nothing; the message is what to say of the file."""


class Worker:
    """One limited process and the memory shared with it; serves one file at a time."""

    def __init__(self) -> None:
        ours, theirs = socket.socketpair()
        with theirs, _shared_file() as shared:
            self._memory = mmap.mmap(shared, wire.SHARED_BYTES)
            passed = (theirs.fileno(), shared)
            command = [sys.executable, "-P", "-m", "tapehand.audio.decoder_process", *map(str, passed)]
            # One thread of a BLAS that is never used: threads would hold memory and keep the network from being cut.
            surroundings = os.environ | {
                "OPENBLAS_NUM_THREADS": "1",
                "PYTHONPATH": os.pathsep.join(filter(None, sys.path)),
            }
            self._process = subprocess.Popen(
                command,
                env=surroundings,
                pass_fds=passed,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
            )
        self._socket = ours
        self._slots = np.frombuffer(self._memory, dtype=np.float32).reshape(wire.SLOTS, -1)
        self._receive(len(wire.READY), MOST_WAITS_AT_START)

    @property
    def is_alive(self) -> bool:
        """Whether the process can be asked for more."""
        return self._process.poll() is None

    def open(self, descriptor: int) -> Told | None:
        """Hand over an open file; None where libsndfile does not take it. Raises DecoderDied."""
        self._send(wire.OPEN, 0, [descriptor])
        readable, container, subtype, rate_hz, channels, length = wire.OPENED.unpack(self._receive(wire.OPENED.size))
        return Told(_name(container), _name(subtype), rate_hz, channels, length) if readable else None

    def ask(self, slot: int) -> None:
        """Have the next samples decoded into a slot. Raises DecoderDied."""
        self._send(wire.FILL, slot)

    def answer(self) -> tuple[int, bool]:
        """How many samples per channel the oldest request brought, and whether it went well. Raises DecoderDied."""
        well, count = wire.FILLED.unpack(self._receive(wire.FILLED.size))
        return count, well

    def frames(self, slot: int, count: int, channels: int) -> Frames:
        """The samples of a slot ``(samples, channels)``, to be used before the slot is asked for again."""
        if not 0 <= count <= wire.slot_samples(channels):
            raise DecoderDied("made its decoder lose count")
        return self._slots[slot, : count * channels].reshape(count, channels)

    def leave(self) -> None:
        """Have the file closed. Raises DecoderDied."""
        self._send(wire.CLOSE, 0)

    def end(self) -> None:
        """Kill the process."""
        self._process.kill()
        self._process.wait()
        self._socket.close()

    def _send(self, what: bytes, slot: int, descriptors: list[int] | None = None) -> None:
        try:
            socket.send_fds(self._socket, [wire.REQUEST.pack(what, slot)], descriptors or [])
        except OSError:
            raise DecoderDied("made its decoder crash") from None

    def _receive(self, size: int, most_waits: int = MOST_WAITS) -> bytes:
        self._socket.settimeout(WAIT_S)
        answer, waits = b"", 0
        while len(answer) < size:
            try:
                more = self._socket.recv(size - len(answer))
            except TimeoutError:
                waits += 1
                if waits == most_waits:
                    raise DecoderDied(
                        f"kept its decoder busy for {WAIT_S * most_waits:.0f} s without a sound"
                    ) from None
                continue
            except OSError:
                more = b""
            if not more:
                raise DecoderDied("made its decoder crash")
            answer += more
        return answer


class LimitedDecoder:
    """A file decoded by libsndfile in a limited process.

    Raises
    ------
    NotReadable
        It is none that libsndfile takes.
    InputError
        ``audio.decoder_died``: it crashed its decoder or kept it busy without a result.
    """

    def __init__(self, path: Path, descriptor: int, facts_of: FactsOf) -> None:
        self.stopped = False
        self._path = path
        self._outstanding = 0
        self._worker: Worker | None = None
        with self._told():
            self._worker = _lent()
            told = self._worker.open(descriptor)
        if told is None:
            self.close()
            raise NotReadable
        try:
            self.facts: FileFacts = facts_of(path, descriptor, told)
        except InputError:
            self.close()
            raise
        self.blocks = self._decode(self._worker)

    def close(self) -> None:
        """Give the process back; one that died or does not answer any more is ended."""
        worker, self._worker = self._worker, None
        if worker is None:
            return
        try:
            while self._outstanding:
                self._outstanding -= 1
                worker.answer()
            worker.leave()
        except DecoderDied:
            worker.end()
        else:
            _give_back(worker)

    def _decode(self, worker: Worker) -> Generator[Frames, None, None]:
        channels = self.facts.channels
        with self._told():
            for slot in range(wire.SLOTS):
                self._ask(worker, slot)
            slot, well = 0, True
            while well:
                count, well = worker.answer()
                self._outstanding -= 1
                self.stopped = not well
                if count == 0:
                    return
                yield worker.frames(slot, count, channels)
                if well:
                    self._ask(worker, slot)
                slot = (slot + 1) % wire.SLOTS

    def _ask(self, worker: Worker, slot: int) -> None:
        worker.ask(slot)
        self._outstanding += 1

    @contextlib.contextmanager
    def _told(self) -> Generator[None, None, None]:
        """Turn a death into the sentence about the file, and bury the process."""
        try:
            yield
        except DecoderDied as death:
            if self._worker is not None:
                self._worker.end()
                self._worker = None
            raise bad_file(self._path, "audio.decoder_died", str(death)) from None


_lock = threading.Lock()
_idle: list[Worker] = []


def _lent() -> Worker:
    """An idle process, or a new one where all are in use."""
    with _lock:
        while _idle:
            worker = _idle.pop()
            if worker.is_alive:
                return worker
            worker.end()
    return Worker()


def _give_back(worker: Worker) -> None:
    with _lock:
        if len(_idle) < MOST_IDLE:
            _idle.append(worker)
            return
    worker.end()


def end_idle() -> None:
    """End the processes that wait for work; the next file starts another."""
    with _lock:
        workers = _idle[:]
        _idle.clear()
    for worker in workers:
        worker.end()


atexit.register(end_idle)
if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_idle.clear)  # they serve the parent


def _name(raw: bytes) -> str:
    return raw.rstrip(b"\0").decode("ascii", "replace")


@contextlib.contextmanager
def _shared_file() -> Generator[int, None, None]:
    """A file without a name, of the size of the shared memory."""
    with tempfile.TemporaryFile() as file:
        descriptor = os.memfd_create("tapehand") if hasattr(os, "memfd_create") else os.dup(file.fileno())
        try:
            os.ftruncate(descriptor, wire.SHARED_BYTES)
            yield descriptor
        finally:
            os.close(descriptor)
