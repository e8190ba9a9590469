"""Markers of an audio file, wherever its container keeps them: WAV cues, iXML sync points, AIFF marks, chapters."""

import re
from pathlib import Path
from typing import Final

from tapehand.audio import ixml
from tapehand.audio.read_tags import read_tags
from tapehand.audio.tags import Marker, Tags

CHAPTER: Final = re.compile(r"CHAPTER(\d{3})")
CLOCK: Final = re.compile(r"(\d{1,3}):(\d{2}):(\d{2}(?:\.\d{1,9})?)")


def read_markers(path: Path, rate_hz: int) -> tuple[Marker, ...]:
    """The named places of a file, in its own samples at ``rate_hz``, in order; raises as ``read_tags``."""
    tags = read_tags(path)
    found = (*tags.markers, *_sync_points(tags), *_chapters(tags, rate_hz))
    return tuple(sorted((each for each in found if each.name.strip()), key=lambda each: each.position_samples))


def _sync_points(tags: Tags) -> tuple[Marker, ...]:
    """Those of iXML; absolute ones count from midnight, as the time reference of the file does."""
    known = ixml.fields(tags.ixml) if tags.ixml else None
    if known is None:
        return ()
    start = tags.broadcast.time_reference_samples if tags.broadcast else 0
    placed = (
        Marker(
            position_samples=point.position_samples - (0 if point.is_relative else start),
            length_samples=point.length_samples,
            name=point.comment,
        )
        for point in known.points
    )
    return tuple(each for each in placed if each.position_samples >= 0)


def _chapters(tags: Tags, rate_hz: int) -> tuple[Marker, ...]:
    """Vorbis comments ``CHAPTER001=00:01:02.500`` with ``CHAPTER001NAME``."""
    chapters = []
    for name, text in tags.texts:
        number, clock = CHAPTER.fullmatch(name), CLOCK.fullmatch(text.strip())
        if number and clock:
            hours, minutes, seconds = clock.groups()
            position_s = 3600 * int(hours) + 60 * int(minutes) + float(seconds)
            chapters.append(Marker(position_samples=round(position_s * rate_hz), name=tags.text(f"{name}NAME")))
    return tuple(chapters)
