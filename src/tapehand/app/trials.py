"""Blind listening: "can I hear it?" (ABX) and "which do I want?" (preference), until the last vote without a name.

What is heard under which letter is drawn by the system's random source, sealed beside the log, and written into the
log when the last vote is cast. Files of a trial have one length, one size, one header and one time; each is dithered
anew, so that no two are equal byte by byte where the sound behind them is.
"""

import os
import secrets
import time
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations
from pathlib import Path
from random import Random
from typing import Final

from tapehand.app.audition import WHERE_THEY_DIFFER, Listening, comparable
from tapehand.app.difference import Stretch
from tapehand.app.matching import matched
from tapehand.app.studio import Studio
from tapehand.app.view import view_of
from tapehand.audio import Audio, io
from tapehand.audio.atomic_folder import AtomicFolder
from tapehand.catalogue.loading import load
from tapehand.errors import Conflict, InputError
from tapehand.ports.song_store import SongStore
from tapehand.song.event import Body
from tapehand.song.hearing import TrialClosed, TrialOpened, Voted
from tapehand.song.proposal import Option
from tapehand.song.trial import Answer, HeldTrial, Round, Trial, TrialKey, TrialKind
from tapehand.work import Work

LETTERS: Final[dict[str, Answer]] = {"A": "first", "B": "second", "=": "same"}
FURTHEST_APART: Final = 2


@dataclass(frozen=True, slots=True, kw_only=True)
class Stimulus:
    """One file of a trial. ``round`` counts from 1, 0 is for files of all rounds; ``id`` is random, of no meaning."""

    id: str
    round: int
    letter: str
    path: Path


@dataclass(frozen=True, slots=True, kw_only=True)
class OpenedTrial:
    """A trial ready to be listened to."""

    trial: Trial
    stretch: Stretch
    stimuli: tuple[Stimulus, ...]


def open_trial(
    studio: Studio,
    store: SongStore,
    number: int,
    kind: TrialKind,
    folder: Path,
    *,
    by: str,
    options: Sequence[str] = (),
    rounds: int | None = None,
    how: Listening = WHERE_THEY_DIFFER,
    chance: Random | None = None,
    work: Work,
) -> OpenedTrial:
    """Prepare a blind trial of the options of a proposal for one voter, as files in a new ``folder``.

    Parameters
    ----------
    options : ids of those to compare; all if empty. ABX compares two.
    rounds : ABX rounds, or how often every pair is asked; None takes what the catalogue says. A hidden repeat is added
        to a preference trial.
    how : where to listen. A second voter hears what the first one heard, unless it says otherwise.
    chance : the random source; the system's if None.

    Raises
    ------
    InputError
        ``trial.two_options``, ``trial.rounds``, ``proposal.no_option``, ``proposal.unknown``, or as ``comparable``.
    Conflict
        ``trial.open_already``: this voter has an open trial of this proposal.
    OutputError
        ``folder`` exists and is not empty, or cannot be written.
    """
    state = store.state()
    proposal = state.filed(number).proposal
    earlier = state.hearings.of_proposal(number)
    _refuse_second(store, earlier, by)
    how = _as_before(how, earlier)
    with AtomicFolder(folder) as target:
        heard, stretch, sounds = comparable(view_of(studio, store), proposal, how, work)
        compared, sounds = _chosen(heard, sounds, options)
        drawn = _drawn(kind, compared, rounds, chance or secrets.SystemRandom())
        key = TrialKey(rounds=drawn, salt=secrets.token_hex(16))
        trial = Trial(
            id=secrets.token_hex(8),
            kind=kind,
            number=number,
            compared=compared,
            voter=by,
            span=stretch.span,
            rounds=len(drawn),
            seal=key.seal(),
            preview_master=how.preview_master,
        )
        levelled = [each.audio for each in matched(sounds)]
        stimuli = _write(key, dict(zip(compared, levelled, strict=True)), target.building, work)
        store.seal(trial.id, key.as_text())
        store.append([TrialOpened(trial=trial)], actor=by, actor_kind="person")
    placed = tuple(
        Stimulus(id=each.id, round=each.round, letter=each.letter, path=Path(folder) / each.path.name)
        for each in stimuli
    )
    return OpenedTrial(trial=trial, stretch=stretch, stimuli=placed)


