"""Any processor as a node, chains of them as one node, and how long they ring on."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from types import MappingProxyType
from typing import Any, ClassVar, Final

import numpy as np

from tapehand.audio import Audio
from tapehand.audio.buffer import Samples
from tapehand.dsp.characters import CharacterCompressorNode, ColourNode
from tapehand.dsp.convolution import ConvolutionNode, convolution_tail_s
from tapehand.dsp.crossover import DeEsserNode, DynamicEqualiserNode, MultibandNode
from tapehand.dsp.delay import DelayNode, delay_tail_s
from tapehand.dsp.fir import FIR_TAIL_S, FirEqualiserNode
from tapehand.dsp.gating import GateNode, TransientNode
from tapehand.dsp.limiter import LimiterNode
from tapehand.dsp.mid_side import MidSideNode
from tapehand.dsp.node import BLOCK_SAMPLES, Node, lay, stretch_of
from tapehand.dsp.reverb import ReverbNode, reverb_tail_s
from tapehand.dsp.saturation import SaturationNode
from tapehand.dsp.softclip import SoftClipNode
from tapehand.dsp.strip_node import NO_KEYS, StripNode
from tapehand.dsp.strips import STRIP_PROCESSORS, StripBank, StripProcessor
from tapehand.dsp.width import WidthNode
from tapehand.dsp.wiring import DelayLine
from tapehand.errors import InternalError
from tapehand.kernels.library import NotFinite
from tapehand.kernels.strip import PAIRS
from tapehand.song.processors import (
    CharacterCompressor,
    Colour,
    Compressor,
    Convolution,
    DeEsser,
    Delay,
    DynamicEqualiser,
    FirEqualiser,
    Gate,
    Limiter,
    MidSideEqualiser,
    MultibandCompressor,
    Processor,
    Reverb,
    Saturation,
    SoftClip,
    TransientShaper,
    Width,
)

NodeMaker = Callable[[int, int, Any], Node]
NODES: Final[Mapping[type, NodeMaker]] = MappingProxyType(
    {
        Delay: DelayNode,
        Reverb: ReverbNode,
        Saturation: SaturationNode,
        SoftClip: SoftClipNode,
        Limiter: LimiterNode,
        Width: WidthNode,
        DeEsser: DeEsserNode,
        Gate: GateNode,
        TransientShaper: TransientNode,
        DynamicEqualiser: DynamicEqualiserNode,
        MultibandCompressor: MultibandNode,
        MidSideEqualiser: MidSideNode,
        FirEqualiser: FirEqualiserNode,
        CharacterCompressor: CharacterCompressorNode,
        Colour: ColourNode,
    }
)


def node_of(processor: Processor, channels: int, rate_hz: int, *, keys: Mapping[str, Audio] | None = None) -> Node:
    """A fresh node for one processor.

    Parameters
    ----------
    channels : of the sound, 1 or 2.
    keys : impulse responses by the name of their source, for convolutions.

    Raises
    ------
    InternalError
        ``dsp.impulse`` for an impulse response that is not there or does not fit; ``dsp.slope`` and ``dsp.crossover``
        for settings that make no filter.
    InputError
        ``dsp.character`` for a machine that the catalogue does not know.
    """
    if isinstance(processor, STRIP_PROCESSORS):
        return StripNode(channels, rate_hz, [processor])
    if isinstance(processor, Convolution):
        return ConvolutionNode(channels, rate_hz, processor, _impulse(keys or {}, processor.impulse))
    return NODES[type(processor)](channels, rate_hz, processor)


def _impulse(keys: Mapping[str, Audio], name: str) -> Audio:
    if name not in keys:
        raise InternalError("dsp.impulse", "An impulse response is missing", where=name)
    return keys[name]


class ChainNode:
    """Processors in series, as one node. No processors leave the sound as it is.

    Parameters
    ----------
    channels : of the sound that goes in, 1 or 2; ``self.channels`` of the sound that comes out, as delays and reverbs
        make stereo of mono.
    keys : impulse responses by the name of their source.
    name : of the track, for messages.

    Raises
    ------
    InternalError, InputError
        As ``node_of``.
    """

    STATE: ClassVar[tuple[str, ...]] = ("_bank",)

    def __init__(
        self,
        processors: Sequence[Processor],
        channels: int,
        rate_hz: int,
        *,
        keys: Mapping[str, Audio] | None = None,
        name: str = "",
    ) -> None:
        self._bank = ChainBank([processors], [channels], rate_hz, keys=keys, names=[name])
        self.channels, self.look_ahead_samples = self._bank.channels[0], self._bank.look_ahead_samples[0]

    def follow(self, block: Samples, keys: Mapping[str, Samples] = NO_KEYS) -> Samples:
        """The next block; ``keys`` as in ``ChainBank.follow``.

        Raises
        ------
        InternalError
            ``render.not_finite`` with the sample of the block; ``dsp.key`` for a key that is not there.
        """
        return self._bank.follow([block], keys)[0]


class ChainBank:
    """Chains of any number of tracks of one rate, side by side: what strips can do is done for four at a time.

    What a track sounds like does not depend on its neighbours.

    Parameters
    ----------
    chains : one for each track; empty leaves the track as it is.
    channels : of each track, 1 or 2.
    keys : impulse responses by the name of their source.
    names : of the tracks, for messages.

    Attributes
    ----------
    rooms_in, key_rooms : where the next block of each track and of each key lies before ``run``; ``(channels,
        BLOCK_SAMPLES)``, keys with both sides. A key is the same stretch of time as the blocks; each compressor hears
        it as late as the nodes before it make its own sound.
    rooms_out : where each track lies behind it, the same arrays every time.
    channels : of what comes out, for each track.
    look_ahead_samples : how far what comes out lies behind what goes in, for each track.

    Raises
    ------
    InternalError, InputError
        As ``node_of``.
    """

    STATE: ClassVar[tuple[str, ...]] = ("_late_keys", "_stages")

    def __init__(
        self,
        chains: Sequence[Sequence[Processor]],
        channels: Sequence[int],
        rate_hz: int,
        *,
        keys: Mapping[str, Audio] | None = None,
        names: Sequence[str] = (),
    ) -> None:
        self.look_ahead_samples = [0] * len(chains)
        self.rooms_in = [_room(count) for count in channels]
        self.rooms_out = list(self.rooms_in)
        self.key_rooms = {key: _room(2) for chain in chains for each in chain if (key := _key_of(each)) is not None}
        shown = [names[k] if k < len(names) else "" for k in range(len(chains))]
        self._late_keys = _LateKeys(self.key_rooms)
        self._stages: list[_Strips | _Effect] = []
        rest = [tuple(chain) for chain in chains]
        while any(rest):
            heads = [_leading_strip(chain) for chain in rest]
            if any(heads):
                strips = _Strips(heads, self.rooms_out, self.look_ahead_samples, self._late_keys, rate_hz, shown)
                self._stages.append(strips)
                self.rooms_out = strips.rooms_out
            rest = [chain[len(head) :] for chain, head in zip(rest, heads, strict=True)]
            for number, chain in enumerate(rest):
                if chain:
                    node = node_of(chain[0], len(self.rooms_out[number]), rate_hz, keys=keys)
                    place = f"{shown[number]}, {type(chain[0]).__name__}".removeprefix(", ")
                    effect = _Effect(node, self.rooms_out[number], self.look_ahead_samples[number], place)
                    self._stages.append(effect)
                    self.rooms_out[number] = effect.room_out
                    self.look_ahead_samples[number] += node.look_ahead_samples
            rest = [chain[1:] for chain in rest]
        self.channels = [len(room) for room in self.rooms_out]

    def run(self, count: int) -> None:
        """The next ``count`` samples of every track, at most ``BLOCK_SAMPLES``.

        Raises
        ------
        InternalError
            ``render.not_finite`` with track, processor and sample of the block (below 0: of a block before).
        """
        self._late_keys.run(count)
        for stage in self._stages:
            stage.run(count)

    def follow(self, blocks: Sequence[Samples], keys: Mapping[str, Samples] = NO_KEYS) -> list[Samples]:
        """The next block of every track, of any length, ``(channels, n)`` with one ``n`` for all; ``keys`` likewise.

        Raises
        ------
        InternalError
            As ``run``; ``dsp.key`` for a key that is not there.
        """
        missing = next((key for key in self.key_rooms if key not in keys), None)
        if missing is not None:
            raise InternalError("dsp.key", "A compressor's side-chain track is missing", where=missing)
        length = blocks[0].shape[1]
        made = [np.empty((channels, length), dtype=np.float32) for channels in self.channels]
        for start in range(0, length, BLOCK_SAMPLES):
            count = min(BLOCK_SAMPLES, length - start)
            for room, block in zip(self.rooms_in, blocks, strict=True):
                room[:, :count] = block[:, start : start + count]
            for name, room in self.key_rooms.items():
                room[:, :count] = keys[name][:, start : start + count]
            try:
                self.run(count)
            except NotFinite as error:
                raise error.within("", start) from None
            for whole, room in zip(made, self.rooms_out, strict=True):
                whole[:, start : start + count] = room[:, :count]
        return made


class _Strips:
    """The same step of several chains: as many processors as strips can do."""

    STATE: ClassVar[tuple[str, ...]] = ("_bank",)

    def __init__(
        self,
        heads: Sequence[Sequence[StripProcessor]],
        rooms: Sequence[Samples],
        late_samples: Sequence[int],
        late_keys: "_LateKeys",
        rate_hz: int,
        names: Sequence[str],
    ) -> None:
        busy = [number for number, head in enumerate(heads) if head]
        self._late_samples, self._places = list(late_samples), names
        self.rooms_out = [np.empty_like(room) if head else room for room, head in zip(rooms, heads, strict=True)]
        chains = [late_keys.heard_by(heads[number], late_samples[number]) for number in busy]
        self._bank = StripBank(chains, rate_hz, names=[str(number) for number in busy])
        self._bank.bind([rooms[k] for k in busy], late_keys.rooms, [self.rooms_out[k] for k in busy])

    def run(self, count: int) -> None:
        try:
            self._bank.run(count)
        except NotFinite as error:
            number = int(error.place)
            raise NotFinite(self._places[number], error.sample - self._late_samples[number]) from None


class _Effect:
    """One processor of one chain that is no strip's."""

    STATE: ClassVar[tuple[str, ...]] = ("_node",)

    def __init__(self, node: Node, room: Samples, late_samples: int, place: str) -> None:
        self._node, self._room_in, self.room_out = node, room, _room(node.channels)
        self._late_samples, self._place = late_samples, place

    def run(self, count: int) -> None:
        try:
            self.room_out[:, :count] = self._node.follow(self._room_in[:, :count])
        except NotFinite as error:
            raise error.within(self._place, -self._late_samples) from None


