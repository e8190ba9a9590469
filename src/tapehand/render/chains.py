"""Up to four strips' chains side by side, fed block by block from wherever each of them is."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import ClassVar, Final

from tapehand.audio import Audio
from tapehand.audio.buffer import Samples
from tapehand.dsp.chain import ChainBank
from tapehand.dsp.node import BLOCK_SAMPLES
from tapehand.errors import InternalError
from tapehand.kernels.library import NotFinite
from tapehand.render.sounds import Sound
from tapehand.song.processors import Compressor, Processor

SIDE_BY_SIDE: Final = 4


class Chains:
    """The chains, what they listen to, and what they remember.

    Parameters
    ----------
    chains : one for each strip, at most four.
    channels : of what goes into each.
    names : for messages.
    keys : the sounds that side-chains listen to, by the track's id.
    impulses : the impulse responses of reverbs, at this rate.

    Attributes
    ----------
    rooms_in, rooms_out : where the next block of each lies before and after ``follow``, as in ``ChainBank``.
    look_ahead_samples : how far each one's output lies behind its input.
    """

    STATE: ClassVar[tuple[str, ...]] = ("_bank",)

    def __init__(
        self,
        chains: Sequence[Sequence[Processor]],
        channels: Sequence[int],
        rate_hz: int,
        *,
        names: Sequence[str],
        keys: Mapping[str, Sound],
        impulses: Mapping[str, Audio],
    ) -> None:
        self._names, self._rate_hz = names, rate_hz
        self._keys: list[tuple[int, Sound, str]] = []
        own = [[self._with_own_key(each, number, keys) for each in chain] for number, chain in enumerate(chains)]
        self._bank = ChainBank(own, channels, rate_hz, keys=impulses, names=names)
        self.rooms_in, self.rooms_out = self._bank.rooms_in, self._bank.rooms_out
        self.look_ahead_samples = self._bank.look_ahead_samples

    def follow(self, count: int, positions: Sequence[int]) -> None:
        """The next ``count`` samples of every strip, ``BLOCK_SAMPLES`` at most.

        ``positions`` : where in the song the block of each begins.

        Raises
        ------
        InternalError
            ``render.not_finite``, with the strip and the time.
        """
        for number, key, name in self._keys:
            room = self._bank.key_rooms[name]
            key.read_into(positions[number], room[: key.channels, :count])
            if key.channels == 1:
                room[1, :count] = room[0, :count]
        try:
            self._bank.run(count)
        except NotFinite as error:
            raise self._told(error, positions[0]) from error

    def _with_own_key(self, processor: Processor, number: int, keys: Mapping[str, Sound]) -> Processor:
        """A side-chain by a name of the strip's own, as every strip is somewhere else in the song."""
        if not isinstance(processor, Compressor) or processor.key_track is None:
            return processor
        if processor.key_track not in keys:
            raise InternalError("dsp.key", "A compressor's side-chain track is missing", where=processor.key_track)
        name = f"{processor.key_track}/{number}"
        self._keys.append((number, keys[processor.key_track], name))
        return replace(processor, key_track=name)

    def _told(self, error: NotFinite, position: int) -> InternalError:
        """The same error with the time in the song in place of the sample in the block."""
        place = ", ".join(self._names) if len(self._names) == 1 and not error.place else error.place
        at_s = (position + error.sample) / self._rate_hz
        return InternalError(error.code, error.message, where=f"{place}, at about {at_s:.2f} s")


def through(sound: Sound, chains: Chains, end: int) -> Iterator[Samples]:
    """One sound through its chain, in time, up to the sample ``end``; a block lives until the next."""
    ahead = chains.look_ahead_samples[0]
    position = -ahead
    while position < end:
        count = next_count(position, 0, end)
        sound.read_into(position + ahead, chains.rooms_in[0][:, :count])
        chains.follow(count, [position + ahead])
        if position >= 0:
            yield chains.rooms_out[0][:, :count]
        position += count


def next_count(position: int, start: int, end: int) -> int:
    """Samples of the next block: what comes before the start is not heard, so no block reaches over it."""
    return min(BLOCK_SAMPLES, (start if position < start else end) - position)
