"""Long work: progress out, cancellation in. Whoever starts the work decides what a report looks like.

A ``Work`` is handed down into whatever takes longer than a blink. Stage names are stable codes such as
``"mix.render"``; the words for people stand in ``catalogue/stages.toml``.
"""

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field

from tapehand.errors import Cancelled

Report = Callable[[str, float, float], None]


@dataclass(slots=True, kw_only=True)
class Work:
    """Progress and cancellation of one piece of work.

    ``on_report(stage, done, total)`` is called from whichever thread works. ``done`` and ``total`` share a unit.
    """

    on_report: Report | None = None
    cancelled: threading.Event = field(default_factory=threading.Event)

    def report(self, stage: str, done: float, total: float) -> None:
        """Say how far ``stage`` is; raises Cancelled when the person has asked to stop."""
        self.check_cancelled()
        if self.on_report is not None:
            self.on_report(stage, done, total)

    def check_cancelled(self) -> None:
        """Raise Cancelled if a stop was asked for."""
        if self.cancelled.is_set():
            raise Cancelled()

    def cancel(self) -> None:
        """Ask the work to stop at its next check."""
        self.cancelled.set()

    def child(self, stage: str, start: float = 0.0, end: float = 1.0) -> "Work":
        """A Work whose reports appear as the part ``start``..``end`` (of 1) of ``stage`` here."""

        def forward(_inner_stage: str, done: float, total: float) -> None:
            share = done / total if total else 1.0
            self.report(stage, start + (end - start) * share, 1.0)

        return Work(on_report=forward, cancelled=self.cancelled)


class Clock:
    """The time of day, as a thing that can be replaced in tests."""

    def now_s(self) -> float:
        """Seconds since 1970, UTC."""
        return time.time()
