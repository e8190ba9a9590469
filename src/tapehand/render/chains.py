"""Up to four strips' chains side by side, fed block by block: what strips can do is done for all four in one vector."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import ClassVar, Final

import numpy as np

from tapehand.audio import Audio
from tapehand.audio.buffer import Samples
from tapehand.dsp.chain import node_of
from tapehand.dsp.node import BLOCK_SAMPLES, Node
from tapehand.dsp.strips import STRIP_PROCESSORS, StripBank, StripProcessor
from tapehand.errors import InternalError
from tapehand.kernels.library import NotFinite
from tapehand.render.sounds import Sound
from tapehand.song.processors import Compressor, Processor

SIDE_BY_SIDE: Final = 4


class Chains:
    """The chains, and what they remember.

    Parameters
    ----------
    chains : one for each strip, at most four.
    rooms : where the next block of each lies before ``follow``, ``(channels, BLOCK_SAMPLES)``.
    names : for messages.
    keys : the sounds that side-chains listen to, by the track's id.
    impulses : the impulse responses of reverbs, at this rate.

    Attributes
    ----------
    rooms : where it lies afterwards; the same arrays at every call.
    look_ahead_samples : how far each one's output lies behind its input.
    """

    STATE: ClassVar[tuple[str, ...]] = ("_stages",)

    def __init__(
        self,
        chains: Sequence[Sequence[Processor]],
        rooms: Sequence[Samples],
        rate_hz: int,
        *,
        names: Sequence[str],
        keys: Mapping[str, Sound],
        impulses: Mapping[str, Audio],
    ) -> None:
        self.rooms, self.look_ahead_samples = list(rooms), [0] * len(chains)
        self._names, self._rate_hz = names, rate_hz
        self._stages: list[_BankStage | _NodeStage] = []
        rest = [tuple(chain) for chain in chains]
        while any(rest):
            heads = [_leading_strip(chain) for chain in rest]
            if any(heads):
                bank = _BankStage(heads, self.rooms, self.look_ahead_samples, rate_hz, names, keys)
                self._stages.append(bank)
                self.rooms = bank.rooms_out
            rest = [chain[len(head) :] for chain, head in zip(rest, heads, strict=True)]
            for number, chain in enumerate(rest):
                if chain:
                    node = node_of(chain[0], len(self.rooms[number]), rate_hz, keys=impulses)
                    stage = _NodeStage(node, self.rooms[number])
                    self._stages.append(stage)
                    self.rooms[number] = stage.room_out
                    self.look_ahead_samples[number] += node.look_ahead_samples
            rest = [chain[1:] for chain in rest]

    def follow(self, count: int, positions: Sequence[int]) -> None:
        """The next ``count`` samples of every strip, ``BLOCK_SAMPLES`` at most, from the rooms given to ``rooms``.

        ``positions`` : where in the song each block begins.

        Raises
        ------
        InternalError
            ``render.not_finite``, with the strip and the time.
        """
        try:
            for stage in self._stages:
                stage.follow(count, positions)
        except NotFinite as error:
            raise self._told(error, positions[0]) from error

    def _told(self, error: NotFinite, position: int) -> InternalError:
        """The same error with the time in the song in place of the sample in the block."""
        name = error.place if error.place in self._names else ", ".join([*self._names, error.place]).rstrip(", ")
        at_s = (position + error.sample) / self._rate_hz
        return InternalError(error.code, error.message, where=f"{name}, at about {at_s:.2f} s")


def through(sound: Sound, room: Samples, chains: Chains, end: int) -> Iterator[Samples]:
    """One sound through its chain, in time, up to the sample ``end``; a block lives until the next.

    ``room`` : where the chain begins.
    """
    ahead = chains.look_ahead_samples[0]
    position = -ahead
    while position < end:
        count = next_count(position, 0, end)
        sound.read_into(position + ahead, room[:, :count])
        chains.follow(count, [position + ahead])
        if position >= 0:
            yield chains.rooms[0][:, :count]
        position += count


def next_count(position: int, start: int, end: int) -> int:
    """Samples of the next block: what comes before the start is not heard, so no block reaches over it."""
    return min(BLOCK_SAMPLES, (start if position < start else end) - position)


class _BankStage:
    """What strips can do, of up to four chains."""

    STATE: ClassVar[tuple[str, ...]] = ("_bank",)

    def __init__(
        self,
        heads: Sequence[Sequence[StripProcessor]],
        rooms: Sequence[Samples],
        behind: Sequence[int],
        rate_hz: int,
        names: Sequence[str],
        keys: Mapping[str, Sound],
    ) -> None:
        self._listening: dict[str, tuple[Sound, int, int, Samples]] = {}
        keyed = [
            [self._listen(each, number, behind[number], keys) for each in head] for number, head in enumerate(heads)
        ]
        self.rooms_out = [np.empty_like(room) if head else room for room, head in zip(rooms, heads, strict=True)]
        self._bank = StripBank(keyed, rate_hz, names=names)
        self._bank.bind(rooms, {name: room for name, (*_, room) in self._listening.items()}, self.rooms_out)

    def follow(self, count: int, positions: Sequence[int]) -> None:
        for key, number, behind, room in self._listening.values():
            key.read_into(positions[number] - behind, room[:, :count])
        self._bank.run(count)

    def _listen(self, processor: StripProcessor, number: int, behind: int, keys: Mapping[str, Sound]) -> StripProcessor:
        """A compressor with a side-chain hears it as late as its own signal comes: under a name of its own."""
        if not isinstance(processor, Compressor) or processor.key_track is None:
            return processor
        if processor.key_track not in keys:
            raise InternalError("dsp.key", "A compressor's side-chain track is missing", where=processor.key_track)
        key, name = keys[processor.key_track], f"{processor.key_track}/{number}/{behind}"
        room = np.empty((key.channels, BLOCK_SAMPLES), dtype=np.float32)
        self._listening[name] = (key, number, behind, room)
        return replace(processor, key_track=name)


class _NodeStage:
    """One further processor of one chain."""

    STATE: ClassVar[tuple[str, ...]] = ("_node",)

    def __init__(self, node: Node, room: Samples) -> None:
        self._node, self._room_in = node, room
        self.room_out = np.empty((node.channels, BLOCK_SAMPLES), dtype=np.float32)

    def follow(self, count: int, _positions: Sequence[int]) -> None:
        self.room_out[:, :count] = self._node.follow(self._room_in[:, :count])


def _leading_strip(chain: Sequence[Processor]) -> list[StripProcessor]:
    head: list[StripProcessor] = []
    for processor in chain:
        if not isinstance(processor, STRIP_PROCESSORS):
            break
        head.append(processor)
    return head
