"""Channel strips: many tracks through their chains, four stereo tracks at a time.

A chain is any sequence of processors. Gains, filters and equalisers up to and with the next compressor are one pass of
the strip kernel; every other processor is a step of its own (see ``dsp.chain``). What a track sounds like does not
depend on its neighbours in a vector.
"""

from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import ClassVar, Final

import numpy as np
from numpy.typing import NDArray

from tapehand.audio import Audio
from tapehand.audio.buffer import Samples
from tapehand.dsp.dynamics import compressor_column
from tapehand.dsp.filters import equaliser_sections, forgets_slowly, high_pass_sections
from tapehand.dsp.sections import Section
from tapehand.errors import InternalError
from tapehand.kernels.bus import BusInput, BusNarrower
from tapehand.kernels.strip import LANES, PAIRS, Strip8, Strip8OntoBus, StripSettings, lane_table
from tapehand.song.processors import Compressor, Equaliser, Gain, HighPass
from tapehand.units import db_to_gain

StripProcessor = HighPass | Equaliser | Compressor | Gain
STRIP_PROCESSORS: Final = (HighPass, Equaliser, Compressor, Gain)
StripPart = StripProcessor | Section
BLOCK_SAMPLES: Final = 16_384


@dataclass(slots=True, kw_only=True)
class Pass:
    """What one run of the kernel does to one track: a gain, then sections, then a compressor."""

    gain: float = 1.0
    sections: list[Section] = field(default_factory=list)
    compressor: Compressor | None = None

    def kernel_gain(self) -> float:
        """The gain with the first coefficient of every section in it: the kernel's sections begin with 1."""
        gain = self.gain
        for section in self.sections:
            gain *= section.b0
        return gain


def passes_of(chain: Sequence[StripPart], rate_hz: int) -> list[Pass]:
    """A chain cut after each compressor; sections that were designed elsewhere may stand in it."""
    passes = [Pass()]
    for processor in chain:
        if passes[-1].compressor is not None:
            passes.append(Pass())
        match processor:
            case Gain():
                passes[-1].gain *= db_to_gain(processor.gain_db)
            case HighPass():
                passes[-1].sections += high_pass_sections(processor, rate_hz)
            case Equaliser():
                passes[-1].sections += equaliser_sections(processor, rate_hz)
            case Section():
                passes[-1].sections.append(processor)
            case Compressor():
                passes[-1].compressor = processor
    return passes if chain else []


class StripBank:
    """Strips of any number of tracks of one rate, fed block by block; the blocks give the same bits as the whole.

    Parameters
    ----------
    chains : one for each track; empty leaves the track as it is.
    names : of the tracks, for messages.
    """

    STATE: ClassVar[tuple[str, ...]] = ("_steps",)

    def __init__(self, chains: Sequence[Sequence[StripPart]], rate_hz: int, *, names: Sequence[str] = ()) -> None:
        plans = [passes_of(chain, rate_hz) for chain in chains]
        shown = [names[k] if k < len(names) else f"track {k + 1}" for k in range(len(plans))]
        self._steps: list[_Step] = []
        for depth in range(max(map(len, plans), default=0)):
            busy = [number for number, plan in enumerate(plans) if depth < len(plan)]
            for first in range(0, len(busy), PAIRS):
                four = busy[first : first + PAIRS]
                passes = [plans[number][depth] for number in four]
                self._steps.append(_Step(four, passes, [shown[number] for number in four], rate_hz))
        self._left_alone = [number for number, plan in enumerate(plans) if not plan]
        self._copied: list[tuple[Samples, Samples]] = []

    def bind(self, rooms_in: Sequence[Samples], key_rooms: Mapping[str, Samples], rooms_out: Sequence[Samples]) -> None:
        """Say where the blocks to come will lie; the arrays stay, only their content changes. The state goes on.

        Parameters
        ----------
        rooms_in : for each track a room ``(1 or 2, capacity)``.
        key_rooms : the rooms of what compressors with a ``key_track`` listen to, by its name.
        rooms_out : where each track goes, of the shapes of ``rooms_in``; may be these themselves.

        Raises
        ------
        InternalError
            ``dsp.key`` for a key that is not there.
        """
        current = list(rooms_in)
        for step in self._steps:
            step.bind(current, key_rooms, rooms_out)
            for number in step.numbers:
                current[number] = rooms_out[number]
        idle = [(rooms_out[number], rooms_in[number]) for number in self._left_alone]
        self._copied = [(out, sound) for out, sound in idle if out is not sound]

    def run(self, count: int) -> None:
        """The next ``count`` samples of every track, which begin their rooms.

        Raises
        ------
        InternalError
            ``render.not_finite`` with track and sample of the block.
        """
        for step in self._steps:
            step.strip.run(count)
        for out, sound in self._copied:
            out[:, :count] = sound[:, :count]

    def follow(self, tracks: Sequence[Samples], keys: Mapping[str, Samples], out: Sequence[Samples]) -> None:
        """The next block of every track ``(1 or 2, n)``, n alike, into ``out``; ``keys``: the same block of each key.

        For arrays that are others every time; raises as ``bind`` and ``run``.
        """
        self.bind(tracks, keys, out)
        self.run(tracks[0].shape[1] if tracks else 0)


