"""Trials: blind listening. What is heard under which letter lies under a seal until the last vote is cast.

The log holds the seal's hash from the start, so that the key that is shown in the end is provably the one that was
there in the beginning.
"""

import hashlib
import json
from dataclasses import dataclass
from typing import Final, Literal

from tapehand.song.region import Span

TrialKind = Literal["abx", "preference"]
Answer = Literal["first", "second", "same"]

# The song without the proposal, where it takes part in a trial.
AS_IT_STANDS: Final = "as it stands"


@dataclass(frozen=True, slots=True, kw_only=True)
class Round:
    """One question, by the ids of what is heard as A and as B.

    ``unknown`` is what X is ("" where there is no X). ``repeats`` is the earlier round (from 0) of which this one is
    the hidden repeat.
    """

    first: str
    second: str
    unknown: str = ""
    repeats: int | None = None

    @property
    def pair(self) -> frozenset[str]:
        """What is compared, in no order."""
        return frozenset({self.first, self.second})


@dataclass(frozen=True, slots=True, kw_only=True)
class TrialKey:
    """What stands behind the letters of every round; ``salt`` keeps anybody from guessing it by its hash."""

    rounds: tuple[Round, ...]
    salt: str

    def seal(self) -> str:
        """SHA-256 over all of it, in hex."""
        return hashlib.sha256(self.as_text().encode()).hexdigest()

    def as_text(self) -> str:
        """One line of JSON, the same for the same key."""
        rows = [[each.first, each.second, each.unknown, each.repeats] for each in self.rounds]
        return json.dumps({"rounds": rows, "salt": self.salt}, sort_keys=True, ensure_ascii=True)

    @classmethod
    def of_text(cls, text: str) -> "TrialKey":
        """The inverse of ``as_text``. Raises ValueError, KeyError or TypeError for another text."""
        plain = json.loads(text)
        rounds = tuple(
            Round(first=first, second=second, unknown=unknown, repeats=repeats)
            for first, second, unknown, repeats in plain["rounds"]
        )
        return cls(rounds=rounds, salt=plain["salt"])


@dataclass(frozen=True, slots=True, kw_only=True)
class Trial:
    """A blind comparison, as everybody may see it: nothing here says what is heard under which letter.

    Parameters
    ----------
    id : random, of no meaning.
    kind : ``abx`` asks "can I hear it?", ``preference`` "which do I want?".
    number : the proposal.
    compared : ids of its options, in the proposal's order; ``AS_IT_STANDS`` for the song without it.
    voter : whose ears.
    span : the stretch that is heard.
    rounds : how many questions there are, the hidden repeat included; fixed before the first.
    seal : hash of the key.
    """

    id: str
    kind: TrialKind
    number: int
    compared: tuple[str, ...]
    voter: str
    span: Span
    rounds: int
    seal: str
    preview_master: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class HeldTrial:
    """A trial with its votes so far, in the order of its rounds, and its key once it is closed."""

    trial: Trial
    answers: tuple[Answer, ...] = ()
    key: TrialKey | None = None

    @property
    def is_open(self) -> bool:
        """Whether it still waits for votes."""
        return self.key is None
