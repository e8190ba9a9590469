"""What is built in a hidden folder goes with its builder, however that ends; what somebody builds is left alone."""

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tapehand.audio.atomic import AtomicFile
from tapehand.audio.atomic_folder import AtomicFolder
from tapehand.audio.unfinished import sweep, unfinished_folder

KILLED = """
import os, signal, sys
from pathlib import Path
from tapehand.audio.{module} import {kind}
with {kind}(Path(sys.argv[1])):
    os.kill(os.getpid(), signal.SIGKILL)
"""
SWEEPER = "import sys; from pathlib import Path; from tapehand.audio.unfinished import sweep; sweep(Path(sys.argv[1]))"


def ran(code: str, path: Path) -> int:
    return subprocess.run([sys.executable, "-c", code, str(path)], check=False).returncode


@pytest.mark.parametrize(("module", "kind"), [("atomic", "AtomicFile"), ("atomic_folder", "AtomicFolder")])
def test_what_a_killed_builder_left_goes_with_the_next(tmp_path: Path, module: str, kind: str) -> None:
    assert ran(KILLED.format(module=module, kind=kind), tmp_path / "made") < 0
    assert len(list(tmp_path.iterdir())) == 1
    with AtomicFile(tmp_path / "other") as target:
        target.file.write(b"x")
    assert [path.name for path in tmp_path.iterdir()] == ["other"]


def test_what_somebody_builds_is_not_swept(tmp_path: Path) -> None:
    with unfinished_folder(tmp_path) as folder, AtomicFolder(tmp_path / "whole") as other:
        (folder / "new").write_bytes(b"x")
        (other.building / "new").write_bytes(b"y")
        sweep(tmp_path)
        assert ran(SWEEPER, tmp_path) == 0
        assert (folder / "new").read_bytes() == b"x"
    assert [path.name for path in tmp_path.iterdir()] == ["whole"]
    assert (tmp_path / "whole" / "new").read_bytes() == b"y"


def test_a_folder_swept_before_it_is_held_is_made_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    whole_open = os.open
    swept: list[Path] = []

    def open_after_a_sweep(path: Path, flags: int, **more: Any) -> int:
        if not swept:
            swept.append(path)
            path.rmdir()
        return whole_open(path, flags, **more)

    monkeypatch.setattr(os, "open", open_after_a_sweep)
    with unfinished_folder(tmp_path) as folder:
        assert folder.is_dir()
        assert folder not in swept
    assert list(tmp_path.iterdir()) == []


def test_what_only_looks_unfinished_stays(tmp_path: Path) -> None:
    for name in (".tapehand-unfinished-business", ".tapehand-unfinished-0123456789AB"):
        (tmp_path / name).mkdir()
    target = tmp_path / "target"
    target.mkdir()
    (tmp_path / ".tapehand-unfinished-0123456789ab").symlink_to(target)
    sweep(tmp_path)
    assert len(list(tmp_path.iterdir())) == 4


def test_a_file_with_the_longest_name_is_written(tmp_path: Path) -> None:
    with AtomicFile(tmp_path / ("a" * 255)) as target:
        target.file.write(b"x")
    assert [len(path.name) for path in tmp_path.iterdir()] == [255]
