"""One pass over a session: every recording is read once, block by block, and everything listens at the same time.

What a track tells by itself comes first; then what lies between tracks, from what was kept small of each; then the
time, harmony and form of the whole.
"""

import threading
from collections.abc import Callable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from itertools import chain
from typing import Final

from tapehand.audio import Audio
from tapehand.audio.resample import resample
from tapehand.listening.activity import activity
from tapehand.listening.faults import Heard
from tapehand.listening.frames import FrameStream
from tapehand.listening.heard_track import HeardTrack, named_role, role_fact
from tapehand.listening.recording_faults import RecordingScan
from tapehand.listening.recordings import Compact, CompactScan, ReadRecordings, Track
from tapehand.listening.roles import RoleGuess, guess_role
from tapehand.listening.sources import Recording
from tapehand.listening.spectra import spectra
from tapehand.song.finding import Fact
from tapehand.work import Work

# By ear alone a role is only guessed; a minute from where the track is loudest says as much as all of it.
ROLE_STRETCH_S: Final = 60.0

OnFacts = Callable[[Sequence[Fact]], None]
OnHeard = Callable[[HeardTrack], None]


def hear_tracks(
    recordings: Sequence[Recording], *, threads: int, work: Work, on_heard: OnHeard | None = None
) -> tuple[HeardTrack, ...]:
    """Every recording, read once, several at a time; ``on_heard`` is given each as soon as it was heard.

    Raises
    ------
    InputError : a file cannot be read.
    Cancelled : ``work`` was cancelled.
    """
    progress = _Progress(work, recordings)

    def one(recording: Recording) -> HeardTrack:
        heard = hear_track(recording, progress)
        if on_heard is not None:
            on_heard(heard)
        return heard

    with ThreadPoolExecutor(max(threads, 1)) as workers:
        return _all_of([workers.submit(one, recording) for recording in recordings])


def hear_track(recording: Recording, on_block: Callable[[Audio], None] = lambda _block: None) -> HeardTrack:
    """One recording, in one pass over its blocks."""
    blocks = recording.sound.blocks()
    first = next(blocks, Audio.silence(max(1, recording.channels), 0, recording.rate_hz))
    faults = RecordingScan(first.channels, recording.rate_hz)
    compact, stream = CompactScan(recording.rate_hz), FrameStream(recording.rate_hz)
    length_samples = 0
    for block in chain([first], blocks):
        on_block(block)
        frames = stream.feed(block)
        faults.feed(block, frames)
        compact.feed(frames)
        length_samples += block.length_samples
    nothing, rest = Audio.silence(first.channels, 0, recording.rate_hz), stream.finish()
    faults.feed(nothing, rest)
    compact.feed(rest)
    told, kept = faults.finish(), compact.finish()
    return HeardTrack(
        recording=recording,
        guess=_role(recording, told.heard, kept, length_samples),
        faults=told,
        compact=kept,
        channels=first.channels,
        length_samples=length_samples,
        damage=recording.sound.damage,
        is_lossy=recording.sound.is_lossy,
    )


def beside_each_other(tracks: Sequence[HeardTrack], rate_hz: int) -> ReadRecordings:
    """The tracks for those who compare them; a role that is not certain is ``"unknown"`` there."""
    return ReadRecordings(rate_hz=rate_hz, tracks={each.recording.id: _for_comparing(each, rate_hz) for each in tracks})


def known_unheard(recordings: Sequence[Recording]) -> list[Fact]:
    """What the names say, before anything is read."""
    return [role_fact(each.id, named_role(each)) for each in recordings]


def _role(recording: Recording, heard: Heard, compact: Compact, length_samples: int) -> RoleGuess:
    """By name where it says enough, else with the ear on a stretch of the sound."""
    guess = named_role(recording)
    if not guess.asks or heard.levels.is_silent:
        return guess
    stretch = round(ROLE_STRETCH_S * recording.rate_hz)
    start = min(_loudest_sample(compact, recording.rate_hz, stretch), max(0, length_samples - stretch))
    audio = recording.sound.span(start, min(length_samples, start + stretch))
    return guess_role(recording.name, activity(audio), spectra(audio))


def _loudest_sample(compact: Compact, rate_hz: int, stretch: int) -> int:
    width = max(1, round(stretch / rate_hz * compact.frames_per_s))
    levels = compact.levels
    if levels.size <= width:
        return 0
    starts = range(0, levels.size - width + 1, max(1, width // 4))
    loudest = max(starts, key=lambda start: float(levels[start : start + width].sum()))
    return round(loudest / compact.frames_per_s * rate_hz)


def _for_comparing(each: HeardTrack, rate_hz: int) -> Track:
    recording = each.recording
    start = recording.start_samples

    def read(first: int, last: int) -> Audio:
        if recording.rate_hz == rate_hz:
            return recording.sound.span(first - start, last - start)
        ratio = recording.rate_hz / rate_hz
        piece = recording.sound.span(round((first - start) * ratio), round((last - start) * ratio))
        return resample(piece, rate_hz).span(0, last - first)

    return Track(
        role=each.sure_role,
        length_samples=start + round(each.length_samples * rate_hz / recording.rate_hz),
        compact=each.compact.later(start / rate_hz),
        read=read,
    )


class _Progress:
    """Counts the seconds heard over all threads, and stops them when the work is cancelled."""

    def __init__(self, work: Work, recordings: Sequence[Recording]) -> None:
        self._work = work
        self._lock = threading.Lock()
        self._done_s = 0.0
        self._total_s = sum(each.length_samples / each.rate_hz for each in recordings)

    def __call__(self, block: Audio) -> None:
        with self._lock:
            self._done_s += block.duration_s
            self._work.report("listen.tracks", self._done_s, max(self._total_s, self._done_s))


def _all_of(futures: Sequence[Future[HeardTrack]]) -> tuple[HeardTrack, ...]:
    try:
        return tuple(future.result() for future in futures)
    except BaseException:
        for future in futures:
            future.cancel()
        raise
