"""The sum of the tracks that did not change, kept, so that an edit costs what it changes.

Sums on the grid of buses are exact: what was added can be taken away again to the last bit, in any order. After an edit
the sum of all other tracks is what was kept before, minus the tracks as they were; from then on it is kept as such.
"""

from collections.abc import Iterable, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, replace
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from tapehand.render.assembly import Assembly, made_of
from tapehand.render.cache import Records, RecordWriter, content_key
from tapehand.render.mixer import STEP_SAMPLES, Part, Window, Windows, like
from tapehand.render.plan import heard_tracks, targets
from tapehand.render.shelf import Shelf
from tapehand.song.song import Song, Track


@dataclass(frozen=True, slots=True, kw_only=True)
class Parts:
    """What fills a mixer's windows; and whether that is the song as it stood before, all of it made anew."""

    parts: list[Part]
    all_made: bool


def parts_since(before: Song, assembly: Assembly, shelf: Shelf, keeping: ExitStack) -> Parts:
    """The sum of what has not changed since ``before``, from the cache or on its way there, and the rest made.

    ``keeping`` is closed when the mixer has run.
    """
    new, old = _Side(assembly.song, assembly), _Side(before, assembly)
    same = [track for key, track in new.by_key.items() if key in old.by_key]
    changed = [track for key, track in new.by_key.items() if key not in old.by_key]
    gone = [track for key, track in old.by_key.items() if key not in new.by_key]
    if len(same) <= len(changed) + len(gone):
        return Parts(parts=[assembly.crew(assembly.tracks)], all_made=False)
    buses = sorted({*new.fed, *old.fed})
    sum_key = new.sum_key(new.by_key.keys() & old.by_key.keys(), buses, shelf)
    known = shelf.cache.open(sum_key)
    if known is not None:
        return Parts(parts=[KeptSum(known, buses), assembly.crew(changed)], all_made=False)
    last = shelf.cache.open(old.sum_key(old.by_key, buses, shelf))
    made: list[Part] = [assembly.crew(same)]
    if last is not None:
        made = [KeptSum(last, buses), assembly.crew([_taken_away(track) for track in gone], before)]
    keeper = SumKeeper(made, assembly.windows, buses, keeping.enter_context(shelf.cache.keep(sum_key)))
    return Parts(parts=[keeper, assembly.crew(changed)], all_made=last is None and not changed and not gone)


class _Side:
    """The tracks of one of two songs, by what they add to the buses of the desk."""

    def __init__(self, song: Song, assembly: Assembly) -> None:
        self._desk = assembly
        tracks = heard_tracks(song)
        self.by_key = {content_key(track.id, *made_of(song, track), track.strip): track for track in tracks}
        self.fed = {bus for track in tracks for bus in targets(track.strip) if bus in assembly.heard}

    def sum_key(self, keys: Iterable[str], buses: Sequence[str], shelf: Shelf) -> str:
        desk = self._desk
        place = (STEP_SAMPLES, desk.track_lead, desk.end_samples, tuple(buses), tuple(desk.heard))
        return content_key("sum", *shelf.version, place, sorted(keys))


def _taken_away(track: Track) -> Track:
    """The track upside down, so that adding it takes it away."""
    return replace(track, strip=replace(track.strip, polarity=-track.strip.polarity))


class KeptSum:
    """Tracks whose sum is known: a step a record, the buses in order."""

    STATE: ClassVar[tuple[str, ...]] = ()

    def __init__(self, records: Records, buses: Sequence[str]) -> None:
        self._records, self._buses = records, buses
        self._number, self._start = -1, 0
        self._rooms = [np.zeros((2, 0)) for _ in buses]

    def begin(self, _starts: Mapping[str, int], start: int, end: int) -> None:
        """As ``mixer.Part``."""
        self._number += 1
        self._start = start
        if self._rooms[0].shape[1] != end - start:
            self._rooms = [np.empty((2, end - start)) for _ in self._buses]

    def finish(self, windows: Windows) -> None:
        """As ``mixer.Part``; raises ``LostRecord``."""
        self._records.read_into(self._number, self._rooms)
        for bus, samples in zip(self._buses, self._rooms, strict=True):
            windows[bus].add(samples, self._start)

    def close(self) -> None:
        """As ``mixer.Part``."""


class SumKeeper:
    """Parts whose sum is kept while they are heard."""

    STATE: ClassVar[tuple[str, ...]] = ("_parts",)

    def __init__(self, parts: Sequence[Part], windows: Windows, buses: Sequence[str], writer: RecordWriter) -> None:
        self._parts, self._buses, self._writer = list(parts), buses, writer
        self._own = like(windows)
        self._start = self._end = 0

    def begin(self, starts: Mapping[str, int], start: int, end: int) -> None:
        """As ``mixer.Part``."""
        for name, window in self._own.items():
            window.move(starts[name])
        self._start, self._end = start, end
        for part in self._parts:
            part.begin(starts, start, end)

    def finish(self, windows: Windows) -> None:
        """As ``mixer.Part``."""
        for part in self._parts:
            part.finish(self._own)
        self._writer.append([self._made(self._own[bus]) for bus in self._buses])
        for name, window in self._own.items():
            windows[name].take(window)

    def close(self) -> None:
        """As ``mixer.Part``."""
        for part in self._parts:
            part.close()

    def _made(self, window: Window) -> NDArray[np.float64]:
        return np.ascontiguousarray(window.samples[:, self._start - window.start : self._end - window.start])
