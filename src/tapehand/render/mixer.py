"""The mixer at work: tracks through their strips into buses, buses into the mix, step by step with bounded memory.

A step is ``STEP_SAMPLES`` of the finished mix. In each, every track is read and made up to where the buses need it (see
``render.plan``), and added into the **windows** of what it feeds; then every bus, in order, takes its window and feeds
on.
Sums are exact (see ``kernels.bus``), so groups of tracks may be added in any order, by any number of threads.
"""

from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from queue import SimpleQueue
from typing import Any, ClassVar, Final, Protocol

import numpy as np
from numpy.typing import NDArray

from tapehand.audio.buffer import Samples
from tapehand.dsp.node import BLOCK_SAMPLES, restore, state_of
from tapehand.kernels.bus import BusAdder, BusNarrower, Curve
from tapehand.render.chains import Chains, next_count
from tapehand.render.gains import GainPoint
from tapehand.render.plan import Feed
from tapehand.render.sounds import Sound

STEP_SAMPLES: Final = 4 * BLOCK_SAMPLES
# Windows that nothing takes further: what comes out of the mix, and of each strip that ends there.
OUT: Final = "out"
STEM: Final = "stem/"


class Window:
    """The part of a bus that is being added up: float64, from song position ``start`` on."""

    STATE: ClassVar[tuple[str, ...]] = ("start", "carried")

    def __init__(self, start: int, length_samples: int) -> None:
        self.start = self._end = start
        self.samples = np.zeros((2, length_samples))

    @property
    def carried(self) -> NDArray[np.float64]:
        """All that has been added and not been taken."""
        return self.samples[:, : max(self._end - self.start, 0)]

    @carried.setter
    def carried(self, samples: NDArray[np.float64]) -> None:
        self.samples.fill(0.0)
        self.samples[:, : samples.shape[1]] = samples
        self._end = self.start + samples.shape[1]

    def reach(self, end: int) -> None:
        """Something has been added up to song position ``end``."""
        self._end = max(self._end, end)

    def move(self, start: int) -> None:
        """Begin anew, empty, at another place."""
        self.start = self._end = start

    def pass_on(self, position: int) -> None:
        """Forget what lies before ``position``, which has been taken."""
        count = position - self.start
        kept = max(self._end - position, 0)
        self.samples[:, :kept] = self.samples[:, count : count + kept]
        self.samples[:, kept : max(self._end - self.start, 0)] = 0.0
        self.start = position

    def add(self, samples: NDArray[np.float64], position: int) -> None:
        """Add sums that begin at a song position; both are on the grid of buses, so this is exact."""
        first = position - self.start
        self.samples[:, first : first + samples.shape[1]] += samples
        self.reach(position + samples.shape[1])

    def take(self, other: "Window") -> None:
        """Add what another window of the same place holds, and empty that."""
        if other.carried.size:
            self.add(other.carried, other.start)
            other.carried.fill(0.0)
            other.move(other.start)


Windows = Mapping[str, Window]


class Outlet:
    """A few rooms on their way into the buses they feed."""

    def __init__(self, rooms: Sequence[Samples], feeds: Sequence[Sequence[Feed]], names: Mapping[str, str]) -> None:
        self._rooms, self._names = rooms, names
        self._ways: dict[str, list[tuple[Samples, Curve]]] = {}
        for room, ways in zip(rooms, feeds, strict=True):
            for way in ways:
                self._ways.setdefault(way.bus, []).append((room, _curve(way.gains)))
        self._adders: dict[tuple[str, int], BusAdder] = {}

    def add(self, windows: Windows, position: int, count: int) -> None:
        """The first ``count`` samples of the rooms, from song position ``position`` on, into their windows."""
        for bus in self._ways:
            window = windows[bus]
            self._adder(bus, window).add(position, count, position - window.start)
            window.reach(position + count)

    def _adder(self, bus: str, window: Window) -> BusAdder:
        place = (bus, id(window))
        if place not in self._adders:
            rooms, curves = zip(*self._ways[bus], strict=True)
            self._adders[place] = BusAdder(rooms, curves, window.samples, where=self._names.get(bus, bus))
        return self._adders[place]


