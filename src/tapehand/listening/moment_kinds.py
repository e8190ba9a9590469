"""What a moment is, and the figures of the kinds there are."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from tapehand.catalogue.loading import load


@dataclass(frozen=True, slots=True, kw_only=True)
class Moment:
    """Something that may be meant.

    Parameters
    ----------
    what : a kind of moment of ``catalogue/moments.toml``.
    track : None where it concerns the whole song.
    value : how far it goes, in the kind's unit.
    """

    what: str
    track: str | None
    start_s: float
    end_s: float
    value: float
    confidence: float


def settings(what: str) -> Mapping[str, Any]:
    """The entry of a kind of moment."""
    entry: Mapping[str, Any] = load("moments")["kinds"][what]
    return entry
