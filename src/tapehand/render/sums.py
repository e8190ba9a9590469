"""The sum of the tracks that did not change, kept, so that an edit costs what it changes.

Sums on the grid of buses are exact: what was added can be taken away again to the last bit, in any order. After an edit,
the sum of all other tracks is what was kept before, minus the tracks as they were; from then on it is kept as such.
"""

from collections.abc import Mapping, Sequence
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from tapehand.render.cache import Records, RecordWriter
from tapehand.render.mixer import Part, Window, Windows, like


class KeptSum:
    """Tracks whose sum is known: a step a record, the windows in order."""

    STATE: ClassVar[tuple[str, ...]] = ()

    def __init__(self, records: Records, names: Sequence[str]) -> None:
        self._records, self._names = records, names
        self._number, self._start = -1, 0

    def begin(self, _starts: Mapping[str, int], start: int, _end: int) -> None:
        """As ``mixer.Part``."""
        self._number += 1
        self._start = start

    def finish(self, windows: Windows) -> None:
        """As ``mixer.Part``; raises ``LostRecord``."""
        for name, samples in zip(self._names, self._records.read(self._number), strict=True):
            windows[name].add(samples, self._start)

    def close(self) -> None:
        """As ``mixer.Part``."""


class SumKeeper:
    """Parts whose sum is kept while they are heard."""

    STATE: ClassVar[tuple[str, ...]] = ("_parts",)

    def __init__(self, parts: Sequence[Part], windows: Windows, names: Sequence[str], writer: RecordWriter) -> None:
        self._parts, self._names, self._writer = list(parts), names, writer
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
        self._writer.append([self._made(self._own[name]) for name in self._names])
        for name, window in self._own.items():
            windows[name].take(window)

    def close(self) -> None:
        """As ``mixer.Part``."""
        for part in self._parts:
            part.close()

    def _made(self, window: Window) -> NDArray[np.float64]:
        return np.ascontiguousarray(
            window.samples[:, self._start - window.start : self._end - window.start]
        )
