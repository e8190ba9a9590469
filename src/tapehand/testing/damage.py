"""The damage list: what happens to stems on their way to a mixer, done to a generated session with the truth kept.

One function a fault; ``damage_session`` draws which track gets which. Nothing here is used by the product itself.
"""

import json
import struct
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Final

import numpy as np
from numpy.typing import NDArray

from tapehand.audio import Audio
from tapehand.audio.io import read, write
from tapehand.audio.resample import resample

HARD_GAIN_DB: Final = 12.0
ROUGH_GAIN_DB: Final = 4.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Damage:
    """What was done to one track. ``name`` is the file's name after, ``was`` before; 0, 1 and None mean untouched."""

    name: str
    was: str | None
    gain_db: float = 0.0
    tilt_db_per_octave: float = 0.0
    polarity: int = 1
    delay_samples: int = 0
    partner_of: str | None = None
    start_offset_samples: int = 0
    rate_hz: int | None = None
    clipped_samples: int = 0
    silent: bool = False
    dual_mono: bool = False
    click_track: bool = False


def damage_session(clean: Path, damaged: Path, *, seed: int, gain_db: float = HARD_GAIN_DB) -> tuple[Damage, ...]:
    """Damages every WAV of ``clean`` into ``damaged`` (created); the list of damages is also written beside it.

    Gains are drawn evenly from ±``gain_db`` (12 = thrown together, 4 = a rough mix), tilts from ±1.5 dB per octave,
    polarity flips with p = 0.3, meaningless names with p = 0.3. One track each is clipped, silent, dual mono, at
    48 kHz, and starts late with the start only in its BWF time reference; one more is a second microphone of another
    track, delayed by 0.1 to 15 ms, and one a click.
    """
    damaged.mkdir(parents=True)
    random = np.random.default_rng(seed)
    stems = sorted(clean.glob("*.wav"))
    special = dict(zip(_SPECIALS, random.permutation(len(stems))[: len(_SPECIALS)].tolist(), strict=False))
    done = [
        _damage_one(stem, damaged, random, gain_db, frozenset(k for k, v in special.items() if v == index), index)
        for index, stem in enumerate(stems)
    ]
    done.append(_partner(stems[int(random.integers(len(stems)))], damaged, random))
    done.append(_click(damaged, stems[0]))
    damaged.with_name(f"{damaged.name}.damage.json").write_text(json.dumps([asdict(d) for d in done], indent=1))
    return tuple(done)


_SPECIALS: Final = ("clipped", "silent", "dual_mono", "rate", "offset")


def _damage_one(
    stem: Path, folder: Path, random: np.random.Generator, gain_db: float, special: frozenset[str], index: int
) -> Damage:
    audio = read(stem)
    gain = float(random.uniform(-gain_db, gain_db))
    tilt_db = float(random.uniform(-1.5, 1.5))
    polarity = -1 if random.random() < 0.3 else 1
    name = f"Audio {index + 1:02d}" if random.random() < 0.3 else stem.stem
    audio = Audio.of(tilted(audio, tilt_db).samples * np.float32(polarity * 10 ** (gain / 20)), audio.rate_hz)
    clipped, offset = 0, 0
    if "clipped" in special:
        audio, clipped = clipped_by(audio, 6.0)
    if "silent" in special:
        audio = Audio.silence(audio.channels, audio.length_samples, audio.rate_hz)
    if "dual_mono" in special:
        audio = Audio.of(np.repeat(audio.samples[:1], 2, axis=0), audio.rate_hz)
    if "rate" in special:
        audio = resample(audio, 48_000)
    if "offset" in special:
        offset = audio.rate_hz * 4
        audio = audio.span(offset, audio.length_samples)
    path = folder / f"{name}.wav"
    write(path, audio, subtype="PCM_24")
    if offset:
        add_time_reference(path, offset)
    return Damage(
        name=name,
        was=stem.stem,
        gain_db=gain,
        tilt_db_per_octave=tilt_db,
        polarity=polarity,
        start_offset_samples=offset,
        rate_hz=audio.rate_hz if "rate" in special else None,
        clipped_samples=clipped,
        silent="silent" in special,
        dual_mono="dual_mono" in special,
    )


def tilted(audio: Audio, db_per_octave: float) -> Audio:
    """A straight spectral tilt about 1 kHz, zero phase, between 20 Hz and 20 kHz."""
    return _filtered(audio, lambda hz: 10.0 ** (db_per_octave * np.log2(np.clip(hz, 20.0, 20_000.0) / 1000.0) / 20))


def _filtered(audio: Audio, gain_at: Callable[[NDArray[np.floating]], NDArray[np.floating]]) -> Audio:
    """Zero-phase filter by its gain over frequency, on a transform length that is quick to work with."""
    padded = -(-audio.length_samples // 65_536) * 65_536
    spectrum = np.fft.rfft(audio.samples.astype(np.float64), padded, axis=1)
    spectrum *= gain_at(np.fft.rfftfreq(padded, 1 / audio.rate_hz))
    return Audio.of(np.fft.irfft(spectrum, padded, axis=1)[:, : audio.length_samples], audio.rate_hz)


def clipped_by(audio: Audio, over_db: float) -> tuple[Audio, int]:
    """Driven ``over_db`` over full scale and cut off there; also how many samples were cut."""
    peak = float(np.abs(audio.samples).max()) or 1.0
    driven = audio.samples * np.float32(10 ** (over_db / 20) / peak)
    return Audio.of(np.clip(driven, -1.0, 1.0), audio.rate_hz), int((np.abs(driven) >= 1.0).sum())


def _partner(stem: Path, folder: Path, random: np.random.Generator) -> Damage:
    """A second microphone of the same source: narrower, with a reflection, late, 12 dB down."""
    audio = read(stem)
    delay = int(random.uniform(0.0001, 0.015) * audio.rate_hz)
    narrow = _filtered(audio, lambda hz: (hz > 90) / np.sqrt(1 + (hz / 5000) ** 4))
    near = np.roll(narrow.samples, delay, axis=1)
    far = np.tanh(2 * near + 0.3 * np.roll(near, int(0.007 * audio.rate_hz), axis=1)) / 2
    name = f"{stem.stem} mic2"
    write(folder / f"{name}.wav", Audio.of(far, audio.rate_hz), subtype="PCM_24")
    return Damage(name=name, was=None, partner_of=stem.stem, delay_samples=delay)


def _click(folder: Path, like: Path) -> Damage:
    reference = read(like)
    line = np.zeros(reference.length_samples)
    tick = 0.5 * np.sin(2 * np.pi * 1500 * np.arange(600) / reference.rate_hz) * np.linspace(1, 0, 600)
    for start in range(0, line.size - tick.size, reference.rate_hz // 2):
        line[start : start + tick.size] = tick
    write(folder / "Click.wav", Audio.of(line[None, :], reference.rate_hz), subtype="PCM_24")
    return Damage(name="Click", was=None, click_track=True)


def add_time_reference(path: Path, start_samples: int) -> None:
    """Appends a ``bext`` chunk (EBU Tech 3285, version 1) whose time reference is ``start_samples``."""
    body = struct.pack("<256s32s32s10s8sQH", b"", b"", b"", b"2026-01-01", b"00:00:00", start_samples, 1)
    body += bytes(602 - len(body))
    with path.open("r+b") as file:
        file.seek(0, 2)
        file.write(b"bext" + struct.pack("<I", len(body)) + body)
        end = file.tell()
        file.seek(4)
        file.write(struct.pack("<I", end - 8))
