"""Locks and moments: a person's word that something stays as it is, against every proposal."""

from dataclasses import dataclass
from typing import Final

from tapehand.song.region import Span

WHOLE_SONG: Final = "song"


@dataclass(frozen=True, slots=True, kw_only=True)
class Lock:
    """What it names stays as it is until a person lifts the lock.

    Parameters
    ----------
    id : stable within the song.
    target : a track, a bus, ``"mix"``, or ``"song"`` for everything.
    aspect : a field of the target (``"fader_db"``, ``"inserts"``, ``"regions"``); "" is all of it.
    span : only this stretch; None is the whole song.
    """

    id: str
    target: str
    aspect: str = ""
    span: Span | None = None
    reason: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Moment:
    """A stretch of a track's performance that a person pointed at. A kept one is not to be repaired by anybody."""

    id: str
    track: str
    span: Span
    text: str = ""
    kept: bool = True
