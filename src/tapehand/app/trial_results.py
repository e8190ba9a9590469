"""What a closed trial says, voter by voter. Voters stand side by side; nothing is averaged over them."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from tapehand.app.blind_statistics import (
    guessing_odds,
    preference_odds,
    probability_better,
    strengths,
    tallied,
)
from tapehand.catalogue.loading import load
from tapehand.song.trial import AS_IT_STANDS, Answer, HeldTrial, Round, TrialKey, TrialKind


@dataclass(frozen=True, slots=True, kw_only=True)
class PairVotes:
    """How one pair was voted on: ``wins`` for the first, ``losses`` against it, ``ties``."""

    first: str
    second: str
    wins: int
    losses: int
    ties: int

    @property
    def p_better(self) -> float:
        """P(the first is wanted more often than not), from a flat prior."""
        return probability_better(self.wins, self.losses)


@dataclass(frozen=True, slots=True, kw_only=True)
class TrialResult:
    """The result of one voter, in numbers and in words. ``say`` is made of whole sentences."""

    trial: str
    kind: TrialKind
    voter: str
    rounds: int
    voted: int
    say: str
    right: int | None = None
    guessing: float | None = None
    pairs: tuple[PairVotes, ...] = ()
    shares: Mapping[str, float] = field(default_factory=dict)
    repeat: str = ""


def results(held: Sequence[HeldTrial], names: Mapping[str, str]) -> list[TrialResult]:
    """The results of all closed trials, oldest first; ``names`` gives the options' names by id."""
    return [_result(each, each.key, names) for each in held if each.key is not None]


def _result(held: HeldTrial, key: TrialKey, names: Mapping[str, str]) -> TrialResult:
    asked = list(zip(key.rounds, held.answers, strict=False))
    if held.trial.kind == "abx":
        return _abx(held, asked)
    return _preference(held, asked, {AS_IT_STANDS: "as it stands", **names})


def _abx(held: HeldTrial, asked: Sequence[tuple[Round, Answer]]) -> TrialResult:
    right = sum((each.first if answer == "first" else each.second) == each.unknown for each, answer in asked)
    odds = guessing_odds(right, len(asked))
    if not asked:
        said = "No round was answered."
    elif odds > load("trials")["words"]["guessing_above"]:
        said = (
            f"{right} of {len(asked)} right: a coin-flip does as well in {_percent(odds)} of tries. "
            "That does not show that there is nothing to hear."
        )
    else:
        said = f"{right} of {len(asked)} right: somebody who guesses does as well in {_percent(odds)} of tries."
    return TrialResult(
        trial=held.trial.id,
        kind="abx",
        voter=held.trial.voter,
        rounds=held.trial.rounds,
        voted=len(asked),
        right=right,
        guessing=odds,
        say=said + _stopped(held),
    )


def _preference(held: HeldTrial, asked: Sequence[tuple[Round, Answer]], names: Mapping[str, str]) -> TrialResult:
    counted = [(each, answer) for each, answer in asked if each.repeats is None]
    wanted = [(each.first, each.second, _wanted(each, answer)) for each, answer in counted]
    pairs = _pairs(held.trial.compared, wanted)
    shares = strengths(held.trial.compared, tallied(wanted))
    repeat = _repeat(asked)
    said = [_pair_words(pair, names) for pair in pairs if pair.wins + pair.losses + pair.ties]
    if len(held.trial.compared) > 2 and wanted:
        order = sorted(held.trial.compared, key=lambda option: -shares[option])
        said.append(f"Together, in shares: {', '.join(f'{names[each]} {_odds(shares[each])}' for each in order)}.")
    return TrialResult(
        trial=held.trial.id,
        kind="preference",
        voter=held.trial.voter,
        rounds=held.trial.rounds,
        voted=len(asked),
        pairs=pairs,
        shares=shares,
        repeat=repeat,
        say=" ".join([*(said or ["No round was answered."]), *([repeat] if repeat else [])]) + _stopped(held),
    )


def _wanted(asked: Round, answer: Answer) -> str | None:
    return {"first": asked.first, "second": asked.second, "same": None}[answer]


def _pairs(compared: Sequence[str], wanted: Sequence[tuple[str, str, str | None]]) -> tuple[PairVotes, ...]:
    pairs = []
    for index, first in enumerate(compared):
        for second in compared[index + 1 :]:
            votes = [winner for one, other, winner in wanted if {one, other} == {first, second}]
            counts = votes.count(first), votes.count(second), votes.count(None)
            pairs.append(PairVotes(first=first, second=second, wins=counts[0], losses=counts[1], ties=counts[2]))
    return tuple(pairs)


def _pair_words(pair: PairVotes, names: Mapping[str, str]) -> str:
    ahead, behind, wins = pair.first, pair.second, pair.wins
    if pair.losses > pair.wins:
        ahead, behind, wins = pair.second, pair.first, pair.losses
    voted = pair.wins + pair.losses
    ties = f" {_times(pair.ties)} no difference was heard." if pair.ties and voted else ""
    if not voted:
        return f"{names[ahead]} or {names[behind]}: no difference was heard in {pair.ties} of {pair.ties}."
    better = probability_better(wins, voted - wins)
    result = f"{names[ahead]} over {names[behind]} in {wins} of {voted}"
    if better < load("trials")["words"]["coin_flip_below"]:
        return f"{result}: a coin-flip (P(better) = {_odds(better)}).{ties}"
    chance = preference_odds(pair.wins, pair.losses)
    return (
        f"{result}: P(better) = {_odds(better)}; without any preference {_percent(chance)} of tries are as "
        f"one-sided.{ties}"
    )


def _repeat(asked: Sequence[tuple[Round, Answer]]) -> str:
    """Whether the hidden repeat was answered as the first time."""
    for each, answer in asked:
        if each.repeats is None:
            continue
        originals = [one for one in asked if one[0].repeats is None]
        before = originals[each.repeats]
        same = _wanted(*before) == _wanted(each, answer)
        return (
            "One pair came twice, and was answered the same."
            if same
            else "One pair came twice, and was answered differently."
        )
    return ""


def _stopped(held: HeldTrial) -> str:
    voted, planned = len(held.answers), held.trial.rounds
    if voted >= planned or voted == 0:
        return ""
    return (
        f" Stopped after {voted} of {planned} rounds: who stops when it looks good is wrong more often than these "
        "odds say."
    )


def _times(count: int) -> str:
    return {1: "Once", 2: "Twice"}.get(count, f"{count} times")


def _percent(chance: float) -> str:
    return f"{100.0 * chance:.0f} %" if chance >= 0.1 else f"{100.0 * chance:.1f} %"


def _odds(chance: float) -> str:
    """``.94``, as people write chances; never rounded to certainty."""
    digits = 2 if 0.005 <= chance < 0.995 else 3
    return f"{min(max(chance, 0.001), 0.999):.{digits}f}".lstrip("0")


def result_plain(result: TrialResult) -> dict[str, object]:
    """One result of the JSON interface."""
    pairs = [
        {
            "first": pair.first,
            "second": pair.second,
            "wins": pair.wins,
            "losses": pair.losses,
            "ties": pair.ties,
            "p_first_better": pair.p_better,
        }
        for pair in result.pairs
    ]
    return {
        "trial": result.trial,
        "kind": result.kind,
        "voter": result.voter,
        "rounds": result.rounds,
        "voted": result.voted,
        "right": result.right,
        "guessing_odds": result.guessing,
        "pairs": pairs,
        "shares": dict(result.shares),
        "said": result.say,
    }
