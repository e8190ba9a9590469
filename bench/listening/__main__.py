"""``python -m bench.listening [SUBJECT ...]``: run the subjects, or all of them; write ``bench/LISTENING.md``."""

import datetime
import importlib
import os
import platform
import re
import sys
from collections.abc import Sequence
from pathlib import Path

PAGE = Path(__file__).parents[1] / "LISTENING.md"
SUBJECTS = ("time", "harmony", "own_beats", "pitch", "moments", "form", "faults", "between", "calibration", "sessions")

# Asked for by name only: it needs an extra.
BY_NAME = ("opinions",)


def heading() -> str:
    """What the page is."""
    return (
        "# How well we hear\n"
        f"Measured on {os.cpu_count()} cores of {platform.machine()}, CPython {platform.python_version()}; "
        "`python -m bench.listening SUBJECT` measures one subject anew. Seeds for tuning and for measuring are apart."
    )


def with_section(page: str, section: str) -> str:
    """The page with the section of the same title replaced, or added at its end."""
    title = section.split("\n", 1)[0]
    parts = [part.strip() for part in re.split(r"(?m)^(?=## )", page)]
    kept = [section if part.split("\n", 1)[0] == title else part for part in parts]
    return "\n\n".join(kept if section in kept else [*kept, section]) + "\n"


def dated(name: str, text: str) -> str:
    """The section of a subject, its title dated in the line under it."""
    title, _, body = text.strip().partition("\n")
    title = title if title.startswith("## ") else f"## {name}: {title.lstrip('# ')}"
    return f"{title}\nMeasured {datetime.datetime.now(datetime.UTC):%Y-%m-%d}.\n{body.lstrip()}"


def main(names: Sequence[str]) -> None:
    """Measure, print, write."""
    if unknown := set(names) - {*SUBJECTS, *BY_NAME}:
        sys.exit(f"There is no subject {', '.join(sorted(unknown))}; there are: {', '.join(SUBJECTS)}")
    page = PAGE.read_text(encoding="utf-8") if PAGE.exists() else heading()
    for name in names or SUBJECTS:
        section = dated(name, importlib.import_module(f"bench.listening.{name}").measure())
        print(section, flush=True)
        page = with_section(page, section)
        PAGE.write_text(page, encoding="utf-8")


if __name__ == "__main__":
    main(sys.argv[1:])
