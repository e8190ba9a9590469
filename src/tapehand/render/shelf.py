"""Sounds of a song, ready to be read at any place: recordings at the song's rate, and what was made once.

A recording that can be read in place is. What has to be decoded, converted or played first is made once and kept in the
cache, so memory does not grow with its length; without a cache it is held in memory.
"""

import threading
from collections import defaultdict
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from itertools import chain

from tapehand.audio import Audio
from tapehand.audio.resample import resampled_blocks
from tapehand.render.cache import NoCache, RenderCache, content_key
from tapehand.render.sounds import HeldSound, KeptSound, Sound, SoundKeeper, Sources, joined, pieces


@dataclass(frozen=True, slots=True, kw_only=True)
class Shelf:
    """Where a render takes its sounds from.

    Parameters
    ----------
    sources : the recordings.
    cache : where what was made is kept.
    version : names everything that shapes what is made; part of every key.
    """

    sources: Sources
    cache: RenderCache = field(default_factory=NoCache)
    version: tuple[object, ...] = ()
    _ready: dict[str, Sound] = field(default_factory=dict, init=False, repr=False)
    _making: dict[str, threading.Lock] = field(
        default_factory=lambda: defaultdict(threading.Lock), init=False, repr=False
    )

    def source(self, blob: str, rate_hz: int) -> Sound:
        """A recording at ``rate_hz``, opened once; raises as the sources do."""
        place = f"{blob}@{rate_hz}"
        if place not in self._ready:
            self._ready[place] = self._opened(blob, rate_hz)
        return self._ready[place]

    def made(self, what: tuple[object, ...], make: Callable[[], Audio]) -> Sound:
        """What ``make`` gives, once: ``what`` says all that it depends on."""
        return self.made_of_blocks(what, lambda: pieces(HeldSound(make())))

    def made_of_blocks(self, what: tuple[object, ...], make: Callable[[], Iterator[Audio]]) -> Sound:
        """The same for a sound that comes in stretches, at least one."""
        key = content_key(*self.version, *what)
        with self._making[key]:
            if key not in self._ready:
                self._ready[key] = self._kept(key) or self._made(key, make)
            return self._ready[key]

    def _opened(self, blob: str, rate_hz: int) -> Sound:
        plain = self.sources.open(blob)
        if plain is not None and plain.rate_hz == rate_hz:
            return plain
        return self.made_of_blocks(("source", blob, rate_hz), lambda: self._converted(blob, plain, rate_hz))

    def _converted(self, blob: str, plain: Sound | None, rate_hz: int) -> Iterator[Audio]:
        blocks = self.sources.blocks(blob) if plain is None else pieces(plain)
        first = next(blocks)
        whole = chain([first], blocks)
        return whole if first.rate_hz == rate_hz else resampled_blocks(whole, rate_hz)

    def _kept(self, key: str) -> Sound | None:
        records = self.cache.open(key)
        return None if records is None else KeptSound(records)

    def _made(self, key: str, make: Callable[[], Iterator[Audio]]) -> Sound:
        if self.cache.keeps:
            self._keep(key, make())
        # A cache without room keeps nothing, and says so only by not having it.
        return self._kept(key) or HeldSound(joined(make()))

    def _keep(self, key: str, blocks: Iterator[Audio]) -> None:
        first = next(blocks)
        with self.cache.keep(key) as writer:
            keeper = SoundKeeper(writer, first.channels, first.rate_hz)
            for block in chain([first], blocks):
                keeper.take(block.samples)
            keeper.finish()