class _Step:
    """One pass of up to four tracks."""

    STATE: ClassVar[tuple[str, ...]] = ("_state",)

    def __init__(self, numbers: list[int], passes: list[Pass], names: list[str], rate_hz: int) -> None:
        self.numbers = numbers
        self._key_names = [None if each.compressor is None else each.compressor.key_track for each in passes]
        settings = _settings(passes, rate_hz)
        self._state = settings.new_state()
        self.strip = Strip8(settings, self._state, tracks=len(numbers), names=names)

    def bind(self, rooms: Sequence[Samples], keys: Mapping[str, Samples], out: Sequence[Samples]) -> None:
        self.strip.bind(
            [rooms[number] for number in self.numbers],
            [out[number] for number in self.numbers],
            [_key(keys, name) for name in self._key_names],
        )


def run_strips(
    tracks: Sequence[Audio],
    chains: Sequence[Sequence[StripProcessor]],
    *,
    keys: Mapping[str, Audio] | None = None,
    names: Sequence[str] = (),
) -> list[Audio]:
    """Each track through its chain of gains, high-passes, equalisers and compressors.

    Parameters
    ----------
    tracks : mono or stereo, of any rates and lengths; mono stays mono.
    chains : one for each track; empty leaves the track as it is.
    keys : what compressors with a ``key_track`` listen to, by its name; cut or filled with silence to fit.
    names : of the tracks, for messages.

    Raises
    ------
    InternalError
        ``render.not_finite`` with track and sample; ``dsp.key`` for a key that is not there.
    """
    if len(tracks) != len(chains):
        raise InternalError("dsp.strips", f"{len(tracks)} tracks need as many chains, not {len(chains)}")
    made = list(tracks)
    for four in _fours([number for number, chain in enumerate(chains) if chain], tracks):
        rate_hz, length = tracks[four[0]].rate_hz, tracks[four[-1]].length_samples
        bank = StripBank(
            [chains[number] for number in four], rate_hz, names=[names[k] if k < len(names) else "" for k in four]
        )
        heard = {name: key.span(0, length).samples for name, key in (keys or {}).items()}
        whole = [tracks[number].span(0, length).samples for number in four]
        out = [np.empty_like(samples) for samples in whole]
        bank.follow(whole, heard, out)
        for number, samples in zip(four, out, strict=True):
            made[number] = Audio.of(samples[:, : tracks[number].length_samples], rate_hz)
    return made


def mix_strips(
    inputs: Sequence[BusInput],
    chains: Sequence[Sequence[StripProcessor]],
    rate_hz: int,
    *,
    keys: Mapping[str, Audio] | None = None,
    names: Sequence[str] = (),
) -> Audio:
    """Strips and bus in one: the same bits as ``run_strips`` and ``mix_bus``, without keeping any track in between.

    The bus reaches to the last sample of any input; keys start with the song. Work goes on in blocks that stay in the
    CPU's cache.
    """
    length = max(map(_end, inputs))
    shown = [names[k] if k < len(names) else f"track {k + 1}" for k in range(len(inputs))]
    bus = np.zeros((2, min(length, BLOCK_SAMPLES)))
    fours = [
        _FourOntoBus(inputs[at : at + PAIRS], chains[at : at + PAIRS], rate_hz, keys or {}, bus, shown[at : at + PAIRS])
        for at in range(0, len(inputs), PAIRS)
    ]
    mix = np.empty((2, length), dtype=np.float32)
    narrower = BusNarrower(bus, mix)
    for start in range(0, length, BLOCK_SAMPLES):
        count = min(BLOCK_SAMPLES, length - start)
        bus.fill(0.0)
        for four in fours:
            four.add(start, count)
        narrower.narrow(count, room_at=start)
    return Audio(mix, rate_hz)