def vote(store: SongStore, number: int, answers: str, *, by: str) -> HeldTrial:
    """Cast votes in the voter's open trial of a proposal: ``A``, ``B`` or ``=`` for each of the next rounds.

    With the last vote the seal is broken.

    Raises
    ------
    InputError
        ``trial.answer``: something else than these letters; ``store.no_seal``.
    Conflict
        ``trial.none_open``, ``trial.no_such_round``, ``trial.abx_decides``.
    """
    cast = _answers(answers)
    state = store.state()
    held = _open_with_key(store, state.hearings.of_proposal(number), by)
    bodies: list[Body] = [Voted(trial=held.trial.id, answers=cast)]
    if len(held.answers) + len(cast) == held.trial.rounds:
        bodies.append(TrialClosed(trial=held.trial.id, key=_key(store, held.trial)))
    after = store.append(bodies, actor=by, actor_kind="person", expected_head=state.head)
    return after.hearings.held(held.trial.id)


def stop(store: SongStore, number: int, *, by: str) -> HeldTrial:
    """End the voter's open trial of a proposal before its last round, and break the seal. Raises as ``vote``."""
    state = store.state()
    held = _open_with_key(store, state.hearings.of_proposal(number), by)
    closed = TrialClosed(trial=held.trial.id, key=_key(store, held.trial))
    after = store.append([closed], actor=by, actor_kind="person", expected_head=state.head)
    return after.hearings.held(held.trial.id)


def open_trial_of(held: Sequence[HeldTrial], by: str) -> HeldTrial:
    """The open trial of a voter. Raises Conflict (``trial.none_open``)."""
    for each in held:
        if each.is_open and each.trial.voter == by:
            return each
    raise Conflict("trial.none_open", f"No trial of {by} is open here", hint="Open one with 'tapehand hear N --blind'.")


def drawn_abx(known: Sequence[str], rounds: int, chance: Random) -> tuple[Round, ...]:
    """ABX: A and B stay what they are, in an order drawn once; X is drawn anew for every round."""
    first, second = chance.sample(list(known), 2)
    return tuple(Round(first=first, second=second, unknown=chance.choice((first, second))) for _ in range(rounds))


def drawn_preference(compared: Sequence[str], passes: int, chance: Random) -> tuple[Round, ...]:
    """Every pair ``passes`` times in random order, sides drawn anew each time, and one of them hidden once more.

    The repeat comes with its sides changed, and not right after its original where there is room.
    """
    pairs = list(combinations(compared, 2)) * passes
    chance.shuffle(pairs)
    sided = [Round(first=first, second=second) for first, second in (chance.sample(pair, 2) for pair in pairs)]
    original = chance.randrange(max(len(sided) - FURTHEST_APART, 1))
    place = chance.randint(min(original + FURTHEST_APART, len(sided)), len(sided))
    again = Round(first=sided[original].second, second=sided[original].first, repeats=original)
    return (*sided[:place], again, *sided[place:])


def _drawn(kind: TrialKind, compared: Sequence[str], rounds: int | None, chance: Random) -> tuple[Round, ...]:
    settings = load("trials")["rounds"]
    wanted = settings[kind] if rounds is None else rounds
    if len(compared) < 2 or (kind == "abx" and len(compared) != 2):
        count = "two options" if kind == "abx" else "two options or more"
        raise InputError("trial.two_options", f"This trial compares {count}", hint="Name them with --option.")
    if not 1 <= wanted <= settings["most"]:
        raise InputError("trial.rounds", f"A trial has 1 to {settings['most']} rounds")
    return drawn_abx(compared, wanted, chance) if kind == "abx" else drawn_preference(compared, wanted, chance)