class _LateKeys:
    """Side-chain sounds, as late as the sounds of the compressors that listen to them."""

    STATE: ClassVar[tuple[str, ...]] = ("_lines",)

    def __init__(self, rooms: Mapping[str, Samples]) -> None:
        self.rooms = dict(rooms)
        self._lines: list[DelayLine] = []
        self._ways: list[tuple[Samples, Samples]] = []

    def heard_by(self, chain: Sequence[StripProcessor], late_samples: int) -> list[StripProcessor]:
        """The chain with its keys named by how late it must hear them."""
        return [
            replace(each, key_track=self._late_name(each.key_track, late_samples))
            if isinstance(each, Compressor) and each.key_track is not None
            else each
            for each in chain
        ]

    def _late_name(self, name: str, late_samples: int) -> str:
        if late_samples == 0:
            return name
        late = f"{name}, {late_samples} samples later"
        if late not in self.rooms:
            self.rooms[late] = _room(2)
            self._ways.append((self.rooms[name], self.rooms[late]))
            self._lines.append(DelayLine(2, late_samples))
        return late

    def run(self, count: int) -> None:
        for line, (now, late) in zip(self._lines, self._ways, strict=True):
            late[:, :count] = line.follow(now[:, :count])


def _room(channels: int) -> Samples:
    return np.empty((channels, BLOCK_SAMPLES), dtype=np.float32)


