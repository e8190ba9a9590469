"""Where options differ most: the section, or else the half minute, that is worth hearing.

Each render is seen as levels in half-octave bands of mid and side, every half second, with its overall loudness taken
out; the difference of two options is the mean over bands of how far their levels lie apart.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import combinations
from math import log10
from typing import Final

import numpy as np
from numpy.typing import NDArray

from tapehand.app.matching import heard_loudness_lufs
from tapehand.audio import Audio
from tapehand.catalogue.loading import load
from tapehand.music.time import Place
from tapehand.song.region import Span
from tapehand.song.song import Song
from tapehand.units import SILENCE_DB, samples_to_seconds, seconds_to_samples

Cells = NDArray[np.float64]
FRAME_SAMPLES: Final = 4096
QUIETEST_POWER: Final = 1e-20
# Levels of bands are counted from the song's loudness: a band alone can hold all of it, and in a loud cell some more.
TOP_DB: Final = 6.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Stretch:
    """A part of the song that is to be heard, and why this one. ``name`` is the section's, or a time."""

    span: Span
    name: str
    why: str


def most_different(song: Song, renders: Sequence[Audio]) -> Stretch:
    """The section (or the window of 25 s) of the song where its renders differ most.

    A section longer than 30 s is heard by its most different 25 s. Everything is heard where the song is short.
    """
    sizes = load("trials")["region"]
    length = max(render.length_samples for render in renders)
    if samples_to_seconds(length, song.rate_hz) <= sizes["longest_s"]:
        return Stretch(span=Span(start_samples=0, end_samples=length), name="the whole song", why="the song is short")
    differences = _differences(renders, sizes["step_s"])
    total = differences.sum(axis=0)
    span, name = max(_candidates(song, length), key=lambda candidate: _over(total, candidate[0], song.rate_hz))
    return Stretch(span=span, name=name, why=_why(differences, span, song.rate_hz))


def _candidates(song: Song, length_samples: int) -> Iterator[tuple[Span, str]]:
    """Sections of a length that can be remembered; windows of the longer ones; windows of a song without sections."""
    sizes = load("trials")["region"]
    shortest, longest = (seconds_to_samples(sizes[name], song.rate_hz) for name in ("shortest_s", "longest_s"))
    found = False
    for span, name in _sections(song, length_samples):
        if span.length_samples > longest:
            found = True
            yield from ((window, f"{name}, {_clock(window, song.rate_hz)}") for window in _windows(span, song.rate_hz))
        elif span.length_samples >= shortest:
            found = True
            yield span, name
    if not found:
        whole = Span(start_samples=0, end_samples=length_samples)
        yield from ((window, _clock(window, song.rate_hz)) for window in _windows(whole, song.rate_hz))


def _sections(song: Song, length_samples: int) -> Iterator[tuple[Span, str]]:
    grid = song.grid
    if grid is None:
        return
    for section in song.sections:
        start, end = (
            grid.samples_at(grid.tick_of(Place(bar=bar)), song.rate_hz) for bar in (section.start_bar, section.end_bar)
        )
        if start < length_samples:
            yield Span(start_samples=start, end_samples=min(end, length_samples)), section.name


def _windows(span: Span, rate_hz: int) -> Iterator[Span]:
    sizes = load("trials")["region"]
    width, step = (seconds_to_samples(sizes[name], rate_hz) for name in ("window_s", "step_s"))
    for start in range(span.start_samples, max(span.end_samples - width, span.start_samples) + 1, step):
        yield Span(start_samples=start, end_samples=min(start + width, span.end_samples))


def _differences(renders: Sequence[Audio], cell_s: float) -> Cells:
    """Distance in dB, mean over pairs of renders: ``(bands of mid, then of side; cells)``; bands sum to their mean."""
    levels = [_levels_db(render, cell_s) for render in renders]
    cells = max(each.shape[1] for each in levels)
    bottom = load("trials")["difference"]["floor_db"]
    padded = [np.pad(each, ((0, 0), (0, cells - each.shape[1])), constant_values=-bottom) for each in levels]
    pairs = list(combinations(padded, 2)) or [(padded[0], padded[0])]
    total: Cells = np.zeros_like(padded[0])
    for first, second in pairs:
        total += np.abs(first - second)
    total /= len(pairs) * len(total)
    return total


