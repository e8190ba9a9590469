"""A processor at work on one sound, block after block, and what it remembers in between.

A node's output lies ``look_ahead_samples`` behind its input: sample i that comes out belongs to sample
``i - look_ahead_samples`` that went in. Whoever reads ahead by as much hears it in time. How the input is cut into
blocks changes no bit.
"""

from collections.abc import Iterator
from typing import Any, ClassVar, Protocol

import numpy as np
from numpy.typing import NDArray

from tapehand.audio import Audio
from tapehand.audio.buffer import Samples
from tapehand.kernels.library import NotFinite

BLOCK_SAMPLES = 16_384


class Remembers(Protocol):
    """Whatever has a state: named attributes that are arrays, numbers, or things that remember, or lists of these.

    What can be made of these again (the spectra of a convolution) is not kept: ``after_restore()``, where a thing has
    it, is called when its state has been put back.
    """

    STATE: ClassVar[tuple[str, ...]]


class Node(Remembers, Protocol):
    """One processor, set up for the rate and the channels of one sound."""

    @property
    def channels(self) -> int:
        """How many channels come out."""
        ...

    @property
    def look_ahead_samples(self) -> int:
        """How far the output lies behind the input."""
        ...

    def follow(self, block: Samples) -> Samples:
        """The next block ``(channels in, n)``; ``(channels, n)`` comes out, the first look-ahead of all to be dropped.

        Rows are contiguous, their distance may be any, so that a block can be a stretch ``[:, a:b]`` of something
        longer. It is left as it is; what comes out may be a view of it, and is not to be written into.

        Raises
        ------
        InternalError
            ``render.not_finite``, with the sample of the block.
        """
        ...


def run_whole(node: Node, audio: Audio) -> Audio:
    """A whole sound through a fresh node: as long as it was, and in time."""
    made = np.empty((node.channels, audio.length_samples), dtype=np.float32)
    for start in range(0, audio.length_samples + node.look_ahead_samples, BLOCK_SAMPLES):
        count = min(BLOCK_SAMPLES, audio.length_samples + node.look_ahead_samples - start)
        try:
            block = node.follow(stretch_of(audio.samples, start, count))
        except NotFinite as error:
            raise error.within("", start) from None
        lay(made, block, start - node.look_ahead_samples)
    return Audio(made, audio.rate_hz)


def stretch_of(samples: Samples, start: int, count: int) -> Samples:
    """``count`` samples from ``start`` on: a view where there is sound, silence before and behind it."""
    first, end = max(start, 0), min(start + count, samples.shape[1])
    if first == start and end == start + count:
        return samples[:, start:end]
    stretch = np.zeros((samples.shape[0], count), dtype=np.float32)
    if end > first:
        stretch[:, first - start : end - start] = samples[:, first:end]
    return stretch


def lay(onto: Samples, block: Samples, start: int) -> None:
    """Copy a block to ``start`` of a sound; what would lie outside of it is dropped."""
    first, end = max(start, 0), min(start + block.shape[1], onto.shape[1])
    if end > first:
        onto[:, first:end] = block[:, first - start : end - start]


def require_finite(block: Samples) -> None:
    """Raise ``NotFinite`` with the first sample at which a channel is NaN or infinite."""
    if not np.isfinite(block).all():
        raise NotFinite("", int(np.isfinite(block).all(axis=0).argmin()))


def state_of(thing: Any) -> list[NDArray[Any]]:
    """All that ``thing`` remembers, as arrays in a fixed order; copies."""
    return [np.array(value) for value in _leaves(thing)]


def restore(thing: Any, state: Iterator[NDArray[Any]]) -> None:
    """Put back what ``state_of`` took from a thing that was made alike."""
    for name in thing.STATE:
        value = getattr(thing, name)
        kept = _restored(value, state)
        if kept is not value:
            setattr(thing, name, kept)
    if hasattr(thing, "after_restore"):
        thing.after_restore()


def _leaves(value: Any) -> Iterator[Any]:
    if isinstance(value, np.ndarray | int | float):
        yield value
    elif isinstance(value, list | tuple):
        for each in value:
            yield from _leaves(each)
    else:
        for name in value.STATE:
            yield from _leaves(getattr(value, name))


def _restored(value: Any, state: Iterator[NDArray[Any]]) -> Any:
    """The value of an attribute after the restoration; arrays stay where they are, as kernels may point there."""
    if isinstance(value, np.ndarray):
        kept = next(state)
        if kept.shape != value.shape:
            return kept.astype(value.dtype)
        value[...] = kept
        return value
    if isinstance(value, int | float):
        return type(value)(next(state)[()])
    if isinstance(value, list | tuple):
        kept_ones = [_restored(each, state) for each in value]
        same = all(new is old for new, old in zip(kept_ones, value, strict=True))
        return value if same else type(value)(kept_ones)
    restore(value, state)
    return value
