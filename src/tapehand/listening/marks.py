"""What a DAW says beside the sound: its tempo map, and the markers that it wrote into files."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Final

from tapehand.listening.section_labels import ToldSection
from tapehand.listening.section_names import SectionName, marker_section_name, says_end
from tapehand.music.time import TempoMap

# The same marker in every exported file is one marker.
SAME_WITHIN_S: Final = 0.02
FEWEST_LETTERS: Final = 2


@dataclass(frozen=True, slots=True, kw_only=True)
class Mark:
    """A named place, or stretch, in the session. ``end_s`` is None for a place."""

    name: str
    start_s: float
    end_s: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class DawTime:
    """What a DAW exported of time and form into a file of its own, which ``source`` names."""

    source: str
    grid: TempoMap
    marks: tuple[Mark, ...] = ()


def told_sections(marks: Sequence[Mark], end_s: float) -> tuple[ToldSection, ...]:
    """The sections that markers speak of: each lasts to the next, to its own end, or to the end of the song.

    Markers that speak of other things ("fix vox", "take 2") are no sections and end none.
    """
    kept = _with_meaning(_without_copies(marks))
    sections = []
    for number, (mark, section) in enumerate(kept):
        if section is None:
            continue
        following_s = kept[number + 1][0].start_s if number + 1 < len(kept) else end_s
        last_s = min(following_s, mark.end_s or following_s, end_s)
        if last_s > mark.start_s:
            sections.append(
                ToldSection(
                    name=mark.name.strip(), kind=section.kind, start_s=mark.start_s, end_s=last_s, told_by="markers"
                )
            )
    return tuple(sections)


def _with_meaning(marks: Sequence[Mark]) -> list[tuple[Mark, SectionName | None]]:
    """Those that begin a section, and those (None) that end the song. A single letter is no rehearsal mark."""
    read = [(mark, None if says_end(mark.name) else marker_section_name(mark.name)) for mark in marks]
    kept = [(mark, section) for mark, section in read if section is not None or says_end(mark.name)]
    letters = {section.word for _, section in kept if section is not None and len(section.word) == 1}
    return [each for each in kept if len(letters) >= FEWEST_LETTERS or each[1] is None or each[1].word not in letters]


def _without_copies(marks: Sequence[Mark]) -> list[Mark]:
    """In order of time; of marks with one name at one place the first."""
    kept: list[Mark] = []
    for mark in sorted(marks, key=lambda each: (each.start_s, each.end_s is None)):
        near = [each for each in kept[-8:] if mark.start_s - each.start_s <= SAME_WITHIN_S]
        if mark.name.strip() and all(each.name != mark.name for each in near):
            kept.append(replace(mark, start_s=max(0.0, mark.start_s)))
    return kept