def _curve(gains: Sequence[GainPoint]) -> Curve:
    at = np.array([point.at_samples for point in gains], dtype=np.int64)
    return at, np.array([(point.left, point.right) for point in gains], dtype=np.float64)


class TrackGroup:
    """Up to four tracks that are made together.

    Parameters
    ----------
    sounds : what lies on each.
    delays : of each strip, in samples.
    start : the song position from which on it is to be heard.
    """

    STATE: ClassVar[tuple[str, ...]] = ("_chains", "_position")

    def __init__(
        self,
        sounds: Sequence[Sound],
        chains: Chains,
        delays: Sequence[int],
        outlet: Outlet,
        start: int,
    ) -> None:
        self._sounds, self._chains, self._outlet, self._start = sounds, chains, outlet, start
        self._ahead = [look - delay for look, delay in zip(chains.look_ahead_samples, delays, strict=True)]
        # Processors with a grid of their own count from the first sample they get. That is a whole number of steps
        # before the start, so that a track does not depend on what its neighbours look ahead.
        warm_up = -(-max(chains.look_ahead_samples) // STEP_SAMPLES) * STEP_SAMPLES
        self._position = start - warm_up

    def advance(self, windows: Windows, end: int) -> None:
        """Make everything up to song position ``end``."""
        while self._position < end:
            count = next_count(self._position, self._start, end)
            positions = [self._position + ahead for ahead in self._ahead]
            for sound, room, position in zip(self._sounds, self._chains.rooms_in, positions, strict=True):
                sound.read_into(position, room[:, :count])
            self._chains.follow(count, positions)
            if self._position >= self._start:
                self._outlet.add(windows, self._position, count)
            self._position += count


class BusStrip:
    """A bus, or the mix: takes its window through its inserts and feeds on.

    Parameters
    ----------
    window : where it is added up.
    delay_samples : how much later it is to be heard.
    lead_samples : how far ahead of the finished mix it is made.
    """

    STATE: ClassVar[tuple[str, ...]] = ("_chains", "_position")

    def __init__(
        self,
        window: Window,
        chains: Chains,
        outlet: Outlet,
        *,
        start: int,
        delay_samples: int,
        lead_samples: int,
        name: str,
    ) -> None:
        self._window, self._chains, self._outlet, self._start = window, chains, outlet, start
        self._delay, self._lead, self._look_ahead = delay_samples, lead_samples, chains.look_ahead_samples[0]
        self._narrower = BusNarrower(window.samples, chains.rooms_in[0], where=name)
        self._position = start - self._look_ahead

    def advance(self, windows: Windows, mix_end: int) -> None:
        """Make everything that the mix needs up to song position ``mix_end``."""
        end = mix_end + self._lead
        while self._position < end:
            count = next_count(self._position, self._start, end)
            taken = self._position + self._look_ahead
            self._narrower.narrow(count, taken - self._window.start)
            self._chains.follow(count, [taken])
            if self._position >= self._start:
                self._outlet.add(windows, self._position + self._delay, count)
            self._position += count
        self._window.pass_on(end + self._look_ahead)


class Keeper(Protocol):
    """Who keeps what a mixer remembers."""

    def wants(self, position: int) -> bool:
        """Whether the state at the end of the step at a song position is wanted."""
        ...

    def take(self, state: list[NDArray[Any]]) -> None:
        """The state there."""
        ...


class Part(Protocol):
    """Something that fills the windows of a step: tracks that are made, or their sum from before."""

    STATE: ClassVar[tuple[str, ...]]

    def begin(self, starts: Mapping[str, int], start: int, end: int) -> None:
        """Begin with the song positions from ``start`` to ``end``; windows will begin at ``starts`` then."""
        ...

    def finish(self, windows: Windows) -> None:
        """Wait for it, and add it."""
        ...

    def close(self) -> None:
        """No more is wanted."""
        ...


class Crew:
    """Threads that make the tracks of a step while the buses of the step before are made.

    Parameters
    ----------
    windows : of the sizes that are wanted.
    """

    STATE: ClassVar[tuple[str, ...]] = ("_groups",)

    def __init__(self, groups: Sequence[TrackGroup], windows: Windows, threads: int) -> None:
        self._groups = list(groups)
        self._pool = ThreadPoolExecutor(threads)
        self._sets = [like(windows) for _ in range(threads)]
        self._idle: SimpleQueue[Windows] = SimpleQueue()
        for own in self._sets:
            self._idle.put(own)
        self._running: list[Future[None]] = []

    def begin(self, starts: Mapping[str, int], _start: int, end: int) -> None:
        """As ``Part``."""
        for own in self._sets:
            for name, window in own.items():
                window.move(starts[name])
        self._running = [self._pool.submit(self._advance, group, end) for group in self._groups]

    def finish(self, windows: Windows) -> None:
        """As ``Part``."""
        for future in self._running:
            future.result()
        for own in self._sets:
            for name, window in own.items():
                windows[name].take(window)

    def close(self) -> None:
        """As ``Part``."""
        self._pool.shutdown(wait=True, cancel_futures=True)

    def _advance(self, group: TrackGroup, end: int) -> None:
        windows = self._idle.get()
        try:
            group.advance(windows, end)
        finally:
            self._idle.put(windows)


def like(windows: Windows) -> Windows:
    """Empty windows of the same sizes."""
    return {name: Window(window.start, window.samples.shape[1]) for name, window in windows.items()}


class Mixer:
    """Everything set up for one song from one place on.

    Parameters
    ----------
    parts : what fills the windows.
    buses : in order, the mix last.
    windows : of every bus, and of what is to come out.
    inlets : how far ahead of the finished mix each window is taken, in samples.
    track_lead : how far ahead tracks are made.
    start : the song position that it begins at.
    """

    STATE: ClassVar[tuple[str, ...]] = ("_parts", "_buses", "_all_windows", "position")

    def __init__(
        self,
        parts: Sequence[Part],
        buses: Sequence[BusStrip],
        windows: Windows,
        *,
        inlets: Mapping[str, int],
        track_lead: int,
        start: int,
    ) -> None:
        self._parts, self._buses, self._windows = list(parts), list(buses), windows
        self._all_windows = list(windows.values())
        self._inlets, self._track_lead = inlets, track_lead
        self.position = start
        self._tracks_at = start

    def restore(self, moment: Sequence[NDArray[Any]]) -> None:
        """Go on from a state that was given to a keeper by a mixer set up alike."""
        restore(self, iter(moment))
        self._tracks_at = self.position + self._track_lead

    def steps(self, end: int, keeper: Keeper | None = None) -> Iterator[dict[str, Samples]]:
        """What comes out, float32 ``(2, n)`` by ``OUT`` and the stems' ids, step by step up to song position ``end``.

        ``position`` is then where the step ended. ``keeper`` gets all that the mixer remembers where it wants it.
        """
        try:
            self._begin({name: window.start for name, window in self._windows.items()}, self.position, end)
            while self.position < end:
                step_end = min(self.position + STEP_SAMPLES, end)
                for part in self._parts:
                    part.finish(self._windows)
                wanted = keeper is not None and step_end < end and keeper.wants(step_end)
                parts = state_of(self._parts) if wanted else []
                if step_end < end:
                    self._begin({name: step_end + lead for name, lead in self._inlets.items()}, step_end, end)
                for bus in self._buses:
                    bus.advance(self._windows, step_end)
                self.position = step_end
                yield self._given_out()
                if keeper is not None and wanted:
                    keeper.take([*parts, *state_of([self._buses, self._all_windows, self.position])])
        finally:
            for part in self._parts:
                part.close()

    def _begin(self, starts: Mapping[str, int], position: int, end: int) -> None:
        """Let the tracks of the step that begins at ``position`` be made."""
        tracks_end = min(position + STEP_SAMPLES, end) + self._track_lead
        for part in self._parts:
            part.begin(starts, self._tracks_at, tracks_end)
        self._tracks_at = tracks_end

    def _given_out(self) -> dict[str, Samples]:
        given = {}
        for name, window in self._windows.items():
            if name == OUT or name.startswith(STEM):
                made = np.empty((2, self.position - window.start), dtype=np.float32)
                BusNarrower(window.samples, made).narrow(made.shape[1])
                window.pass_on(self.position)
                given[name.removeprefix(STEM)] = made
        return given
