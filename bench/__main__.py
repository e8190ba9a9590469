"""``python -m bench``: run every comparison, or those that are named, and write ``bench/RESULTS.md``."""

import datetime
import os
import platform
import re
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import ModuleType

import numpy as np
import pedalboard

from bench import limiter, meters, render, sound, stretch, strips
from tapehand.kernels.library import simd_level

RESULTS = Path(__file__).with_name("RESULTS.md")
SECTIONS: Mapping[str, ModuleType] = {
    "strips": strips,
    "render": render,
    "sound": sound,
    "stretch": stretch,
    "limiter": limiter,
    "meters": meters,
}


def heading() -> str:
    """When, with what, and how."""
    return "\n".join(
        [
            "# Bench results",
            f"Measured {datetime.datetime.now(datetime.UTC):%Y-%m-%d} on {os.cpu_count()} cores of {platform.machine()}"
            f" (kernels: {simd_level()}); CPython {platform.python_version()}, numpy {np.__version__}, pedalboard"
            f" {pedalboard.__version__}.",
            "Method: CPU time of one process, contestants in turn (A B C A B C ...), medians. `make bench` repeats it.",
            "",
        ]
    )


def with_section(page: str, section: str) -> str:
    """The page with the section of the same title replaced, or a new one at its end; the others stay as measured."""
    title = section.split("\n", 1)[0]
    parts = re.split(r"(?m)^(?=## )", page)
    places = [number for number, part in enumerate(parts) if part.split("\n", 1)[0] == title]
    if not places:
        return f"{page.rstrip()}\n\n{section}\n"
    parts[places[0]] = section + ("\n\n" if places[0] + 1 < len(parts) else "\n")
    return "".join(parts)


def main(names: Sequence[str]) -> None:
    """Measure, print, write; all sections where none is named."""
    if unknown := set(names) - set(SECTIONS):
        sys.exit(f"There is no section {', '.join(sorted(unknown))}; there are: {', '.join(SECTIONS)}")
    if names:
        sections = [SECTIONS[name].measure() for name in names]
        # Read last: another section may have been measured meanwhile.
        page = RESULTS.read_text(encoding="utf-8")
        for section in sections:
            page = with_section(page, section)
    else:
        page = heading() + "\n" + "\n\n".join(section.measure() for section in SECTIONS.values()) + "\n"
    print(page)
    RESULTS.write_text(page, encoding="utf-8")


if __name__ == "__main__":
    main(sys.argv[1:])
