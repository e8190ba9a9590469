"""Stems that say when they begin are put there, unless that makes no sense."""

from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest

from tapehand.app.songs import create_from_folder
from tapehand.audio import Audio, io
from tapehand.audio.tags import Broadcast, Tags
from tapehand.bootstrap import make_studio
from tapehand.interchange.folder import list_session, session_starts_s
from tapehand.work import Work

HOUR_S = 3_600


@pytest.mark.parametrize(
    ("references_s", "expected_s"),
    [
        ([None, None], [0, 0]),
        ([0, 0], [0, 0]),
        ([HOUR_S, HOUR_S + 4], [0, 4]),  # a session that starts at one o'clock
        ([None, 4], [0, 4]),  # a DAW that writes the reference only where it is not nought
        ([None, HOUR_S], [0, 0]),  # one file from another program beside a bare one
        ([None, HOUR_S, HOUR_S + 5], [0, 0, 5]),
        ([0, 2**40], None),  # rubbish
    ],
)
def test_where_files_of_thirty_seconds_begin(references_s, expected_s):
    told = [None if each is None else Fraction(each) for each in references_s]
    assert session_starts_s(told, [30.0] * len(told)) == expected_s


def test_no_file_no_start():
    assert session_starts_s([], []) == []


def stem(path: Path, rate_hz: int, reference: int | None) -> None:
    tags = None if reference is None else Tags(broadcast=Broadcast(time_reference_samples=reference))
    tone = 0.2 * np.sin(np.arange(2 * rate_hz) * 0.05)
    io.write(path, Audio.of(tone[np.newaxis], rate_hz), tags=tags)


def test_a_session_is_laid_out_as_its_files_say(tmp_path):
    """Each reference counts at its own file's rate; the song's start is the earliest of them."""
    folder = tmp_path / "stems"
    folder.mkdir()
    stem(folder / "Bass.wav", 48_000, HOUR_S * 48_000)
    stem(folder / "Kick.wav", 48_000, HOUR_S * 48_000 + 48_001)
    stem(folder / "Vox.wav", 44_100, HOUR_S * 44_100 + 22_050)
    listed = list_session(folder)
    assert {each.name: each.start_samples for each in listed.stems} == {"Bass": 0, "Kick": 48_001, "Vox": 24_000}
    assert sum("time reference" in note for note in listed.notes) == 2
    with create_from_folder(make_studio(), folder, tmp_path / "a.tapehand", by="Ada", work=Work()) as store:
        song = store.state().song
        found = [each for each in store.state().findings["import"] if each.kind == "starts_later"]
    assert [track.regions[0].start_samples for track in song.tracks] == [0, 48_001, 24_000]
    assert [(each.track, each.value) for each in found] == [("t02", pytest.approx(1.00002)), ("t03", 0.5)]
