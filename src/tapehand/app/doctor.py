"""Looking a song over and mending it, for a song that may not even open."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from tapehand.app.studio import Studio
from tapehand.ports.song_doctor import Repair, Trouble


@dataclass(frozen=True, slots=True, kw_only=True)
class Diagnosis:
    """What was wrong, what was done about it, and what is wrong now."""

    found: tuple[Trouble, ...]
    done: tuple[Repair, ...] = ()
    left: tuple[Trouble, ...] = ()

    @property
    def is_healthy(self) -> bool:
        """Whether nothing is wrong (any more)."""
        return not self.left


def diagnose(studio: Studio, path: Path, *, mend: bool = False, search: Sequence[Path] = ()) -> Diagnosis:
    """What is wrong with the song at ``path``; with ``mend`` also what was done about it.

    ``search`` names folders and files to look through for audio that is missing, known by its hash.

    Raises
    ------
    InputError
        ``store.not_a_song``; with ``mend`` also ``store.nothing_to_rebuild``.
    OutputError
        ``output.not_writable``, ``output.full``.
    """
    found = tuple(studio.examine_song(path))
    if not mend or not any(trouble.can_repair for trouble in found):
        return Diagnosis(found=found, left=found)
    done = tuple(studio.repair_song(path, search))
    return Diagnosis(found=found, done=done, left=tuple(studio.examine_song(path)))
