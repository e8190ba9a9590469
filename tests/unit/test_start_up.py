"""Start-up is part of the product: what `tapehand --version` and `--help` may import."""

import subprocess
import sys
from pathlib import Path

import pytest

HEAVY = [
    *("numpy", "scipy", "soundfile", "soxr", "mido", "rapidfuzz", "rich", "sqlite3", "starlette", "uvicorn", "asyncio"),
    *("importlib.metadata", "tapehand.kernels", "tapehand.audio", "tapehand.app", "tapehand.engines", "tapehand.song"),
]
QUESTION = f"""
import sys
from tapehand.cli.main import main
try:
    main(sys.argv[1:])
except SystemExit:
    pass
print("imported:", *[name for name in {HEAVY} if name in sys.modules])
"""


@pytest.mark.parametrize("argument", ["--version", "--help"])
def test_nothing_heavy_is_imported_at_start(argument: str, repository: Path) -> None:
    command = [sys.executable, "-c", QUESTION, argument]
    environment = {"PYTHONPATH": str(repository / "src"), "PATH": "/usr/bin:/bin"}
    finished = subprocess.run(command, env=environment, capture_output=True, text=True, check=True)
    answer, _, imported = finished.stdout.rpartition("imported:")
    assert "tapehand" in answer.lower()
    assert imported.split() == []
