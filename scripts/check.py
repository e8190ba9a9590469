"""Everything that can be judged without running the product: style, types, floors, generated pages, locks.

.venv/bin/python scripts/check.py        all of it, to the end, even where something fails
"""

import os
import re
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
LOCKS = ROOT / "requirements"
SOURCES = ["src", "tests", "scripts", "native", "bench", "torture", "hatch_build.py"]
ADDRESS = re.compile(r"https?:|file:|index-url|find-links|trusted-host|@ ", re.IGNORECASE)


def main() -> int:
    """Run every check; 0 when all hold."""
    checks: dict[str, Callable[[], bool]] = {
        "ruff": lambda: runs("ruff", "check", "--quiet", *present(SOURCES)),
        "format": lambda: runs("ruff", "format", "--check", "--quiet", *present(SOURCES)),
        "types": lambda: runs("mypy", "--strict", "src"),
        "floors": lambda: runs("lint-imports", "--no-logo"),
        "pages": lambda: runs("python", "scripts/reference_pages.py", "--check"),
        "locks": lambda: none_told(lock_troubles(LOCKS)),
    }
    failed = [name for name, check in checks.items() if not told(name, check)]
    print(f"check: failed: {', '.join(failed)}" if failed else f"check: all {len(checks)} hold")
    return 1 if failed else 0


def told(name: str, check: Callable[[], bool]) -> bool:
    """Run one check and say in one line how it went."""
    started_s = time.monotonic()
    print(f"check: {name} ...", flush=True)
    holds = check()
    print(f"check: {name} {'holds' if holds else 'FAILS'} ({time.monotonic() - started_s:.1f} s)", flush=True)
    return holds


def runs(tool: str, *arguments: str) -> bool:
    """Whether a tool of this environment ends well; it speaks for itself."""
    command = [str(Path(sys.executable).parent / tool), *arguments]
    surroundings = os.environ | {"PYTHONPATH": str(ROOT / "src")}
    return subprocess.run(command, cwd=ROOT, env=surroundings, check=False).returncode == 0


def present(names: list[str]) -> list[str]:
    """Those of ``names`` that exist in the checkout."""
    return [name for name in names if (ROOT / name).exists()]


def none_told(troubles: list[str]) -> bool:
    """Say every trouble; True when there was none."""
    for trouble in troubles:
        print(trouble)
    return not troubles


def lock_troubles(folder: Path) -> list[str]:
    """What is wrong with the lock files: an address, a pin without hashes, a wish without a lock."""
    troubles = []
    for wishes in sorted(folder.glob("*.in")):
        lock = wishes.with_suffix(".txt")
        if not lock.exists():
            troubles.append(f"{wishes.name} has no lock: run scripts/lock")
            continue
        text = lock.read_text(encoding="utf-8")
        troubles += [
            f"{lock.name}:{number}: an address or an option that only holds on one machine: {line.strip()}"
            for number, line in enumerate(text.splitlines(), 1)
            if ADDRESS.search(line)
        ]
        pins = text.replace("\\\n", " ").splitlines()
        troubles += [
            f"{lock.name}: not pinned by version and hash: {pin.split()[0]}"
            for pin in pins
            if pin.strip() and not re.match(r"[\w.\[\]-]+==\S+ .*--hash=sha256:[0-9a-f]{64}", pin)
        ]
        troubles += [
            f"{lock.name}: {name} is wished for in {wishes.name} but not locked: run scripts/lock"
            for name in wished(wishes)
            if not re.search(rf"^{re.escape(name)}==", text, re.MULTILINE)
        ]
    return troubles


def wished(wishes: Path) -> list[str]:
    """The packages that an .in file names, its own inclusions left out."""
    lines = (line.split("#")[0].strip() for line in wishes.read_text(encoding="utf-8").splitlines())
    return [re.split(r"[ ;<>=~\[]", line)[0].lower() for line in lines if line and not line.startswith("-")]


if __name__ == "__main__":
    sys.exit(main())
