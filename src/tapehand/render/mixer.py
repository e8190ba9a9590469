"""The mixer at work: tracks through their strips into buses, buses into the mix, step by step with bounded memory.

A step is ``STEP_SAMPLES`` of the finished mix. In each, every track is read and made up to where the buses need it (see
``render.plan``), and added into the **windows** of what it feeds; then every bus, in order, takes its window and feeds
on.
Sums are exact (see ``kernels.bus``), so groups of tracks may be added in any order, by any number of threads.
"""

from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from queue import SimpleQueue
from typing import ClassVar, Final

import numpy as np

from tapehand.audio.buffer import Samples
from tapehand.dsp.node import BLOCK_SAMPLES
from tapehand.kernels.bus import BusAdder, BusNarrower, Curve
from tapehand.render.chains import Chains
from tapehand.render.gains import GainPoint
from tapehand.render.plan import Feed
from tapehand.render.sounds import Sound

STEP_SAMPLES: Final = 4 * BLOCK_SAMPLES
# Windows that nothing takes further: what comes out of the mix, and of each strip that ends there.
OUT: Final = "out"
STEM: Final = "stem/"


class Window:
    """The part of a bus that is being added up: float64, from song position ``start`` on."""

    STATE: ClassVar[tuple[str, ...]] = ("start", "samples")

    def __init__(self, start: int, length_samples: int) -> None:
        self.start = start
        self.samples = np.zeros((2, length_samples))
        self.is_touched = False

    def pass_on(self, position: int) -> None:
        """Forget what lies before ``position``, which has been taken."""
        count = position - self.start
        kept = self.samples.shape[1] - count
        self.samples[:, :kept] = self.samples[:, count:]
        self.samples[:, kept:] = 0.0
        self.start = position

    def take(self, other: "Window") -> None:
        """Add what another window of the same place holds, and empty that."""
        if other.is_touched:
            self.samples += other.samples
            other.samples.fill(0.0)
            other.is_touched = False


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
            window.is_touched = True
            self._adder(bus, window).add(position, count, position - window.start)

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
    rooms : float32 ``(channels, BLOCK_SAMPLES)`` for each, where its chain begins.
    delays : of each strip, in samples.
    start : the song position from which on it is to be heard.
    """

    STATE: ClassVar[tuple[str, ...]] = ("_chains", "_position")

    def __init__(
        self,
        sounds: Sequence[Sound],
        rooms: Sequence[Samples],
        chains: Chains,
        delays: Sequence[int],
        outlet: Outlet,
        start: int,
    ) -> None:
        self._sounds, self._rooms, self._chains, self._outlet, self._start = sounds, rooms, chains, outlet, start
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
            for sound, room, position in zip(self._sounds, self._rooms, positions, strict=True):
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
    room : float32 ``(2, BLOCK_SAMPLES)``, where its chain begins.
    delay_samples : how much later it is to be heard.
    lead_samples : how far ahead of the finished mix it is made.
    """

    STATE: ClassVar[tuple[str, ...]] = ("_chains", "_position")

    def __init__(
        self,
        window: Window,
        room: Samples,
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
        self._narrower = BusNarrower(window.samples, room, where=name)
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


def next_count(position: int, start: int, end: int) -> int:
    """Samples of the next block: what comes before the start is not heard, so no block reaches over it."""
    return min(BLOCK_SAMPLES, (start if position < start else end) - position)


class Crew:
    """Threads that make the tracks of a step while the buses of the step before are made."""

    def __init__(self, groups: Sequence[TrackGroup], windows: Windows, threads: int) -> None:
        self._groups = groups
        self._pool = ThreadPoolExecutor(threads)
        self._sets = [
            {name: Window(window.start, window.samples.shape[1]) for name, window in windows.items()}
            for _ in range(threads)
        ]
        self._idle: SimpleQueue[Windows] = SimpleQueue()
        for windows_of_one in self._sets:
            self._idle.put(windows_of_one)
        self._running: list[Future[None]] = []

    def start(self, starts: Mapping[str, int], end: int) -> None:
        """Begin with the tracks up to song position ``end``, into windows that begin at ``starts``."""
        for windows in self._sets:
            for name, at in starts.items():
                windows[name].start = at
        self._running = [self._pool.submit(self._advance, group, end) for group in self._groups]

    def finish(self, windows: Windows) -> None:
        """Wait, and add what was made to ``windows``."""
        for future in self._running:
            future.result()
        for windows_of_one in self._sets:
            for name, window in windows_of_one.items():
                windows[name].take(window)

    def _advance(self, group: TrackGroup, end: int) -> None:
        windows = self._idle.get()
        try:
            group.advance(windows, end)
        finally:
            self._idle.put(windows)

    def close(self) -> None:
        """Let the threads end."""
        self._pool.shutdown(wait=True, cancel_futures=True)


class Mixer:
    """Everything set up for one song from one place on.

    Parameters
    ----------
    groups : the tracks.
    buses : in order, the mix last.
    windows : of every bus, and of what is to come out.
    inlets : how far ahead of the finished mix each window is taken, in samples.
    track_lead : how far ahead tracks are made.
    start : the song position that it begins at.
    """

    STATE: ClassVar[tuple[str, ...]] = ("_groups", "_buses", "_all_windows", "position")

    def __init__(
        self,
        groups: Sequence[TrackGroup],
        buses: Sequence[BusStrip],
        windows: Windows,
        *,
        inlets: Mapping[str, int],
        track_lead: int,
        start: int,
    ) -> None:
        self._groups, self._buses, self._windows = list(groups), list(buses), windows
        self._all_windows = list(windows.values())
        self._inlets, self._track_lead = inlets, track_lead
        self.position = start

    def steps(self, end: int, threads: int = 1) -> Iterator[dict[str, Samples]]:
        """What comes out, float32 ``(2, n)`` by ``OUT`` and the stems' ids, step by step up to song position ``end``.

        ``position`` is then where the step ended.
        """
        crew = Crew(self._groups, self._windows, threads)
        try:
            crew.start({name: window.start for name, window in self._windows.items()}, self._tracks_end(end, 1))
            while self.position < end:
                step_end = min(self.position + STEP_SAMPLES, end)
                crew.finish(self._windows)
                if step_end < end:
                    crew.start({name: step_end + lead for name, lead in self._inlets.items()}, self._tracks_end(end, 2))
                for bus in self._buses:
                    bus.advance(self._windows, step_end)
                self.position = step_end
                yield {
                    name.removeprefix(STEM): self._given_out(window)
                    for name, window in self._windows.items()
                    if name == OUT or name.startswith(STEM)
                }
        finally:
            crew.close()

    def _tracks_end(self, end: int, steps: int) -> int:
        return min(self.position + steps * STEP_SAMPLES, end) + self._track_lead

    def _given_out(self, window: Window) -> Samples:
        made = np.empty((2, self.position - window.start), dtype=np.float32)
        BusNarrower(window.samples, made).narrow(made.shape[1])
        window.pass_on(self.position)
        return made
