"""What markers, regions and files say about the form, and what they do not say."""

import pytest

from tapehand.catalogue.loading import load
from tapehand.listening.marks import Mark, told_sections
from tapehand.listening.section_names import file_section_name, marker_section_name, section_name


@pytest.mark.parametrize(
    ("text", "kind", "number"),
    [
        ("Chorus Gtr", "hook", None),
        ("GTR_chorus_01", "hook", 1),
        ("GtrChorus2", "hook", 2),
        ("Vers 2", "verse", 2),
        ("VERSE2_LdVox", "verse", 2),
        ("verse two", "verse", 2),
        ("Pre-Chorus 1", "pre", 1),
        ("PRECHORUS", "pre", None),
        ("Strophe 3", "verse", 3),
        ("Brücke", "bridge", None),
        ("Middle 8", "bridge", None),
        ("Refrão 1", "hook", 1),
        ("Estribillo", "hook", None),
        ("Couplet 1", "verse", 1),
        ("Куплет 2", "verse", 2),
        ("サビ2", "hook", 2),
        ("Aメロ", "verse", None),
        ("主歌", "verse", None),
        ("후렴", "hook", None),
    ],
)
def test_sections_are_read_in_many_languages(text: str, kind: str, number: int | None) -> None:
    found = section_name(text)
    assert found is not None
    assert (found.kind, found.number) == (kind, number)


@pytest.mark.parametrize(
    "text",
    ["Kick Out", "Drop D Gtr", "Gtr Bridge Pickup", "chor_ten", "Universe Pad", "Main Vox vs2", "Track 03", "", "01"],
)
def test_other_things_that_files_are_called_are_no_sections(text: str) -> None:
    assert file_section_name(text) is None


def test_every_word_of_the_tables_is_read_as_its_kind() -> None:
    tables = load("form")
    for kind, words in tables["spoken"].items():
        for word in words:
            found = marker_section_name(word)
            assert found is not None, word
            assert found.kind == kind, word


def mark(name: str, start_s: float, end_s: float | None = None) -> Mark:
    return Mark(name=name, start_s=start_s, end_s=end_s)


def spans(marks: list[Mark]) -> list[tuple[str, float, float]]:
    return [(each.name, each.start_s, each.end_s) for each in told_sections(marks, 60.0)]


def test_sections_last_to_the_next_marker_and_other_markers_do_not_end_them() -> None:
    marks = [mark("Chorus", 20.0), mark("Intro", 0.0), mark("fix vox here please", 25.0), mark("take 4", 3.0)]
    assert spans(marks) == [("Intro", 0.0, 20.0), ("Chorus", 20.0, 60.0)]


def test_an_end_and_a_length_of_their_own_count() -> None:
    assert spans([mark("Verse", 0.0, 8.0), mark("Hook", 10.0), mark("END", 30.0)]) == [
        ("Verse", 0.0, 8.0),
        ("Hook", 10.0, 30.0),
    ]


def test_the_same_markers_of_every_exported_file_are_one() -> None:
    assert spans([mark("Verse", 4.0), mark("Hook", 8.0)] * 5 + [mark("Verse", 4.004)]) == [
        ("Verse", 4.0, 8.0),
        ("Hook", 8.0, 60.0),
    ]


def test_rehearsal_letters_count_only_together() -> None:
    assert spans([mark("A", 1.0)]) == []
    assert [name for name, _, _ in spans([mark("A", 1.0), mark("B", 9.0), mark("A2", 17.0)])] == ["A", "B", "A2"]