def run_chains(
    tracks: Sequence[Audio],
    chains: Sequence[Sequence[Processor]],
    *,
    keys: Mapping[str, Audio] | None = None,
    names: Sequence[str] = (),
) -> list[Audio]:
    """Each track through its chain; in time, and as long as it was.

    Parameters
    ----------
    tracks : mono or stereo, of any rates and lengths. Delays and reverbs turn mono into stereo.
    chains : one for each track; empty leaves the track as it is.
    keys : by name, what compressors with a ``key_track`` listen to (cut or filled with silence to fit), and impulse
        responses.
    names : of the tracks, for messages.

    Raises
    ------
    InternalError
        ``render.not_finite`` with track and sample; ``dsp.key`` for a key that is not there; as ``node_of``.
    """
    if len(tracks) != len(chains):
        raise InternalError("dsp.strips", f"{len(tracks)} tracks need as many chains, not {len(chains)}")
    made = list(tracks)
    busy = [number for number, chain in enumerate(chains) if chain]
    # Neighbours in length, so that little silence is computed.
    busy.sort(key=lambda number: (tracks[number].rate_hz, tracks[number].length_samples))
    for rate_hz in sorted({tracks[number].rate_hz for number in busy}):
        same = [number for number in busy if tracks[number].rate_hz == rate_hz]
        for four in (same[at : at + PAIRS] for at in range(0, len(same), PAIRS)):
            sounds = [tracks[number] for number in four]
            shown = [names[number] if number < len(names) else "" for number in four]
            bank = ChainBank(
                [chains[number] for number in four],
                [sound.channels for sound in sounds],
                rate_hz,
                keys=keys,
                names=shown,
            )
            for number, audio in zip(four, _play(bank, sounds, keys or {}), strict=True):
                made[number] = audio
    return made


