"""Facts and findings: what was measured, and what a person should hear about. Neither changes anything."""

from dataclasses import dataclass
from typing import Literal

Severity = Literal["note", "ask", "serious"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Fact:
    """A measured thing: value, unit, place, confidence, and how it was measured."""

    name: str
    value: float | str
    unit: str = ""
    track: str | None = None
    start_s: float | None = None
    end_s: float | None = None
    confidence: float = 1.0
    method: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """Something worth a person's ear. It is a question, never a repair.

    Parameters
    ----------
    kind : a kind of ``catalogue/findings.toml``.
    question : what the person is asked, in neutral words.
    value, unit, threshold : what was measured against what.
    track, path, start_s, end_s : the place; None where it does not apply.
    severity : ``note`` (good to know), ``ask`` (wants an answer), ``serious`` (would harm the record unnoticed).
    """

    kind: str
    question: str
    value: float | None = None
    unit: str = ""
    threshold: float | None = None
    severity: Severity = "ask"
    confidence: float = 1.0
    track: str | None = None
    path: str | None = None
    start_s: float | None = None
    end_s: float | None = None
