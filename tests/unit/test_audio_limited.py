"""Foreign files are decoded apart: what kills or hangs a decoder costs one sentence, and the next file is read."""

import os
import signal
import socket
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest
import soundfile

from tapehand.audio import io, limited
from tapehand.audio.limited import LimitedDecoder
from tapehand.errors import InputError


@pytest.fixture
def flac(tmp_path: Path) -> Path:
    path = tmp_path / "long.flac"
    soundfile.write(path, np.random.default_rng(3).uniform(-0.5, 0.5, (400_000, 2)), 48_000)
    return path


@pytest.fixture(autouse=True)
def _fresh_processes():
    limited.end_idle()
    yield
    limited.end_idle()


def worker_of(reader: io.Reader) -> limited.Worker:
    decoder = reader._source._decoder
    assert isinstance(decoder, LimitedDecoder)
    return decoder._worker


@pytest.mark.parametrize("suffix", [".flac", ".ogg", ".mp3", ".aiff", ".caf"])
def test_apart_or_here_the_samples_are_the_same(tmp_path, monkeypatch, suffix):
    path = tmp_path / f"x{suffix}"
    soundfile.write(path, np.random.default_rng(3).uniform(-0.5, 0.5, (150_001, 2)), 44_100)
    apart = io.decode(path)
    monkeypatch.setenv("TAPEHAND_DECODER", "local")
    here = io.decode(path)
    assert np.array_equal(apart.audio.samples, here.audio.samples)
    assert (apart.facts, apart.damage) == (here.facts, here.damage)


def test_a_plain_wav_starts_no_process(tmp_path):
    soundfile.write(tmp_path / "x.wav", np.zeros((100, 2)), 44_100, subtype="PCM_24")
    program = (
        "import sys; from pathlib import Path; from tapehand.audio import io, limited\n"
        "limited.Worker = None\n"
        "io.write(Path(sys.argv[1]), io.read(Path(sys.argv[2])))\n"
        "assert 'soundfile' not in sys.modules"
    )
    command = [sys.executable, "-c", program, str(tmp_path / "y.wav"), str(tmp_path / "x.wav")]
    surroundings = os.environ | {"PYTHONPATH": os.pathsep.join(filter(None, sys.path))}
    finished = subprocess.run(command, env=surroundings, capture_output=True, text=True, check=False)
    assert finished.returncode == 0, finished.stderr


def test_one_process_serves_many_files(flac):
    with io.Reader(flac) as reader:
        first = worker_of(reader)
        next(reader.blocks(1_000))  # left in the middle
    with io.Reader(flac) as reader:
        assert worker_of(reader) is first
        assert reader.rest().length_samples == 400_000


def test_two_files_at_once_have_a_process_each(flac):
    with io.Reader(flac) as one, io.Reader(flac) as other:
        assert worker_of(one) is not worker_of(other)
        for left, right in zip(one.blocks(), other.blocks(), strict=True):
            assert np.array_equal(left.samples, right.samples)


def test_many_threads(flac):
    whole = io.read(flac).samples
    with ThreadPoolExecutor(4) as pool:
        assert all(np.array_equal(audio.samples, whole) for audio in pool.map(io.read, [flac] * 8))
    assert len(limited._idle) <= limited.MOST_IDLE


def test_a_crash_is_one_sentence_and_the_next_file_is_read(flac):
    with io.Reader(flac) as reader:
        process = worker_of(reader)._process
        process.send_signal(signal.SIGSEGV)
        process.wait()
        with pytest.raises(InputError) as caught:
            reader.rest()
    assert caught.value.code == "audio.decoder_died"
    assert "long.flac" in caught.value.sentence()
    assert io.read(flac).length_samples == 400_000


def test_a_process_that_died_idle_is_replaced(flac):
    io.read(flac)
    (worker,) = limited._idle
    os.kill(worker._process.pid, signal.SIGKILL)
    worker._process.wait()
    assert io.read(flac).length_samples == 400_000


def test_a_hang_is_ended(flac, monkeypatch):
    monkeypatch.setattr(limited, "WAIT_S", 0.03)
    with io.Reader(flac) as reader:
        os.kill(worker_of(reader)._process.pid, signal.SIGSTOP)
        with pytest.raises(InputError) as caught:
            reader.rest()
    assert caught.value.code == "audio.decoder_died"
    assert "without a sound" in caught.value.message
    assert limited._idle == []


CONFINED = """
import os, resource, socket, sys, time
from tapehand.audio import decoder_process
decoder_process._confine()
failed = []
def refused(what, act):
    try:
        act()
    except (OSError, MemoryError):
        return
    failed.append(what)
refused("memory", lambda: bytearray(3 << 30))
refused("file", lambda: open(sys.argv[1], "wb", buffering=0).write(b"x" * 10))
refused("network", lambda: socket.create_connection(("127.0.0.1", int(sys.argv[2])), 2))
print(*failed)
"""


def test_the_process_can_neither_grow_nor_write_nor_call(tmp_path):
    with socket.create_server(("127.0.0.1", 0)) as server:
        command = [sys.executable, "-c", CONFINED, str(tmp_path / "x"), str(server.getsockname()[1])]
        surroundings = os.environ | {"PYTHONPATH": os.pathsep.join(filter(None, sys.path)), "OPENBLAS_NUM_THREADS": "1"}
        finished = subprocess.run(command, env=surroundings, capture_output=True, text=True, check=True)
    if finished.stdout.strip() == "network":
        pytest.skip("this kernel does not let a process cut its own network")
    assert finished.stdout.strip() == ""


def test_the_process_ends_with_its_user(flac):
    program = (
        "import os, sys; from pathlib import Path; from tapehand.audio import io, limited\n"
        "io.read(Path(sys.argv[1])); print(limited._idle[0]._process.pid, flush=True); os._exit(0)"
    )
    surroundings = os.environ | {"PYTHONPATH": os.pathsep.join(filter(None, sys.path))}
    command = [sys.executable, "-c", program, str(flac)]
    pid = int(subprocess.run(command, env=surroundings, capture_output=True, text=True, check=True).stdout)
    for _ in range(100):
        if not is_running(pid):
            return
        time.sleep(0.05)
    pytest.fail("the process outlives its user")


def is_running(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0] not in "ZX"
    except OSError:
        return False
