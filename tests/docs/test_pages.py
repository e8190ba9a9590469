"""The documents say what is true: generated pages are fresh, links lead somewhere, commands exist."""

import re
import shlex
import subprocess
import sys
from pathlib import Path

import click
import pytest

from tapehand.cli.main import commands, tapehand

ROOT = Path(__file__).resolve().parents[2]
PAGES = sorted({*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md"), *ROOT.glob("*/README.md")})
LINK = re.compile(r"!?\[[^\]]*\]\(([^)#\s]+)[^)]*\)")
CONSOLE = re.compile(r"```(?:console|sh|bash|text)?\n(.*?)```", re.DOTALL)


def command_lines(page: Path) -> list[str]:
    """Every line of a page's blocks that calls the program, continuation lines joined, comments dropped."""
    blocks = CONSOLE.findall(page.read_text(encoding="utf-8"))
    lines = "\n".join(blocks).replace("\\\n", " ").splitlines()
    called = (line.strip().removeprefix("$").strip().removeprefix(".venv/bin/") for line in lines)
    return [line for line in called if line.startswith("tapehand ") and not re.search(r"\[|\||<", line)]


GENERATED = ROOT / "docs" / "reference" / "cli.md"  # its usage lines hold placeholders
LINES = [
    (page.relative_to(ROOT).as_posix(), line) for page in PAGES if page != GENERATED for line in command_lines(page)
]


def test_generated_pages_are_fresh(repository: Path) -> None:
    command = [sys.executable, str(repository / "scripts" / "reference_pages.py"), "--check"]
    environment = {"PYTHONPATH": str(repository / "src")}
    finished = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    assert finished.returncode == 0, finished.stdout + finished.stderr


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.relative_to(ROOT).as_posix())
def test_links_lead_somewhere(page: Path) -> None:
    local = [link for link in LINK.findall(page.read_text(encoding="utf-8")) if ":" not in link]
    assert [link for link in local if not (page.parent / link).exists()] == []


@pytest.mark.parametrize(("page", "line"), LINES, ids=[f"{page}: {line}" for page, line in LINES])
def test_shown_commands_are_understood(page: str, line: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Every command line shown to a reader parses: command, options and the kinds of their values."""
    monkeypatch.chdir(tmp_path)
    name, *arguments = shlex.split(line, comments=True)[1:]
    command = tapehand.get_command(click.Context(tapehand), name)
    assert command is not None, f"{page} shows an unknown command"
    for place in arguments:  # what a command reads must be there to be taken
        if not place.startswith("-") and "/" in place:
            Path(place).mkdir(parents=True, exist_ok=True)
        elif place.endswith((".wav", ".tapehand")):
            Path(place).touch()
    with command.make_context(name, arguments):
        pass


def test_help_is_laid_out(repository: Path) -> None:
    """A raw docstring would show click's layout mark to the reader."""
    for command in [tapehand, *commands().values()]:
        assert "\\b" not in (command.help or "")


def test_every_command_is_in_the_readme(repository: Path) -> None:
    text = (repository / "README.md").read_text(encoding="utf-8")
    assert [name for name in commands() if not re.search(rf"`?\b{name}\b`?", text)] == []
