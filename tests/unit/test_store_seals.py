"""Seals of blind trials: a lost, a changed and an idle one are told, mended where they can be, and block nobody."""

import os
import shutil
import time
from pathlib import Path
from random import Random

import numpy as np
import pytest

from tapehand.app.propose import file_proposal
from tapehand.app.songs import create_from_folder
from tapehand.app.studio import Studio
from tapehand.app.trials import open_trial, stop, vote
from tapehand.audio import Audio, io
from tapehand.bootstrap import make_studio
from tapehand.errors import InputError
from tapehand.song.op import SetFader
from tapehand.song.proposal import Option, Proposal
from tapehand.song.provenance import Provenance
from tapehand.store.health import examine, repair
from tapehand.store.song_folder import SongFolder
from tapehand.work import Work


@pytest.fixture
def studio() -> Studio:
    return make_studio(threads=1)


@pytest.fixture
def path(tmp_path: Path, studio: Studio) -> Path:
    """A song with an open trial of Ada's."""
    stems = tmp_path / "stems"
    stems.mkdir()
    io.write(stems / "Kick.wav", Audio.of(0.1 * np.random.default_rng(1).standard_normal((1, 8000)), 8000))
    path = tmp_path / "s.tapehand"
    with create_from_folder(studio, stems, path, by="Ada", work=Work()) as song:
        options = tuple(
            Option(id=name, name=name, why="", ops=(SetFader(target="t01", fader_db=level),))
            for name, level in (("a", -9.0), ("b", -1.0))
        )
        made_by = Provenance(engine="t", version="1", maker="machine")
        proposal = Proposal(kind="mix", question="?", options=options, provenance=made_by)
        file_proposal(song, proposal, base_event=song.state().head, actor="t")
    opened(path, studio, tmp_path / "first")
    return path


def opened(path: Path, studio: Studio, folder: Path) -> str:
    with SongFolder(path) as song:
        return open_trial(
            studio, song, 1, "preference", folder, by="Ada", rounds=1, chance=Random(1), work=Work()
        ).trial.id


def seals(path: Path) -> list[Path]:
    return sorted((path / "sealed").iterdir())


def codes(path: Path) -> list[str]:
    return [trouble.code for trouble in examine(path)]


def test_a_sound_seal_is_no_trouble(path: Path) -> None:
    assert codes(path) == []


@pytest.mark.parametrize("how", ["missing", "changed"])
def test_a_lost_seal_is_told_and_found_again(path: Path, tmp_path: Path, how: str) -> None:
    (seal,) = seals(path)
    backup = tmp_path / "backup"
    backup.mkdir()
    shutil.copy(seal, backup / "under another name.txt")
    (backup / "noise.bin").write_bytes(os.urandom(100))
    whole = seal.read_bytes()
    if how == "missing":
        seal.unlink()
    else:
        seal.write_bytes(whole.replace(b'"salt": "', b'"salt": "0'))
    assert codes(path) == [f"store.seal_{how}"]
    assert [done.code for done in repair(path, [backup])] == ["store.seal_missing"]
    assert codes(path) == []
    assert seal.read_bytes() == whole
    with SongFolder(path) as song:
        assert not vote(song, 1, "AA", by="Ada").is_open


def test_a_seal_that_is_gone_for_good_keeps_nobody_from_another_trial(
    path: Path, tmp_path: Path, studio: Studio
) -> None:
    seals(path)[0].unlink()
    with SongFolder(path) as song, pytest.raises(InputError) as refusal:
        stop(song, 1, by="Ada")
    assert refusal.value.code == "store.no_seal"
    second = opened(path, studio, tmp_path / "second")
    with SongFolder(path) as song:
        assert vote(song, 1, "AB", by="Ada").trial.id == second


def test_a_seal_of_no_trial_is_put_aside_when_it_is_old(path: Path) -> None:
    idle = path / "sealed" / "00000000000000aa.json"
    idle.write_text("{}")
    assert codes(path) == []  # a trial may just be being opened
    os.utime(idle, (time.time() - 3600,) * 2)
    assert codes(path) == ["store.seal_orphaned"]
    assert [done.code for done in repair(path)] == ["store.seal_orphaned"]
    assert codes(path) == []
    assert [seal.suffix for seal in seals(path)] == [".unused", ".json"]


def test_seals_behind_a_link_are_not_followed(path: Path, tmp_path: Path) -> None:
    (path / "sealed").rename(tmp_path / "elsewhere")
    (path / "sealed").symlink_to(tmp_path / "elsewhere")
    with pytest.raises(InputError) as refusal:
        SongFolder(path)
    assert refusal.value.code == "store.foreign_link"
