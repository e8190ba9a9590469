"""A song from its files to its mix: speed, what an edit costs, and memory.

24 stereo tracks of WAV24 in the page cache, high-pass, four bands and compressor on each, panned into one mix, which is
written as WAV24 with dither. Times are of the whole way, decoding and encoding included, on two threads.
"""

import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from bench.timing import peak_memory_mb
from tapehand.audio import Audio, io
from tapehand.render.assembly import Assembly
from tapehand.render.mixer import STEP_SAMPLES, Part
from tapehand.render.renderer import RENDER_VERSION, Renderer
from tapehand.render.shelf import Shelf
from tapehand.render.sounds import Sound
from tapehand.render.sums import parts_since
from tapehand.song.mixer import Insert, Strip
from tapehand.song.processors import Band, Compressor, Equaliser, Gain, HighPass
from tapehand.song.region import AudioRegion
from tapehand.song.song import Song, Track
from tapehand.store.render_cache import DiskRenderCache
from tapehand.testing.endless import EndlessSources

RATE_HZ = 44_100
TRACKS = 24
SONG_S = 240
ROUNDS = 3
THREADS = 2
EDITED = "t5"
CACHE_BYTES = 8 << 30
LONG_S = 3 * 3_600
BANDS = (
    Band(kind="low_shelf", frequency_hz=120.0, gain_db=2.0),
    Band(kind="peak", frequency_hz=400.0, gain_db=-3.0, q=1.0),
    Band(kind="peak", frequency_hz=3000.0, gain_db=2.0, q=1.4),
    Band(kind="high_shelf", frequency_hz=9000.0, gain_db=1.5),
)
INSERTS = (
    Insert(name="high-pass", processor=HighPass(cutoff_hz=80.0)),
    Insert(name="equaliser", processor=Equaliser(bands=BANDS)),
    Insert(name="compressor", processor=Compressor(threshold_db=-20.0, ratio=3.0, attack_ms=10.0, release_ms=120.0)),
)


@dataclass(frozen=True, slots=True)
class Files:
    """Recordings by name in a folder."""

    folder: Path

    def open(self, blob: str) -> Sound | None:
        return io.open_sound(self.folder / f"{blob}.wav")

    def blocks(self, blob: str) -> Iterator[Audio]:
        return io.blocks(self.folder / f"{blob}.wav")


def song(length_s: float, trim_db: float = 0.0) -> Song:
    """24 tracks; ``trim_db`` is in the inserts of one of them, so a change of it is a change of that chain."""
    tracks = []
    for number in range(TRACKS):
        name, pan = f"t{number}", 2.0 * number / (TRACKS - 1) - 1.0
        trim = (Insert(name="trim", processor=Gain(gain_db=trim_db)),) if name == EDITED else ()
        region = AudioRegion(source=name, start_samples=0, length_samples=round(length_s * RATE_HZ))
        strip = Strip(inserts=(*trim, *INSERTS), pan=pan, fader_db=-12.0)
        tracks.append(Track(id=name, name=name, regions=(region,), strip=strip))
    return Song(name="bench", rate_hz=RATE_HZ, tracks=tuple(tracks))


