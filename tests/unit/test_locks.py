"""The lock files hold versions and hashes, and nothing that is true on one machine only."""

import tomllib
from pathlib import Path

import pytest
from scripts.check import lock_troubles, wished


def test_locks_are_clean(repository: Path) -> None:
    assert lock_troubles(repository / "requirements") == []


@pytest.mark.parametrize(
    "line",
    [
        "--index-url https://mirror.example/simple",
        "--find-links /somewhere",
        "--trusted-host mirror.example",
        "numpy @ file:///somewhere/numpy.whl --hash=sha256:" + 64 * "0",
        "numpy==2.0",
        "numpy>=2.0 --hash=sha256:" + 64 * "0",
        "numpy==2.0 --hash=sha256:" + 63 * "0",
    ],
)
def test_a_planted_line_is_found(tmp_path: Path, line: str) -> None:
    (tmp_path / "run.in").write_text("click\n")
    (tmp_path / "run.txt").write_text("click==8.5 \\\n    --hash=sha256:" + 64 * "0" + "\n")
    assert lock_troubles(tmp_path) == []
    with (tmp_path / "run.txt").open("a") as lock:
        lock.write(line + "\n")
    assert lock_troubles(tmp_path) != []


def test_a_wish_without_a_pin_is_found(tmp_path: Path) -> None:
    (tmp_path / "run.in").write_text("click\nmido\n")
    (tmp_path / "run.txt").write_text("click==8.5 \\\n    --hash=sha256:" + 64 * "0" + "\n")
    (trouble,) = lock_troubles(tmp_path)
    assert "mido" in trouble


def test_every_product_dependency_is_locked_and_explained(repository: Path) -> None:
    locked = wished(repository / "requirements" / "run.in")
    project = tomllib.loads((repository / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    wishes = (repository / "requirements" / "run.in").read_text(encoding="utf-8").splitlines()
    assert sorted(line for line in wishes if not line.startswith("#")) == sorted(project["dependencies"])
    (decision,) = (repository / "docs" / "decisions").glob("0005-*.md")
    assert [name for name in locked if f"| {name} |" not in decision.read_text(encoding="utf-8").lower()] == []
