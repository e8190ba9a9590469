"""What is listened to: recordings with their place in the session, and where their sound is read from."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final, Protocol

import numpy as np

from tapehand.audio import Audio, io
from tapehand.audio.facts import Damage
from tapehand.listening.marks import Mark

# Long enough that most of the time is spent on sound, not on calls; six seconds at usual rates.
BLOCK_SAMPLES: Final = 1 << 18


class Sound(Protocol):
    """Sound that can be read from its start, and at any place of it, at its own rate."""

    @property
    def damage(self) -> Damage | None:
        """What was wrong with its file, known once all blocks were read."""
        ...

    @property
    def is_lossy(self) -> bool:
        """Whether its file says itself that it lost something, known once a block was read."""
        ...

    def blocks(self) -> Iterator[Audio]:
        """All of it in stretches."""
        ...

    def span(self, start_samples: int, end_samples: int) -> Audio:
        """A stretch of it, silent where it reaches outside."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Recording:
    """One track of what is listened to.

    Parameters
    ----------
    id : what findings and facts call it.
    name : what people call it; its role is read from it.
    path : the file it came from, if any.
    start_samples : where it begins in the session, at the session's rate.
    channels, length_samples : as far as they are known before reading, else 0; the length at its own rate.
    role : what a person, or an earlier decision, has said that it is; None where nobody has.
    content : a hash of the sound, "" where it is not known.
    regions : what stretches of it are called, in seconds of the session.
    marks : what markers in its file say, in seconds of the session.
    """

    id: str
    name: str
    rate_hz: int
    sound: Sound
    path: str | None = None
    channels: int = 0
    start_samples: int = 0
    length_samples: int = 0
    role: str | None = None
    content: str = ""
    regions: tuple[Mark, ...] = ()
    marks: tuple[Mark, ...] = ()


@dataclass(frozen=True, slots=True)
class HeldSound:
    """Sound that is at hand."""

    audio: Audio
    damage: Damage | None = None
    is_lossy: bool = False

    def blocks(self) -> Iterator[Audio]:
        """All of it in stretches."""
        for start in range(0, self.audio.length_samples, BLOCK_SAMPLES):
            yield self.audio.span(start, min(start + BLOCK_SAMPLES, self.audio.length_samples))

    def span(self, start_samples: int, end_samples: int) -> Audio:
        """A stretch of it."""
        return self.audio.span(start_samples, end_samples)


@dataclass(frozen=True, slots=True)
class PlayedSound:
    """Sound that has to be made first (regions laid, notes played), anew each time it is asked for."""

    make: Callable[[], Audio]
    damage: Damage | None = None
    is_lossy: bool = False

    def blocks(self) -> Iterator[Audio]:
        """All of it in stretches."""
        yield from HeldSound(self.make()).blocks()

    def span(self, start_samples: int, end_samples: int) -> Audio:
        """A stretch of it."""
        return self.make().span(start_samples, end_samples)


@dataclass(slots=True)
class FileSound:
    """Sound in a file, or in the files of a left and a right side; raises as ``audio.io.decode`` does."""

    path: Path
    right_path: Path | None = None
    damage: Damage | None = field(default=None, init=False)
    is_lossy: bool = field(default=False, init=False)

    def blocks(self) -> Iterator[Audio]:
        """All of it in stretches; the shorter of two sides is filled up with silence."""
        with io.Reader(self.path) as left:
            self.is_lossy = left.facts.lossy
            if self.right_path is None:
                yield from left.blocks(BLOCK_SAMPLES)
            else:
                with io.Reader(self.right_path) as right:
                    self.is_lossy |= right.facts.lossy
                    yield from _side_by_side(left, right)
                    self.damage = right.damage()
            self.damage = left.damage() or self.damage

    def span(self, start_samples: int, end_samples: int) -> Audio:
        """A stretch of it."""
        left = io.span(self.path, start_samples, end_samples)
        if self.right_path is None:
            return left
        return _paired(left, io.span(self.right_path, start_samples, end_samples))


def _side_by_side(left: io.Reader, right: io.Reader) -> Iterator[Audio]:
    while True:
        pair = left.take(BLOCK_SAMPLES), right.take(BLOCK_SAMPLES)
        if not any(side.length_samples for side in pair):
            return
        yield _paired(*pair)


def _paired(left: Audio, right: Audio) -> Audio:
    length = max(left.length_samples, right.length_samples)
    rows = [side.span(0, length).samples[0] for side in (left, right)]
    return Audio.of(np.stack(rows), left.rate_hz)