def _play(bank: ChainBank, tracks: Sequence[Audio], keys: Mapping[str, Audio]) -> list[Audio]:
    """Whole sounds through a fresh bank."""
    made = [
        np.empty((channels, track.length_samples), dtype=np.float32)
        for channels, track in zip(bank.channels, tracks, strict=True)
    ]
    end = max(t.length_samples + late for t, late in zip(tracks, bank.look_ahead_samples, strict=True))
    for start in range(0, end, BLOCK_SAMPLES):
        count = min(BLOCK_SAMPLES, end - start)
        heard = {name: stretch_of(keys[name].samples, start, count) for name in bank.key_rooms if name in keys}
        try:
            blocks = bank.follow([stretch_of(track.samples, start, count) for track in tracks], heard)
        except NotFinite as error:
            raise error.within("", start) from None
        for whole, block, late in zip(made, blocks, bank.look_ahead_samples, strict=True):
            lay(whole, block, start - late)
    return [Audio(samples, track.rate_hz) for samples, track in zip(made, tracks, strict=True)]


def apply(audio: Audio, processor: Processor, *, keys: Mapping[str, Audio] | None = None) -> Audio:
    """``audio`` through one processor; ``keys`` as in ``run_chains``."""
    return run_chains([audio], [[processor]], keys=keys)[0]


def tail_s(chain: Sequence[Processor]) -> float:
    """How long a chain rings on, to -60 dB, after its sound has ended."""
    return sum(_tail_s(processor) for processor in chain)


def _tail_s(processor: Processor) -> float:
    match processor:
        case Delay():
            return delay_tail_s(processor)
        case Reverb():
            return reverb_tail_s(processor)
        case Convolution():
            return convolution_tail_s(processor)
        case FirEqualiser():
            return FIR_TAIL_S
        case _:
            return 0.0


def _key_of(processor: Processor) -> str | None:
    return processor.key_track if isinstance(processor, Compressor) else None


def _leading_strip(chain: Sequence[Processor]) -> list[StripProcessor]:
    head: list[StripProcessor] = []
    for processor in chain:
        if not isinstance(processor, STRIP_PROCESSORS):
            break
        head.append(processor)
    return head
