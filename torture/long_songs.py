"""A song of hours, 24 stereo tracks with inserts, sends and buses of any kind, rendered to a file beyond 4 GiB.

The file has exactly the samples of the song, opens with two readers that are not ours, and the process that made it
never held more than 300 MB.
"""

import random
import resource
import subprocess
import sys
from pathlib import Path

import numpy as np
import soundfile

from tapehand.audio import Audio, io
from tapehand.render.renderer import Renderer
from tapehand.song.mixer import Bus, Insert, Send, Strip
from tapehand.song.processors import (
    Band,
    Colour,
    Compressor,
    DeEsser,
    Delay,
    Equaliser,
    Gate,
    HighPass,
    MultibandCompressor,
    Processor,
    Reverb,
    Saturation,
    TransientShaper,
    Width,
)
from tapehand.song.region import AudioRegion
from tapehand.song.song import Song, Track
from tapehand.testing.endless import EndlessSources

TRACKS = 24
MOST_MB = 300.0
SHORTEST_S, LONGEST_S = 3.0 * 3_600, 3.5 * 3_600
RATES_HZ = (44_100, 48_000)
BAND = Compressor(threshold_db=-30, ratio=2, attack_ms=10, release_ms=120)
EVERY = (
    HighPass(cutoff_hz=70),
    Equaliser(bands=(Band(kind="peak", frequency_hz=400, gain_db=-3), Band(kind="high_shelf", frequency_hz=9e3))),
    BAND,
)
# Costly ones are rare, so that an attempt ends within minutes.
SOME: tuple[Processor, ...] = (
    Saturation(drive_db=3),
    DeEsser(),
    Gate(threshold_db=-50),
    TransientShaper(attack_db=2),
    Width(width=1.2),
    MultibandCompressor(crossovers_hz=(200, 2_000), bands=(BAND, BAND, BAND)),
    Colour(character="tape", drive_db=3),
)


def song(number: int) -> Song:
    """The song of an attempt."""
    chance = random.Random(number)
    rate_hz = chance.choice(RATES_HZ)
    length = round(chance.uniform(SHORTEST_S, LONGEST_S) * rate_hz)
    tracks = []
    for index in range(TRACKS):
        chain = EVERY if index % 6 else (*EVERY, chance.choice(SOME))
        strip = Strip(
            inserts=_inserts(chain),
            fader_db=-18.0,
            pan=chance.uniform(-1, 1),
            delay_samples=chance.choice((0, 0, 41)),
            sends=(Send(bus=chance.choice(("room", "echo")), level_db=-12),) if index % 3 == 0 else (),
            output=chance.choice(("mix", "mix", "group")),
        )
        region = AudioRegion(source=f"t{index}", start_samples=0, length_samples=length)
        tracks.append(Track(id=f"t{index}", name=f"t{index}", regions=(region,), strip=strip))
    buses = (
        Bus(id="room", name="Room", kind="return", strip=Strip(inserts=_inserts([Reverb(decay_s=1.2)]))),
        Bus(id="echo", name="Echo", kind="return", strip=Strip(inserts=_inserts([Delay(time_s=0.3)]))),
        Bus(id="group", name="Group", kind="group", strip=Strip(inserts=_inserts([BAND, Saturation(drive_db=2)]))),
    )
    return Song(name=str(number), rate_hz=rate_hz, tracks=tuple(tracks), buses=buses)


def _inserts(chain: object) -> tuple[Insert, ...]:
    return tuple(Insert(name=str(place), processor=each) for place, each in enumerate(chain))  # type: ignore[arg-type,var-annotated]


def attempt(number: int, folder: Path) -> str | None:
    """Render one, in a process of its own."""
    path = folder / "mix.wav"
    command = [sys.executable, "-m", "torture.long_songs", str(number), str(path)]
    told = subprocess.run(command, capture_output=True, text=True, check=False)
    if told.returncode != 0:
        return f"the render ended with {told.returncode}: {told.stderr[-300:]}"
    peak_mb, length = float(told.stdout.split()[0]), int(told.stdout.split()[1])
    made = song(number)
    least = max(region.length_samples for track in made.tracks for region in track.regions)
    if peak_mb > MOST_MB:
        return f"it took {peak_mb:.0f} MB"
    if not least <= length <= least + 10 * made.rate_hz:
        return f"{length} samples were given for a song of {least}"
    with soundfile.SoundFile(path) as file:
        if file.frames != length or not np.isfinite(file.read(4_096)).all():
            return f"libsndfile finds {file.frames} samples, not {length}"
        file.seek(length - 4_096)
        if len(file.read(4_096)) != 4_096:
            return "libsndfile cannot read the end"
    return _told_by_ffprobe(path, length, made.rate_hz)


def _told_by_ffprobe(path: Path, length: int, rate_hz: int) -> str | None:
    try:
        command = ["ffprobe", "-v", "error", "-show_entries", "stream=duration_ts", "-of", "csv=p=0", str(path)]
        found = subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip()
    except FileNotFoundError:
        return None
    return None if found == str(length) else f"ffprobe finds {found} samples at {rate_hz} Hz, not {length}"


def main(number: int, path: Path) -> None:
    """Render the song of an attempt to a float file; print the peak of memory in MB and the samples written."""
    made = song(number)
    length = made.tracks[0].regions[0].length_samples  # type: ignore[union-attr]
    renderer = Renderer(song=made, sources=EndlessSources(made.rate_hz, length), threads=2)
    with io.Writer(path, rate_hz=made.rate_hz, channels=2, subtype="FLOAT") as writer:
        for block in renderer.blocks():
            writer.write(Audio.of(block.mix, made.rate_hz))
    print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024.0, writer.length_samples)


if __name__ == "__main__":
    main(int(sys.argv[1]), Path(sys.argv[2]))
