"""A multitrack folder as it came in: what the importer is told by whoever walked the folder."""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, Protocol

from tapehand.audio.facts import FileFacts
from tapehand.audio.io import Decoded
from tapehand.listening.marks import DawTime
from tapehand.work import Work


class Stem(Protocol):
    """One track to be: a file, or the files of its left and right side."""

    @property
    def name(self) -> str:
        """The track's name, unique in the folder."""
        ...

    @property
    def path(self) -> Path:
        """The file, or the left one of a pair."""
        ...

    @property
    def right_path(self) -> Path | None:
        """The right one of a pair."""
        ...

    @property
    def facts(self) -> FileFacts:
        """What the file says about itself."""
        ...

    @property
    def start_samples(self) -> int:
        """Where it begins in the session, at the session's rate."""
        ...


class LeftOut(Protocol):
    """A file that is no stem, and why."""

    @property
    def path(self) -> Path:
        """The file."""
        ...

    @property
    def code(self) -> str:
        """An error's code, or ``session.*``."""
        ...

    @property
    def reason(self) -> str:
        """A sentence."""
        ...


class StemFolder(Protocol):
    """What was found in a folder."""

    @property
    def stems(self) -> Sequence[Stem]:
        """The tracks to be, in order."""
        ...

    @property
    def rough_mixes(self) -> Sequence[Stem]:
        """Files that by their names are mixes of the others."""
        ...

    @property
    def skipped(self) -> Sequence[LeftOut]:
        """Files that are no stems."""
        ...

    @property
    def rate_hz(self) -> int:
        """The session's rate: the most common one."""
        ...

    @property
    def daw_time(self) -> DawTime | None:
        """The tempo map and markers that the DAW exported beside them."""
        ...


ListStems = Callable[[Path, Work | None], StemFolder]
ReadStem = Callable[[Any, Work | None], Decoded]
"""Decodes a stem of the folder that the same reader listed; a split pair comes as stereo."""
