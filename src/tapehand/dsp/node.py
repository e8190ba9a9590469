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

BLOCK_SAMPLES = 16_384


class Remembers(Protocol):
    """Whatever has a state: named attributes that are arrays, numbers, or things that remember, or lists of these."""

    STATE: ClassVar[tuple[str, ...]]


class Node(Remembers, Protocol):
    """One processor, set up for the rate and the channels of one sound.

    Attributes
    ----------
    channels : of what comes out.
    look_ahead_samples : how far the output lies behind the input.
    """

    channels: int
    look_ahead_samples: int

    def follow(self, block: Samples) -> Samples:
        """The next block ``(channels in, n)``; ``(channels, n)`` comes out, the first look-ahead of all to be dropped.

        The block is left as it is, and what comes out may be a view of it.

        Raises
        ------
        InternalError
            ``render.not_finite``, with the sample of the block.
        """
        ...


def run_whole(node: Node, audio: Audio) -> Audio:
    """A whole sound through a fresh node: as long as it was, and in time."""
    ahead = audio.span(0, audio.length_samples + node.look_ahead_samples).samples
    out = np.empty((node.channels, ahead.shape[1]), dtype=np.float32)
    for start in range(0, ahead.shape[1], BLOCK_SAMPLES):
        out[:, start : start + BLOCK_SAMPLES] = node.follow(ahead[:, start : start + BLOCK_SAMPLES])
    return Audio.of(out[:, node.look_ahead_samples :], audio.rate_hz)


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
