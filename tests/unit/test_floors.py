"""The floors hold: each contract in .importlinter fails when somebody plants the import that it forbids."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]

# What is planted where, and the words in which the linter must name it.
PLANTS = [
    ("song/planted.py", "import tapehand.audio.buffer", "tapehand.song.planted -> tapehand.audio.buffer"),
    ("dsp/planted.py", "from tapehand.meters import planted_too", "tapehand.dsp.planted -> tapehand.meters"),
    ("units.py", "import tapehand.errors", "tapehand.units -> tapehand.errors"),
    ("store/planted.py", "import tapehand.interchange", "tapehand.store.planted -> tapehand.interchange"),
    ("listening/planted.py", "import tapehand.pictures", "tapehand.listening.planted -> tapehand.pictures"),
    ("engines/mixing/planted.py", "import tapehand.store", "tapehand.engines.mixing.planted -> tapehand.store"),
    ("engines/mixing/planted.py", "import tapehand.app", "tapehand.engines.mixing.planted -> tapehand.app"),
    ("engines/mixing/planted.py", "import sqlite3", "tapehand.engines.mixing.planted -> sqlite3"),
    ("engines/mixing/planted.py", "import tapehand.engines.mastering", "planted -> tapehand.engines.mastering"),
    ("cli/planted.py", "import tapehand.engines.mixing", "tapehand.cli.planted -> tapehand.engines.mixing"),
    ("music/planted.py", "import numpy", "tapehand.music.planted -> numpy"),
    ("catalogue/planted.py", "import sqlite3", "tapehand.catalogue.planted -> sqlite3"),
    ("audio/planted.py", "import soundfile", "tapehand.audio.planted -> soundfile"),
    ("app/planted.py", "import sqlite3", "tapehand.app.planted -> sqlite3"),
    ("cli/planted.py", "import starlette", "tapehand.cli.planted -> starlette"),
    ("meters/planted.py", "import scipy.signal", "tapehand.meters.planted -> scipy"),
    ("dsp/planted.py", "import pedalboard", "tapehand.dsp.planted -> pedalboard"),
    ("render/planted.py", "from tapehand import __version__", "tapehand.render.planted -> tapehand"),
    ("meters/planted.py", "import tapehand.meters.planted_too", ".planted_too -> .planted"),
    ("planted.py", "import math", "tapehand.planted"),
]


def lint(folder: Path) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-c", "from importlinter.cli import lint_imports_command as main; main()"]
    options = ["--no-cache", "--no-logo", "--config", str(ROOT / ".importlinter")]
    environment = os.environ | {"PYTHONPATH": str(folder), "COLUMNS": "200"}
    return subprocess.run(
        [*command, *options], cwd=folder, env=environment, capture_output=True, text=True, check=False
    )


@pytest.fixture
def house(tmp_path: Path) -> Path:
    """A copy of the package to plant things in."""
    unwanted = shutil.ignore_patterns("__pycache__", "*.so", "*.dylib", "static")
    shutil.copytree(ROOT / "src" / "tapehand", tmp_path / "tapehand", ignore=unwanted)
    return tmp_path


def test_house_as_it_is(house: Path) -> None:
    finished = lint(house)
    assert finished.returncode == 0, finished.stdout


@pytest.mark.parametrize(("place", "line", "named"), PLANTS, ids=[f"{place}: {line}" for place, line, _ in PLANTS])
def test_planted_import_is_named(house: Path, place: str, line: str, named: str) -> None:
    planted = house / "tapehand" / place
    before = planted.read_text() if planted.exists() else ""
    planted.write_text(f"{before}\n{line}\n")
    if "planted_too" in line:  # half of a circle, or a module that is there to be imported
        (house / "tapehand" / "meters" / "planted_too.py").write_text("import tapehand.meters.planted\n")
    finished = lint(house)
    assert finished.returncode != 0
    assert named in finished.stdout + finished.stderr
