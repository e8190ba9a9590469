"""What the cache is keyed by must change with whatever changes a sound."""

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from tapehand import bootstrap


def fingerprint_of(package: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    monkeypatch.setattr(bootstrap, "__file__", str(package / "bootstrap.py"))
    bootstrap.sound_fingerprint.cache_clear()
    return bootstrap.sound_fingerprint()


@pytest.fixture
def package(repository: Path, tmp_path: Path) -> Iterator[Path]:
    copy = tmp_path / "tapehand"
    shutil.copytree(repository / "src" / "tapehand", copy, ignore=shutil.ignore_patterns("__pycache__"))
    yield copy
    bootstrap.sound_fingerprint.cache_clear()


@pytest.mark.parametrize("file", ["catalogue/instruments.toml", "dsp/dynamics.py", "render/gains.py"])
def test_a_changed_table_kernel_or_line_is_another_build(
    file: str, package: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = fingerprint_of(package, monkeypatch)
    assert fingerprint_of(package, monkeypatch) == before
    with (package / file).open("a") as changed:
        changed.write("# another\n")
    assert fingerprint_of(package, monkeypatch) != before


def test_words_for_people_are_not(package: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    before = fingerprint_of(package, monkeypatch)
    (package / "cli" / "tables.py").write_text("# another")
    assert fingerprint_of(package, monkeypatch) == before