def write_files(folder: Path, length_s: float) -> None:
    """The recordings as WAV24, noise that swells so that compressors work."""
    length = round(length_s * RATE_HZ)
    swell = np.float32(0.05) + np.float32(0.25) * (np.arange(length) // 5_000 % 4 == 0).astype(np.float32)
    for number in range(TRACKS):
        noise = np.random.default_rng(number).standard_normal((2, length), dtype=np.float32)
        io.write(folder / f"t{number}.wav", Audio.of(noise * swell, RATE_HZ))


def mix_to_file(renderer: Renderer, path: Path) -> None:
    """The mix of a song into a file, block by block."""
    with io.Writer(path, rate_hz=RATE_HZ, channels=2, dither_seed=1, overwrite=True) as writer:
        for block in renderer.blocks():
            writer.write(Audio.of(block.mix, RATE_HZ))


def mix_only(renderer: Renderer) -> None:
    """The mix of a song, thrown away."""
    for _ in renderer.blocks():
        pass


def tracks_only(renderer: Renderer) -> None:
    """Everything up to the buses: all chains, or after an edit the changed one and the kept sum of the others."""
    shelf = Shelf(sources=renderer.sources, cache=renderer.cache, version=(RENDER_VERSION, renderer.build))
    desk = Assembly(renderer.song, shelf, threads=renderer.threads)
    with ExitStack() as keeping:
        if renderer.before is None:
            parts: list[Part] = [desk.crew(desk.tracks)]
        else:
            parts = parts_since(renderer.before, desk, shelf, keeping).parts
        for start in range(0, desk.end_samples, STEP_SAMPLES):
            end = min(start + STEP_SAMPLES, desk.end_samples)
            for part in parts:
                part.begin(dict.fromkeys(desk.windows, start), start, end)
            for part in parts:
                part.finish(desk.windows)
            for window in desk.windows.values():
                window.carried.fill(0.0)
                window.move(end)
        for part in parts:
            part.close()


@dataclass(frozen=True, slots=True)
class Cost:
    """Seconds by the clock and of both cores."""

    wall_s: float
    cpu_s: float


def cost(run: object, *arguments: object) -> Cost:
    wall, cpu = time.perf_counter(), time.process_time()
    run(*arguments)  # type: ignore[operator]
    return Cost(time.perf_counter() - wall, time.process_time() - cpu)


def measure() -> str:
    """Run the comparisons; returns their section of the results."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        write_files(folder, SONG_S)
        whole, edits, start = _times(folder)
    wall, cpu = statistics.median(each.wall_s for each in whole), statistics.median(each.cpu_s for each in whole)
    peaks = {length_s: peak_mb(length_s) for length_s in (30, 240)}
    long = cost(lambda: peaks.setdefault(LONG_S, peak_mb(LONG_S)))
    return "\n".join(
        [
            "## A song from its files to its mix",
            f"{TRACKS} stereo tracks of WAV24 x {SONG_S} s, {RATE_HZ} Hz, to a WAV24 with dither; {THREADS} threads.",
            "",
            f"- {SONG_S / wall:.0f} times real time by the clock (median of {ROUNDS}; other work on the machine counts"
            f" against it), **{THREADS * SONG_S / cpu:.0f} times real time on {THREADS} cores** by CPU time,"
            f" {SONG_S / cpu:.0f} on one.",
            f"- One track edited (its chain, and the kept sum of all others): **{edits[0]:.3f}** of the CPU of making"
            f" all chains, up to the buses; the whole file **{edits[2]:.2f}** of all of it. The first time a track is"
            f" touched the mix costs {edits[1]:.2f}: it is taken out of the last sum, and the rest is kept.",
            f"- Listening from the middle of the song: the first block after {start[0] * 1e3:.0f} ms of CPU from a kept"
            f" moment, {start[1] * 1e3:.0f} ms with {10} s of pre-roll.",
            f"- Peak memory {peaks[30]:.0f} MB for 30 s of song, {peaks[240]:.0f} MB for 8 times as much:"
            f" **{peaks[240] / peaks[30]:.3f}**. Three hours of {TRACKS} stereo tracks: **{peaks[LONG_S]:.0f} MB**"
            f" ({LONG_S / long.wall_s:.0f} times real time by the clock).",
        ]
    )


def _times(folder: Path) -> tuple[list[Cost], tuple[float, float, float], tuple[float, float]]:
    files, out = Files(folder), folder / "mix.wav"
    whole, chains, mixed, first, steady, edited_file = [], [], [], [], [], []
    for turn in range(ROUNDS):
        plain = Renderer(song=song(SONG_S), sources=files, threads=THREADS)
        whole.append(cost(mix_to_file, plain, out))
        chains.append(cost(tracks_only, plain))
        mixed.append(cost(mix_only, plain))
        cache = DiskRenderCache(folder / f"cache{turn}", CACHE_BYTES)
        before = song(SONG_S)
        mix_only(replace(plain, cache=cache, before=before))
        for trim_db, run, costs in ((-1.0, mix_only, first), (-2.0, tracks_only, steady)):
            after = song(SONG_S, trim_db)
            costs.append(cost(run, replace(plain, song=after, cache=cache, before=before)))
            before = after
        last = replace(plain, song=song(SONG_S, -3.0), cache=cache, before=before)
        edited_file.append(cost(mix_to_file, last, out))
        content = out.read_bytes()
        mix_to_file(replace(last, before=None), out)
        if content != out.read_bytes():
            raise SystemExit("An edit from kept sums does not give the bytes of a whole render")
    starts = _starts(folder, files)
    edits = (_median(steady) / _median(chains), _median(first) / _median(mixed), _median(edited_file) / _median(whole))
    return whole, edits, starts


def _starts(folder: Path, files: Files) -> tuple[float, float]:
    """CPU seconds until the first block from the middle of a song: from a kept moment, and with pre-roll."""
    made = song(SONG_S)
    plain = Renderer(song=made, sources=files, threads=THREADS)
    kept = replace(plain, before=made, cache=DiskRenderCache(folder / "moments", CACHE_BYTES))
    mix_only(kept)
    middle = SONG_S // 2 * RATE_HZ
    times = []
    for renderer in (kept, plain):
        blocks = renderer.blocks(start_samples=middle)
        times.append(cost(next, blocks).cpu_s)
        blocks.close()  # type: ignore[attr-defined]
    return times[0], times[1]


def _median(costs: list[Cost]) -> float:
    return statistics.median(each.cpu_s for each in costs)


def peak_mb(length_s: int) -> float:
    """Peak memory of a process of its own that renders a song of that length, made while it is read, to nowhere."""
    command = [sys.executable, "-m", "bench.render", str(length_s)]
    told = subprocess.run(command, capture_output=True, text=True, check=True, env=dict(os.environ))
    return float(told.stdout)


def main(length_s: int) -> None:
    """Render a song of that length and print the peak of memory in MB."""
    sources = EndlessSources(RATE_HZ, length_s * RATE_HZ)
    mix_only(Renderer(song=song(length_s), sources=sources, threads=THREADS))
    print(peak_memory_mb())


if __name__ == "__main__":
    main(int(sys.argv[1]))
