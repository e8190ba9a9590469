"""The limited process in which foreign files are decoded. It is given an open file and shared memory, and nothing else:
it can open no network, start no program, write no file, and grow only so far.
"""

import ctypes
import mmap
import os
import resource
import signal
import socket
import sys
import time
from typing import Final

import numpy as np
from numpy.typing import NDArray

from tapehand.audio import decoder_wire as wire
from tapehand.audio.facts import NotReadable
from tapehand.audio.libsndfile import Stream

LARGEST_BYTES: Final = 2 << 30
CPU_S: Final = 10  # for one request; a second kind of net should the user of the process be gone
CLONE_NEWUSER, CLONE_NEWNET = 0x10000000, 0x40000000


def main(control: int, memory: int) -> None:
    """Serve one user over the socket ``control`` until it hangs up."""
    shared = np.frombuffer(mmap.mmap(memory, wire.SHARED_BYTES), dtype=np.float32)
    _confine()
    with socket.socket(fileno=control) as user:
        user.sendall(wire.READY)
        _serve(user, shared.reshape(wire.SLOTS, -1))


class _OpenFile:
    """The file in work; once it ended or failed its decoder is not touched again."""

    def __init__(self, descriptor: int) -> None:
        self.descriptor = descriptor
        self.ended = False
        os.lseek(descriptor, 0, os.SEEK_SET)
        try:
            self.stream: Stream | None = Stream(descriptor)
        except NotReadable:
            self.stream = None

    def told(self) -> bytes:
        if self.stream is None:
            return wire.OPENED.pack(False, b"", b"", 0, 0, 0)
        told = self.stream.told
        names = told.container.encode(), told.subtype.encode()
        return wire.OPENED.pack(True, *names, told.rate_hz, told.channels, told.length_samples)

    def fill(self, slot: NDArray[np.float32]) -> bytes:
        """As many small blocks as the slot holds; what came before a failure counts."""
        stream, count, well = self.stream, 0, True
        if stream is not None and not self.ended:
            channels = stream.told.channels
            room = wire.slot_samples(channels)
            frames = slot[: room * channels].reshape(room, channels)
            while count < room and not self.ended:
                got = stream.read_into(frames[count : count + stream.block_samples])
                well, self.ended = got is not None, not got
                count += got or 0
        return wire.FILLED.pack(well, count)

    def close(self) -> None:
        if self.stream is not None:
            self.stream.close()
        os.close(self.descriptor)


def _serve(user: socket.socket, slots: NDArray[np.float32]) -> None:
    file: _OpenFile | None = None
    while True:
        request, descriptors, _, _ = socket.recv_fds(user, wire.REQUEST.size, 1)
        if len(request) < wire.REQUEST.size:
            return
        _renew_cpu()
        what, slot = wire.REQUEST.unpack(request)
        if what == wire.OPEN:
            file = _OpenFile(descriptors[0])
            user.sendall(file.told())
        elif file is not None and what == wire.FILL:
            user.sendall(file.fill(slots[slot]))
        elif file is not None and what == wire.CLOSE:
            file.close()
            file = None


def _confine() -> None:
    """From here on: bounded memory, no files, no programs, no network where the kernel lets us cut it."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is for our user, whose end ends us
    if sys.platform == "linux":
        ctypes.CDLL(None).unshare(CLONE_NEWUSER | CLONE_NEWNET)
    limits = {"AS": LARGEST_BYTES, "FSIZE": 0, "CORE": 0, "NOFILE": 32, "NPROC": 0}
    for name, limit in limits.items():
        kind = getattr(resource, f"RLIMIT_{name}", None)
        if kind is not None:
            hard = resource.getrlimit(kind)[1]
            least = limit if hard == resource.RLIM_INFINITY else min(limit, hard)
            resource.setrlimit(kind, (least, least))


def _renew_cpu() -> None:
    hard = resource.getrlimit(resource.RLIMIT_CPU)[1]
    wanted = int(time.process_time()) + CPU_S
    resource.setrlimit(resource.RLIMIT_CPU, (wanted if hard == resource.RLIM_INFINITY else min(wanted, hard), hard))


if __name__ == "__main__":
    main(int(sys.argv[1]), int(sys.argv[2]))