class _FourOntoBus:
    """Four neighbours of a bus. All but the last of their passes fill rooms; the last goes straight into the bus."""

    def __init__(
        self,
        inputs: Sequence[BusInput],
        chains: Sequence[Sequence[StripProcessor]],
        rate_hz: int,
        keys: Mapping[str, Audio],
        bus: NDArray[np.float64],
        names: Sequence[str],
    ) -> None:
        self._inputs, self._keys = inputs, keys
        self._sounds = [Audio(track.samples, rate_hz) for track in inputs]
        heads = [_length_without_last_pass(chain) for chain in chains]
        self._first = StripBank([chain[:head] for chain, head in zip(chains, heads, strict=True)], rate_hz, names=names)
        self._rooms = [np.empty((sound.channels, bus.shape[1]), dtype=np.float32) for sound in self._sounds]
        last = [(passes_of(chain, rate_hz) or [Pass()])[-1] for chain in chains]
        key_table = lane_table([_key_sound(keys, each) for each in last])
        self._deep = any(heads)
        self._signals = (
            lane_table(self._rooms)
            if self._deep
            else lane_table([track.samples for track in inputs], [track.offset_samples for track in inputs])
        )
        self._last = Strip8OntoBus(self._signals, key_table, _settings(last, rate_hz), inputs, bus, names=names)

    def add(self, start: int, count: int) -> None:
        """The next block, from song position ``start``."""
        if self._deep:
            self._fill_rooms(start, count)
        self._last.add(start, count)

    def _fill_rooms(self, start: int, count: int) -> None:
        own = [
            _stretch(sound, start - track.offset_samples, count)
            for sound, track in zip(self._sounds, self._inputs, strict=True)
        ]
        heard = {name: _stretch(key, start, count) for name, key in self._keys.items()}
        self._first.follow(own, heard, [room[:, :count] for room in self._rooms])
        for number, track in enumerate(self._inputs):
            self._signals[1, number::PAIRS] = start
            self._signals[2, number::PAIRS] = max(0, min(count, _end(track) - start))


def _length_without_last_pass(chain: Sequence[StripProcessor]) -> int:
    """How many processors of a chain come before its last pass: up to and with the last compressor but one."""
    ends = [number + 1 for number, each in enumerate(chain) if isinstance(each, Compressor) and number + 1 < len(chain)]
    return ends[-1] if ends else 0


def _key_sound(keys: Mapping[str, Audio], step: Pass) -> Samples | None:
    name = None if step.compressor is None else step.compressor.key_track
    return _key({key: audio.samples for key, audio in keys.items()}, name)


def _end(track: BusInput) -> int:
    return track.offset_samples + int(track.samples.shape[1])


def _stretch(audio: Audio, start: int, count: int) -> Samples:
    """A view where the audio reaches; silence outside of it."""
    if start >= 0 and start + count <= audio.length_samples:
        return audio.samples[:, start : start + count]
    return audio.span(start, start + count).samples


def _fours(numbers: Sequence[int], tracks: Sequence[Audio]) -> list[list[int]]:
    """Fours of one rate, neighbours in length, so that little silence is computed; the longest comes last."""
    by_rate: dict[int, list[int]] = defaultdict(list)
    for number in sorted(numbers, key=lambda k: tracks[k].length_samples):
        by_rate[tracks[number].rate_hz].append(number)
    return [same[at : at + PAIRS] for same in by_rate.values() for at in range(0, len(same), PAIRS)]


def _key(keys: Mapping[str, Samples], name: str | None) -> Samples | None:
    if name is None:
        return None
    if name not in keys:
        raise InternalError("dsp.key", "A compressor's side-chain track is missing", where=name)
    return keys[name]


def _lanes(values: Sequence[float], *, filler: float) -> NDArray[np.float64]:
    lanes = np.full(LANES, filler)
    for number, value in enumerate(values):
        lanes[number] = lanes[number + PAIRS] = value
    return lanes


def _settings(passes: Sequence[Pass], rate_hz: int) -> StripSettings:
    """One pass of up to four tracks, as numbers. Sections are sorted per track, whatever its neighbours need."""
    wide = [[section for section in each.sections if forgets_slowly(section)] for each in passes]
    fast = [[section for section in each.sections if not forgets_slowly(section)] for each in passes]
    return StripSettings(
        gains=_lanes([each.kernel_gain() for each in passes], filler=1.0),
        wide_coefficients=_table(wide, _wide_row),
        coefficients=_table(fast, _fast_row),
        compressor=_compressors(passes, rate_hz),
    )


Row = tuple[float, float, float, float]


def _table(sections: Sequence[Sequence[Section]], row_of: Callable[[Section], Row]) -> NDArray[np.float64]:
    """``(sections, 4, 8)``; a row of zeros is a section that changes nothing."""
    table = np.zeros((max(map(len, sections)), 4, LANES))
    for number, each in enumerate(sections):
        for row, section in enumerate(each):
            table[row, :, number] = table[row, :, number + PAIRS] = row_of(section)
    return table


def _wide_row(section: Section) -> Row:
    return section.b1 / section.b0 - section.a1, section.b2 / section.b0 - section.a2, section.a1, section.a2


def _fast_row(section: Section) -> Row:
    c1, c2, a1, a2 = _wide_row(section)
    return -1.0 - a1, c1, c1 + c2, -(1.0 + a1 + a2)


def _compressors(passes: Sequence[Pass], rate_hz: int) -> NDArray[np.float64] | None:
    if all(each.compressor is None for each in passes):
        return None
    columns = [compressor_column(each.compressor, rate_hz) for each in passes]
    idle = compressor_column(None, rate_hz)
    return np.ascontiguousarray(np.stack([*columns, *[idle] * (PAIRS - len(columns))], axis=1))
