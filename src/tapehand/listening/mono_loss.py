"""What is lost when left and right become one: by band, for each stereo track and for all of them together.

A whole track upside down is heard while it is read (``levels``, ``channel_trace``); here it is the wide bass that a
club's system sums away, and what only the sum of the tracks does.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Final

import numpy as np
from numpy.typing import NDArray

from tapehand.audio import Audio
from tapehand.catalogue.loading import load
from tapehand.listening.kinds import finding, limit, threshold
from tapehand.listening.recordings import Recordings
from tapehand.song.finding import Finding
from tapehand.units import power_to_db

Powers = NDArray[np.float64]

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
    """Questions about bands that get lost, of tracks and of all together."""
    edges_hz = load("between")["mono_loss"]["edges_hz"]
    tracks: dict[str, MonoSums] = {}
    whole: MonoSums | None = None
    for start in _starts(recordings):
        total: Audio | None = None
        for name in recordings.names:
            heard = _stretch(recordings, name, start)
            if not heard.samples.any():
                continue
            total = heard if total is None else Audio.of(total.samples + heard.samples, heard.rate_hz)
            if heard.channels == 2 and not np.array_equal(heard.samples[0], heard.samples[1]):
                sums = mono_sums(heard, edges_hz)
                tracks[name] = sums if name not in tracks else tracks[name] + sums
        if total is not None:
            sums = mono_sums(total, edges_hz)
            whole = sums if whole is None else whole + sums
    found = [one for name, sums in tracks.items() for one in _questions(name, sums, edges_hz)]
    if whole is not None and len(recordings.names) > 1 and not found:
        found += _questions(None, whole, edges_hz)
    return tuple(found)


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


def _starts(recordings: Recordings) -> Iterator[int]:
    """The loudest stretch of each of some parts of the session, in samples."""
    figures = load("between")["mono_loss"]
    longest = max((recordings.compact(name).levels.size for name in recordings.names), default=0)
    total = np.zeros(longest)
    for name in recordings.names:
        levels = recordings.compact(name).levels
        total[: levels.size] += levels
    if not longest or not total.any():
        return
    frames_per_s = recordings.compact(recordings.names[0]).frames_per_s
    width = round(figures["stretch_s"] * frames_per_s)
    sums = np.concatenate([[0.0], np.cumsum(total)])
    energies = sums[width:] - sums[:-width] if longest > width else np.array([1.0])
    for part in np.array_split(np.arange(energies.size), min(int(figures["stretches"]), energies.size)):
        frame = int(part[energies[part].argmax()])
        yield round(frame / frames_per_s * recordings.rate_hz)


def _stretch(recordings: Recordings, name: str, start: int) -> Audio:
    length = round(load("between")["mono_loss"]["stretch_s"] * recordings.rate_hz)
    heard = recordings.span(name, start, start + length)
    return heard if heard.channels == 2 else Audio.of(np.repeat(heard.samples[:1], 2, axis=0), heard.rate_hz)


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
