"""What has to be rendered, in which order, and how far ahead, so that everything meets on its sample.

A strip whose chain looks ahead gives its sound late; instead of delaying all others, it is made that much earlier.
Tracks can be read at any place. A bus is made ahead of what it feeds by what that looks ahead.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

from tapehand.dsp.chain import tail_s
from tapehand.errors import InputError
from tapehand.render.gains import GainPoint, strip_gains
from tapehand.song.mixer import MIX, Bus, Insert, Send, Strip
from tapehand.song.processors import Compressor, Convolution, Processor
from tapehand.song.song import Song, Track


@dataclass(frozen=True, slots=True, kw_only=True)
class Feed:
    """A way from a strip into a bus, with the gain of each side."""

    bus: str
    gains: tuple[GainPoint, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Leads:
    """How far ahead of the finished mix things are made, in samples.

    Parameters
    ----------
    tracks : what comes out of all tracks.
    out, into : what comes out of each bus, and what goes into it. ``MIX`` is one of them.
    """

    tracks: int
    out: dict[str, int]
    into: dict[str, int]


def heard_tracks(song: Song) -> list[Track]:
    """The tracks that are to be heard, in song order."""
    return [track for track in song.tracks if not track.strip.mute and track.regions]


def buses_in_order(song: Song) -> list[Bus]:
    """Buses that are to be heard, each after everything that feeds it. Raises InputError (``render.bus_loop``)."""
    waiting = {bus.id: bus for bus in song.buses}
    ordered: list[Bus] = []
    while waiting:
        fed = {target for bus in waiting.values() for target in targets(bus.strip)}
        ready = [bus for bus in waiting.values() if bus.id not in fed]
        if not ready:
            raise InputError("render.bus_loop", "Buses feed each other in a circle", where=", ".join(sorted(waiting)))
        ordered.extend(ready)
        for bus in ready:
            del waiting[bus.id]
    return [bus for bus in ordered if not bus.strip.mute]


def feeds(strip: Strip, channels: int, heard: Sequence[str]) -> tuple[Feed, ...]:
    """Where a strip's sound goes: its sends first, then its output; ``heard`` are the buses that can be."""
    sent = [
        Feed(bus=send.bus, gains=strip_gains(_as_sent(strip, send), channels, send.level_db)) for send in strip.sends
    ]
    ways = [*sent, Feed(bus=strip.output, gains=strip_gains(strip, channels))]
    return tuple(way for way in ways if way.bus in heard)


def leads(song: Song, buses: Sequence[Bus], look_ahead: dict[str, int]) -> Leads:
    """How far ahead everything has to be made; ``look_ahead`` : of each bus, ``MIX`` among them."""
    out, into = {MIX: 0}, {MIX: look_ahead[MIX]}
    for bus in reversed(buses):
        out[bus.id] = max((into[target] for target in targets(bus.strip) if target in into), default=0)
        into[bus.id] = out[bus.id] + look_ahead[bus.id]
    fed = [into[target] for track in heard_tracks(song) for target in targets(track.strip) if target in into]
    return Leads(tracks=max(fed, default=0), out=out, into=into)


def longest_ringing(song: Song, strip: Strip) -> int:
    """How many samples may sound after what went into a strip, by the longest way through the mixer."""
    own = ringing_samples(strip.inserts, song.rate_hz) + strip.delay_samples
    if strip is song.mix:
        return own
    ways = [song.strip(target) for target in targets(strip)]
    return own + max((longest_ringing(song, way) for way in ways), default=0)


def targets(strip: Strip) -> tuple[str, ...]:
    """What a strip feeds: its output, then its sends."""
    return (strip.output, *(send.bus for send in strip.sends))


def ringing_samples(inserts: Sequence[Insert], rate_hz: int) -> int:
    """How many samples a chain may sound on after what went into it."""
    return math.ceil(tail_s(processors(inserts)) * rate_hz)


def processors(inserts: Sequence[Insert]) -> list[Processor]:
    """The processors of a chain that are switched on."""
    return [insert.processor for insert in inserts if insert.on]


def key_tracks(inserts: Sequence[Insert]) -> tuple[str, ...]:
    """Ids of the tracks that compressors in a chain listen to, each once."""
    keys = (each.key_track for each in processors(inserts) if isinstance(each, Compressor))
    return tuple(dict.fromkeys(key for key in keys if key is not None))


def impulse_sources(inserts: Sequence[Insert]) -> tuple[str, ...]:
    """The sources that reverbs in a chain take as impulse responses, each once."""
    return tuple(dict.fromkeys(each.impulse for each in processors(inserts) if isinstance(each, Convolution)))


def _as_sent(strip: Strip, send: Send) -> Strip:
    """The strip whose fader and pan a send hears: its own, or none for a pre-fader send."""
    return replace(strip, fader_db=0.0, automation=()) if send.pre_fader else strip