def _levels_db(audio: Audio, cell_s: float) -> Cells:
    """Levels of bands over time, 0 dB for the loudest, what cannot be heard beside it all at the floor."""
    settings = load("trials")["difference"]
    powers = _cell_powers(audio, cell_s)
    loudness = heard_loudness_lufs(audio)
    if loudness == SILENCE_DB:
        return np.full(powers.shape, -float(settings["floor_db"]))
    levels: Cells = 10.0 * np.log10(np.maximum(powers, QUIETEST_POWER)) - (loudness + TOP_DB)
    return np.maximum(levels, -float(settings["floor_db"]))


def _cell_powers(audio: Audio, cell_s: float) -> Cells:
    """Power ``(2 x bands, cells)`` of mid and side in cells of about ``cell_s``."""
    stereo = audio.stereo().samples
    frames_per_cell = max(1, round(cell_s * audio.rate_hz / FRAME_SAMPLES))
    width = frames_per_cell * FRAME_SAMPLES
    bands = _band_of_line(audio.rate_hz)
    window = np.hanning(FRAME_SAMPLES + 1)[:-1]
    columns = []
    for start in range(0, stereo.shape[1], width):
        piece = stereo[:, start : start + width]
        piece = np.pad(piece, ((0, 0), (0, width - piece.shape[1])))
        columns.append(_band_powers(piece, window, bands))
    return np.stack(columns, axis=1) if columns else np.zeros((2 * (int(bands.max()) + 1), 0))


def _band_powers(piece: NDArray[np.float32], window: NDArray[np.float64], bands: NDArray[np.intp]) -> Cells:
    count = int(bands.max()) + 1
    powers = []
    for side in (0.5 * (piece[0] + piece[1]), 0.5 * (piece[0] - piece[1])):
        lines = np.fft.rfft(side.reshape(-1, FRAME_SAMPLES) * window, axis=1)
        energy = (lines.real**2 + lines.imag**2).mean(axis=0) * (2.0 / (FRAME_SAMPLES * float((window**2).sum())))
        powers.append(np.bincount(bands[bands >= 0], weights=energy[bands >= 0], minlength=count))
    return np.concatenate(powers)


def _band_of_line(rate_hz: int) -> NDArray[np.intp]:
    """For every line of a frame the number of its band, -1 outside of all."""
    settings = load("trials")["difference"]
    lowest, highest = settings["lowest_hz"], min(settings["highest_hz"], rate_hz / 2)
    frequencies = np.arange(FRAME_SAMPLES // 2 + 1) * (rate_hz / FRAME_SAMPLES)
    inside = (frequencies >= lowest) & (frequencies < highest)
    octaves = np.log2(np.maximum(frequencies, lowest) / lowest)
    return np.where(inside, (octaves * settings["bands_per_octave"]).astype(np.intp), -1)


def _over(difference: Cells, span: Span, rate_hz: int) -> float:
    """Mean of cells under a span."""
    first, last = _cells_under(span, rate_hz)
    inside = difference[..., first : max(last, first + 1)]
    return float(inside.sum()) / max(last - first, 1)


def _cells_under(span: Span, rate_hz: int) -> tuple[int, int]:
    width = max(1, round(load("trials")["region"]["step_s"] * rate_hz / FRAME_SAMPLES)) * FRAME_SAMPLES
    return round(span.start_samples / width), round(span.end_samples / width)


def _why(differences: Cells, span: Span, rate_hz: int) -> str:
    settings = load("trials")["difference"]
    here = _over(differences.sum(axis=0), span, rate_hz)
    everywhere = float(differences.sum()) / differences.shape[1]
    if here < settings["least_db"]:
        return "the options hardly differ anywhere"
    first, last = _cells_under(span, rate_hz)
    loudest = int(differences[:, first:last].sum(axis=1).argmax())
    count = differences.shape[0] // 2
    centre_hz = settings["lowest_hz"] * 2.0 ** ((loudest % count + 0.5) / settings["bands_per_octave"])
    where = "at the sides" if loudest >= count else "in the middle"
    return (
        f"the options differ most here: {here:.1f} dB a band, {everywhere:.1f} dB over the whole song, "
        f"most of it around {_hertz(centre_hz)} {where}"
    )


def _hertz(frequency_hz: float) -> str:
    step = 10 ** max(0, int(log10(frequency_hz)) - 1)
    rounded = round(frequency_hz / step) * step
    return f"{rounded / 1000:g} kHz" if rounded >= 1000 else f"{rounded} Hz"


def _clock(span: Span, rate_hz: int) -> str:
    first, last = (round(samples_to_seconds(at, rate_hz)) for at in (span.start_samples, span.end_samples))
    return f"{first // 60}:{first % 60:02d}-{last // 60}:{last % 60:02d}"
