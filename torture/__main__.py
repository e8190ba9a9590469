"""Run the campaigns of this folder: bounded by a budget, resumable, each attempt repeatable by its number.

    python -m torture                             every campaign, one minute each
    python -m torture mutated_audio --budget 600  one campaign for ten minutes
    python -m torture mutated_audio --only 4711   one attempt again

A campaign is a module here with ``attempt(number, folder) -> str | None``: it does one thing that follows from the
number alone, in an empty folder, and answers None or one sentence about what broke. What was done is kept in .torture/,
so the next run goes on with new numbers; attempts that failed are tried again first.
"""

import argparse
import datetime
import importlib
import json
import pkgutil
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass, field
from pathlib import Path

Attempt = Callable[[int, Path], str | None]
KEPT = Path(__file__).resolve().parent.parent / ".torture"


@dataclass(slots=True, kw_only=True)
class Ledger:
    """What a campaign has done so far."""

    attempts: int = 0
    broken: dict[str, str] = field(default_factory=dict)
    spent_s: float = 0.0


def main(arguments: list[str]) -> int:
    """Run campaigns; 1 when one of them knows an attempt that breaks something."""
    names = [module.name for module in pkgutil.iter_modules([str(Path(__file__).parent)]) if module.name[0] != "_"]
    parser = argparse.ArgumentParser(prog="python -m torture", description="Try to break things, within a budget.")
    parser.add_argument(
        "campaigns", nargs="*", metavar="CAMPAIGN", help=f"of {', '.join(names)}; all when none is named"
    )
    parser.add_argument("--budget", type=float, default=60.0, metavar="SECONDS", help="for each campaign (60)")
    parser.add_argument("--only", type=int, metavar="NUMBER", help="repeat one attempt")
    chosen = parser.parse_args(arguments)
    if unknown := set(chosen.campaigns) - set(names):
        parser.error(f"no campaign {', '.join(sorted(unknown))}; there are {', '.join(names)}")
    results = [run(name, chosen.budget, chosen.only) for name in chosen.campaigns or names]
    return 0 if all(results) else 1


def run(name: str, budget_s: float, only: int | None) -> bool:
    """One campaign; True when nothing that it ever tried is broken now."""
    attempt: Attempt = importlib.import_module(f"torture.{name}").attempt
    if only is not None:
        answer = attempted(attempt, only)
        print(f"{name} {only}: {answer or 'holds'}")
        return answer is None
    ledger = recalled(name)
    started_s = time.monotonic()
    for number in map(int, list(ledger.broken)):
        answer = attempted(attempt, number)
        ledger.broken.pop(str(number))
        note(name, ledger, number, answer)
    while time.monotonic() - started_s < budget_s:
        ledger.attempts += 1
        note(name, ledger, ledger.attempts, attempted(attempt, ledger.attempts))
    ledger.spent_s += time.monotonic() - started_s
    keep(name, ledger)
    print(
        f"{datetime.datetime.now(datetime.UTC):%Y-%m-%d} {name}: {ledger.attempts} attempts in {ledger.spent_s:.0f} s "
        f"so far, {len(ledger.broken)} broken"
    )
    return not ledger.broken


def attempted(attempt: Attempt, number: int) -> str | None:
    """What an attempt answers, in a folder that is gone afterwards."""
    with tempfile.TemporaryDirectory(prefix="tapehand-torture-") as folder:
        try:
            return attempt(number, Path(folder))
        except Exception as error:  # a campaign must go on, and what it did not foresee is a result too
            return f"{type(error).__name__}: {error}"


def note(name: str, ledger: Ledger, number: int, answer: str | None) -> None:
    """Keep and say what broke."""
    if answer is not None:
        ledger.broken[str(number)] = answer
        print(f"{name} {number}: {answer}", flush=True)
        keep(name, ledger)


def recalled(name: str) -> Ledger:
    """What the campaign did in earlier runs."""
    try:
        return Ledger(**json.loads((KEPT / f"{name}.json").read_text(encoding="utf-8")))
    except (OSError, ValueError, TypeError):
        return Ledger()


def keep(name: str, ledger: Ledger) -> None:
    """Write down what the campaign did."""
    KEPT.mkdir(exist_ok=True)
    (KEPT / f"{name}.json").write_text(json.dumps(asdict(ledger), indent=1), encoding="utf-8")


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
