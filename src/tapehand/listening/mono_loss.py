"""What is lost when left and right become one: by band, for each stereo track and for all of them together.

A whole track upside down is heard while it is read (``levels``, ``channel_trace``); here it is the wide bass that a
club's system sums away, and what only the sum of the tracks does.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from tapehand.audio import Audio
from tapehand.catalogue.loading import load
from tapehand.listening.kinds import finding, limit, threshold
from tapehand.listening.recordings import Recordings
from tapehand.song.finding import Finding
from tapehand.units import power_to_db

Powers = NDArray[np.float64]
Samples = NDArray[np.floating[Any]]

NOTHING: Final = 1e-12


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class MonoSums:
    """Energies by band: of both sides, and of their sum at equal level. They add up over stretches."""

    stereo: Powers
    mono: Powers

    def __add__(self, more: "MonoSums") -> "MonoSums":
        return MonoSums(stereo=self.stereo + more.stereo, mono=self.mono + more.mono)

    def losses_db(self) -> list[float]:
        """Level lost in each band; 0 for what is in the middle, 3 for what is on one side or unrelated on both."""
        return [
            power_to_db(stereo / max(mono, NOTHING * stereo)) if stereo > NOTHING else 0.0
            for stereo, mono in zip(self.stereo.tolist(), self.mono.tolist(), strict=True)
        ]

    def shares(self) -> list[float]:
        """Share of the energy in each band."""
        total = max(float(self.stereo.sum()), NOTHING)
        return [energy / total for energy in self.stereo.tolist()]


def mono_loss_findings(recordings: Recordings) -> tuple[Finding, ...]:
    """Questions about bands that get lost: of tracks, each where it is loudest, else of all together."""
    edges_hz = load("between")["mono_loss"]["edges_hz"]
    found = []
    for name in recordings.names:
        sums = _track_sums(recordings, name, edges_hz)
        if sums is not None:
            found += _questions(name, sums, edges_hz)
    if found or len(recordings.names) < 2:
        return tuple(found)
    together = _sum_of_all(recordings, edges_hz)
    return () if together is None else tuple(_questions(None, together, edges_hz))


def _track_sums(recordings: Recordings, name: str, edges_hz: Sequence[float]) -> MonoSums | None:
    """None for a track without two sides."""
    sums: MonoSums | None = None
    for start in _loudest_starts(recordings, [name]):
        heard = recordings.span(name, start, start + _length(recordings))
        if heard.channels != 2:
            return None
        here = mono_sums(heard, edges_hz)
        sums = here if sums is None else sums + here
    return sums


def _sum_of_all(recordings: Recordings, edges_hz: Sequence[float]) -> MonoSums | None:
    sums: MonoSums | None = None
    for start in _loudest_starts(recordings, recordings.names):
        total: Samples = np.zeros((2, _length(recordings)))
        for name in recordings.names:
            total += _both_sides(recordings.span(name, start, start + total.shape[1]))
        here = mono_sums(Audio.of(total, recordings.rate_hz), edges_hz)
        sums = here if sums is None else sums + here
    return sums


def mono_sums(audio: Audio, edges_hz: Sequence[float]) -> MonoSums:
    """The energies of a stretch of stereo between neighbouring edges."""
    left, right = (np.fft.rfft(channel.astype(np.float64)) for channel in audio.samples)
    at = [min(left.size, round(edge * audio.length_samples / audio.rate_hz)) for edge in edges_hz]
    both = np.abs(left) ** 2 + np.abs(right) ** 2
    summed = 0.5 * np.abs(left + right) ** 2
    cut = [slice(first, last) for first, last in pairwise(at)]
    return MonoSums(
        stereo=np.array([both[band].sum() for band in cut]), mono=np.array([summed[band].sum() for band in cut])
    )


def _loudest_starts(recordings: Recordings, names: Sequence[str]) -> Iterator[int]:
    """The loudest stretch of each of some parts of these tracks together, in samples."""
    figures = load("between")["mono_loss"]
    compacts = [recordings.compact(name) for name in names]
    longest = max((compact.levels.size for compact in compacts), default=0)
    total = np.zeros(longest)
    for compact in compacts:
        total[: compact.levels.size] += compact.levels
    if not longest or not total.any():
        return
    frames_per_s = compacts[0].frames_per_s
    width = round(figures["stretch_s"] * frames_per_s)
    sums = np.concatenate([[0.0], np.cumsum(total)])
    energies = sums[width:] - sums[:-width] if longest > width else np.array([1.0])
    for part in np.array_split(np.arange(energies.size), min(int(figures["stretches"]), energies.size)):
        frame = int(part[energies[part].argmax()])
        yield round(frame / frames_per_s * recordings.rate_hz)


def _length(recordings: Recordings) -> int:
    stretch_s: float = load("between")["mono_loss"]["stretch_s"]
    return round(stretch_s * recordings.rate_hz)


def _both_sides(heard: Audio) -> Samples:
    return heard.samples if heard.channels == 2 else np.repeat(heard.samples[:1], 2, axis=0)


def _questions(name: str | None, sums: MonoSums, edges_hz: Sequence[float]) -> list[Finding]:
    found = []
    words = load("between")["mono_loss"]["words"]
    for band, (loss_db, share) in enumerate(zip(sums.losses_db(), sums.shares(), strict=True)):
        if loss_db < threshold("mono_loss") or share < limit("mono_loss", "least_share"):
            continue
        found.append(
            finding(
                "mono_loss",
                track=name,
                path=None,
                value=loss_db,
                confidence=0.9,
                what="Summed to mono this" if name else "Summed to mono all tracks together",
                loss=f"{min(loss_db, 60.0):.0f}",
                band=words[band],
            )
        )
    return found[:1]