def _chosen(
    heard: Sequence[Option], sounds: Sequence[Audio], wanted: Sequence[str]
) -> tuple[tuple[str, ...], list[Audio]]:
    """The options that are compared, by id or name, in the proposal's order; raises ``proposal.no_option``."""
    unknown = [name for name in wanted if not any(name in (option.id, option.name) for option in heard)]
    if unknown:
        known = ", ".join(option.id for option in heard)
        raise InputError("proposal.no_option", f"There is no option {unknown[0]!r}", hint=f"Options are: {known}.")
    kept = [
        (option.id, sound)
        for option, sound in zip(heard, sounds, strict=True)
        if not wanted or option.id in wanted or option.name in wanted
    ]
    return tuple(identity for identity, _ in kept), [sound for _, sound in kept]


def _as_before(how: Listening, earlier: Sequence[HeldTrial]) -> Listening:
    """Where the last voter listened, unless this one wants another place."""
    if not earlier or how.span is not None or how.whole:
        return how
    last = earlier[-1].trial
    return Listening(
        span=last.span, preview_master=how.preview_master or last.preview_master, with_rough=how.with_rough
    )


def _write(key: TrialKey, sounds: dict[str, Audio], folder: Path, work: Work) -> list[Stimulus]:
    """Every file in the order in which it is heard; what stands behind it shows in nothing but its sound."""
    stimuli = []
    for round_number, letter, option in _sequence(key):
        path = folder / (f"{letter}.wav" if round_number == 0 else f"{round_number:02d}-{letter}.wav")
        io.write(path, sounds[option], dither_seed=secrets.randbits(64), work=work)
        stimuli.append(Stimulus(id=secrets.token_hex(8), round=round_number, letter=letter, path=path))
    written_ns = time.time_ns()
    for stimulus in stimuli:
        os.utime(stimulus.path, ns=(written_ns, written_ns))
    return stimuli


def _sequence(key: TrialKey) -> list[tuple[int, str, str]]:
    """``(round, letter, option)`` of every file: A and B once and X for each round of an ABX, else A and B each."""
    if key.rounds[0].unknown:
        known = [(0, "A", key.rounds[0].first), (0, "B", key.rounds[0].second)]
        return known + [(number, "X", each.unknown) for number, each in enumerate(key.rounds, start=1)]
    return [
        (number, letter, option)
        for number, each in enumerate(key.rounds, start=1)
        for letter, option in (("A", each.first), ("B", each.second))
    ]


def _answers(letters: str) -> tuple[Answer, ...]:
    cast = [LETTERS.get(letter) for letter in letters.upper() if not letter.isspace() and letter != ","]
    if not cast or None in cast:
        raise InputError(
            "trial.answer", "A vote is A, B or = for each round", hint="For example --vote AB=A for four rounds."
        )
    return tuple(each for each in cast if each is not None)


def _key(store: SongStore, trial: Trial) -> TrialKey:
    try:
        return TrialKey.of_text(store.sealed(trial.id))
    except (ValueError, KeyError, TypeError):
        raise Conflict("trial.seal_broken", "The key is not the one that was sealed", where=trial.id) from None


def _open_with_key(store: SongStore, held: Sequence[HeldTrial], by: str) -> HeldTrial:
    """The open trial of a voter that can come to an end, rather than one whose key was lost."""
    mine = [each for each in held if each.is_open and each.trial.voter == by and _has_key(store, each.trial)]
    return mine[0] if mine else open_trial_of(held, by)


def _has_key(store: SongStore, trial: Trial) -> bool:
    try:
        return _key(store, trial).seal() == trial.seal
    except (InputError, Conflict):
        return False


def _refuse_second(store: SongStore, held: Sequence[HeldTrial], by: str) -> None:
    if any(each.is_open and each.trial.voter == by and _has_key(store, each.trial) for each in held):
        raise Conflict(
            "trial.open_already",
            f"{by} has an open trial of this proposal",
            hint="Vote with --vote, or end it with --stop.",
        )
