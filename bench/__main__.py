"""``python -m bench``: run every comparison and write ``bench/RESULTS.md``."""

import datetime
import os
import platform
from pathlib import Path

import numpy as np
import pedalboard

from bench import limiter, meters, sound, stretch, strips
from tapehand.kernels.library import simd_level

RESULTS = Path(__file__).with_name("RESULTS.md")


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


def main() -> None:
    """Measure, print, write."""
    sections = (strips, sound, stretch, limiter, meters)
    text = heading() + "\n" + "\n\n".join(section.measure() for section in sections) + "\n"
    print(text)
    RESULTS.write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
