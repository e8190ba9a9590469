"""What files say in words and marks beside their sound: one noun for every container."""

import re
from dataclasses import dataclass
from typing import Final

ISRC: Final = re.compile(r"[A-Z]{2}[A-Z0-9]{3}[0-9]{7}")


@dataclass(frozen=True, slots=True, kw_only=True)
class Marker:
    """A named place, or stretch, in samples at the file's rate."""

    position_samples: int
    length_samples: int = 0
    name: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class BroadcastLoudness:
    """The loudness that a broadcast wave file states (EBU Tech 3285 v2), to 0.01; None where it states none."""

    integrated_lufs: float | None = None
    range_lu: float | None = None
    max_true_peak_dbtp: float | None = None
    max_momentary_lufs: float | None = None
    max_short_term_lufs: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Broadcast:
    """The ``bext`` chunk of a broadcast wave file (EBU Tech 3285).

    Parameters
    ----------
    date, time_of_day : as given, by the standard ``yyyy-mm-dd`` and ``hh:mm:ss``; nothing is filled in unasked.
    time_reference_samples : where the first sample belongs, in samples since midnight at the file's own rate.
    umid : the 64 bytes of SMPTE 330M, empty where there are none.
    """

    description: str = ""
    originator: str = ""
    originator_reference: str = ""
    date: str = ""
    time_of_day: str = ""
    time_reference_samples: int = 0
    umid: bytes = b""
    loudness: BroadcastLoudness | None = None
    coding_history: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Tags:
    """Everything a file says beside its sound.

    Parameters
    ----------
    texts : pairs of name and text, in the order of the file; the names are those of Vorbis comments (``TITLE``,
        ``ARTIST``, ``TRACKNUMBER``), a name may stand more than once.
    isrc : International Standard Recording Code without hyphens, empty where there is none.
    ixml : the iXML document as it is; ``ixml.fields`` reads it.
    notes : sentences about what was ill-formed and left out; never written.
    """

    texts: tuple[tuple[str, str], ...] = ()
    isrc: str = ""
    broadcast: Broadcast | None = None
    ixml: str = ""
    markers: tuple[Marker, ...] = ()
    notes: tuple[str, ...] = ()

    def text(self, name: str) -> str:
        """The first text of that name, empty where there is none."""
        return next((text for known, text in self.texts if known == name), "")


def plain_isrc(text: str) -> str:
    """``text`` as an ISRC without hyphens and blanks, empty where it is none (ISO 3901)."""
    code = re.sub(r"[\s-]", "", text.upper()).removeprefix("ISRC").lstrip(":")
    return code if ISRC.fullmatch(code) else ""
