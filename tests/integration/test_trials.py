"""Blind trials through the use cases: what a listener may know, when, and that votes are what they were."""

import hashlib
import random
import re
from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from time import perf_counter

import numpy as np
import pytest
from scipy import stats

from tapehand.app.audition import Listening
from tapehand.app.decide import decide
from tapehand.app.log_view import log_rows
from tapehand.app.propose import file_proposal
from tapehand.app.songs import create_from_folder
from tapehand.app.studio import Studio
from tapehand.app.trial_results import TrialResult, results
from tapehand.app.trials import OpenedTrial, drawn_abx, drawn_preference, open_trial, stop, vote
from tapehand.audio import Audio, io
from tapehand.bootstrap import make_studio
from tapehand.errors import Conflict, InputError, Refused, TapehandError
from tapehand.meters.loudness import integrated_lufs
from tapehand.ports.song_store import SongStore
from tapehand.song.hearing import Hearings, TrialClosed, TrialOpened, Voted
from tapehand.song.op import SetFader, SetPan
from tapehand.song.proposal import Option, Proposal
from tapehand.song.provenance import Provenance
from tapehand.song.region import Span
from tapehand.song.trial import Answer, HeldTrial, Round, Trial, TrialKey
from tapehand.store.song_folder import SongFolder
from tapehand.work import Work

RATE_HZ = 8_000
OPTIONS = {"a": ("Mix A", -1.0), "b": ("Mix B", 0.0), "c": ("Mix C", 1.0)}


@pytest.fixture
def studio() -> Studio:
    return make_studio(threads=1)


def stem(pitch_hz: float) -> Audio:
    times = np.arange(RATE_HZ) / RATE_HZ
    return Audio.of((0.3 * np.sin(2 * np.pi * pitch_hz * times))[None], RATE_HZ)


@pytest.fixture
def song(studio: Studio, tmp_path: Path) -> SongStore:
    """A song of a second with a proposal of two options and one of three."""
    stems = tmp_path / "stems"
    stems.mkdir()
    for name, pitch_hz in (("low", 110.0), ("high", 880.0)):
        io.write(stems / f"{name}.wav", stem(pitch_hz))
    store = create_from_folder(studio, stems, tmp_path / "s.tapehand", by="Ann", work=Work())
    for count in (2, 3):
        options = tuple(
            Option(
                id=key,
                name=name,
                why="",
                ops=(SetFader(target="t02", fader_db=6.0 * pan), SetPan(target="t01", pan=pan)),
            )
            for key, (name, pan) in list(OPTIONS.items())[:count]
        )
        provenance = Provenance(engine="test", version="1", maker="machine")
        proposal = Proposal(kind="mix", question="Which?", options=options, provenance=provenance)
        file_proposal(store, proposal, base_event=store.state().head, actor="test")
    return store


@pytest.fixture
def opened(studio: Studio, song: SongStore, tmp_path: Path) -> Callable[..., OpenedTrial]:
    counter = iter(range(1000))

    def open_one(number: int = 1, kind: str = "preference", by: str = "Ann", **more: object) -> OpenedTrial:
        folder = tmp_path / f"trial{next(counter)}"
        more.setdefault("work", Work())
        return open_trial(studio, song, number, kind, folder, by=by, **more)  # type: ignore[arg-type]

    return open_one


def result(song: SongStore, number: int, by: str = "Ann") -> TrialResult:
    names = {key: name for key, (name, _) in OPTIONS.items()}
    return next(each for each in results(song.state().hearings.of_proposal(number), names) if each.voter == by)


def key_of(song: SongStore, opened: OpenedTrial) -> TrialKey:
    return TrialKey.of_text(song.sealed(opened.trial.id))


def letters(key: TrialKey, wanted: Callable[[Round], str]) -> str:
    """Answers of somebody who always knows."""
    return "".join("A" if wanted(each) == each.first else "B" for each in key.rounds)


# --- the course of a trial ---


def test_a_preference_is_asked_voted_on_and_told(song: SongStore, opened: Callable[..., OpenedTrial]) -> None:
    trial = opened(rounds=3)
    assert trial.trial.rounds == 4  # one pair comes twice
    assert [each.path.name for each in trial.stimuli][:3] == ["01-A.wav", "01-B.wav", "02-A.wav"]
    knowing = letters(key_of(song, trial), lambda _round: "b")
    vote(song, 1, knowing[0], by="Ann")
    assert results(song.state().hearings.of_proposal(1), {}) == []  # nothing is told before the last vote
    held = vote(song, 1, knowing[1:].lower(), by="Ann")
    assert held.key is not None
    told = result(song, 1)
    assert "Mix B over Mix A in 3 of 3: P(better) = .94" in told.say
    assert "answered the same" in told.say
    assert (told.pairs[0].wins, told.pairs[0].losses) == (0, 3)
    assert not re.search(r"prove|significan|winner", told.say)
    decide(song, 1, "accept", by="Ann", option="b", trial=trial.trial.id)
    assert song.state().filed(1).trial == trial.trial.id


def test_abx_counts_who_hears(song: SongStore, opened: Callable[..., OpenedTrial]) -> None:
    trial = opened(kind="abx", rounds=12)
    assert [each.path.name for each in trial.stimuli][:4] == ["A.wav", "B.wav", "01-X.wav", "02-X.wav"]
    key = key_of(song, trial)
    right = letters(key, lambda each: each.unknown)
    wrong = {"A": "B", "B": "A"}
    vote(song, 1, wrong[right[0]] + wrong[right[1]] + right[2:], by="Ann")
    told = result(song, 1)
    assert (told.right, told.voted) == (10, 12)
    assert told.say == "10 of 12 right: somebody who guesses does as well in 1.9 % of tries."


def test_guessing_is_called_a_coin_flip(song: SongStore, opened: Callable[..., OpenedTrial]) -> None:
    trial = opened(kind="abx", rounds=4)
    right = letters(key_of(song, trial), lambda each: each.unknown)
    vote(song, 1, right[:2] + "".join({"A": "B", "B": "A"}[each] for each in right[2:]), by="Ann")
    assert "a coin-flip does as well in 69 % of tries" in result(song, 1).say


def test_a_split_vote_and_ties_are_called_what_they_are(song: SongStore, opened: Callable[..., OpenedTrial]) -> None:
    trial = opened(rounds=5)
    key = key_of(song, trial)
    asked = iter("abab=")
    answers = []
    for each in key.rounds:
        wanted = "=" if each.repeats is not None else next(asked)
        answers.append("=" if wanted == "=" else "A" if wanted == each.first else "B")
    vote(song, 1, " ".join(answers), by="Ann")
    assert "in 2 of 4: a coin-flip (P(better) = .50). Once no difference was heard." in result(song, 1).say
    again = opened(rounds=2, by="Bob")
    vote(song, 1, "=" * again.trial.rounds, by="Bob")
    assert "no difference was heard in 2 of 2" in result(song, 1, "Bob").say


def test_three_options_are_put_in_an_order(song: SongStore, opened: Callable[..., OpenedTrial]) -> None:
    trial = opened(number=2, rounds=2)
    assert trial.trial.rounds == 3 * 2 + 1
    rank = "cab"
    vote(song, 2, letters(key_of(song, trial), lambda each: min(each.pair, key=rank.index)), by="Ann")
    told = result(song, 2)
    assert sorted(told.shares, key=lambda option: -told.shares[option]) == list(rank)
    assert re.search(r"Together, in shares: Mix C \.\d\d, Mix A \.\d\d, Mix B \.\d\d\.", told.say)


def test_voters_stand_side_by_side_and_hear_the_same_place(song: SongStore, opened: Callable[..., OpenedTrial]) -> None:
    first, second = opened(rounds=3, how=Listening(with_rough=False)), opened(rounds=3, by="Bob")
    assert first.trial.span == second.trial.span
    for by, trial, wanted in (("Ann", first, "a"), ("Bob", second, "b")):
        vote(song, 1, letters(key_of(song, trial), lambda _round, wanted=wanted: wanted), by=by)  # type: ignore[misc]
    assert "Mix A over Mix B in 3 of 3" in result(song, 1, "Ann").say
    assert "Mix B over Mix A in 3 of 3" in result(song, 1, "Bob").say


def test_stopping_early_is_said(song: SongStore, opened: Callable[..., OpenedTrial]) -> None:
    opened(kind="abx", rounds=12)
    vote(song, 1, "AB", by="Ann")
    stop(song, 1, by="Ann")
    assert "Stopped after 2 of 12 rounds" in result(song, 1).say
    opened(kind="abx", rounds=3)
    stop(song, 1, by="Ann")
    assert "No round was answered." in results(song.state().hearings.of_proposal(1), {})[-1].say


def test_the_rough_can_take_part(song: SongStore, opened: Callable[..., OpenedTrial]) -> None:
    trial = opened(kind="abx", rounds=1, options=("as it stands", "Mix B"), how=Listening(with_rough=True))
    assert trial.trial.compared == ("as it stands", "b")


@pytest.mark.parametrize(
    ("act", "code"),
    [
        (lambda song, opened: vote(song, 1, "A", by="Bob"), "trial.none_open"),
        (lambda song, opened: vote(song, 1, "AX", by="Ann"), "trial.answer"),
        (lambda song, opened: vote(song, 1, " ", by="Ann"), "trial.answer"),
        (lambda song, opened: vote(song, 1, "=", by="Ann"), "trial.abx_decides"),
        (lambda song, opened: vote(song, 1, "AAAA", by="Ann"), "trial.no_such_round"),
        (lambda song, opened: opened(), "trial.open_already"),
        (lambda song, opened: opened(number=2, kind="abx"), "trial.two_options"),
        (lambda song, opened: opened(by="Bob", rounds=0), "trial.rounds"),
        (lambda song, opened: opened(by="Bob", options=("a", "z")), "proposal.no_option"),
        (lambda song, opened: opened(number=9), "proposal.unknown"),
    ],
)
def test_what_cannot_be(
    song: SongStore, opened: Callable[..., OpenedTrial], act: Callable[..., object], code: str
) -> None:
    opened(kind="abx", rounds=3)
    with pytest.raises(TapehandError) as refusal:
        act(song, opened)
    assert refusal.value.code == code


def test_only_a_person_votes(song: SongStore, opened: Callable[..., OpenedTrial]) -> None:
    trial = opened()
    with pytest.raises(Refused):
        song.append([Voted(trial=trial.trial.id, answers=("first",))], actor="Ann", actor_kind="agent")


def test_a_vote_stands_and_a_key_cannot_be_exchanged(song: SongStore, opened: Callable[..., OpenedTrial]) -> None:
    trial = opened(kind="abx", rounds=2)
    key = key_of(song, trial)
    forged = replace(key, rounds=tuple(replace(each, unknown=each.first) for each in key.rounds), salt="other")
    with pytest.raises(Conflict) as conflict:
        song.append([TrialClosed(trial=trial.trial.id, key=forged)], actor="Ann", actor_kind="person")
    assert conflict.value.code == "trial.seal_broken"
    vote(song, 1, "AB", by="Ann")
    with pytest.raises(Conflict):
        song.append([Voted(trial=trial.trial.id, answers=("first",))], actor="Ann", actor_kind="person")


def test_without_its_key_a_trial_says_so(song: SongStore, opened: Callable[..., OpenedTrial]) -> None:
    opened(kind="abx", rounds=1)
    next((song.path / "sealed").iterdir()).unlink()
    with pytest.raises(InputError) as refusal:
        vote(song, 1, "A", by="Ann")
    assert refusal.value.code == "store.no_seal"


def test_a_trial_survives_a_restart(song: SongStore, opened: Callable[..., OpenedTrial]) -> None:
    trial = opened(kind="abx", rounds=2)
    vote(song, 1, "A", by="Ann")
    with SongFolder(song.path) as again:
        assert vote(again, 1, "B", by="Ann").key is not None
    assert song.state().hearings.held(trial.trial.id).answers == ("first", "second")


# --- what a script can learn ---


def facts_of(path: Path) -> tuple[object, ...]:
    """All that a file tells without its sound: size, times, mode, links, header."""
    told, payload = path.stat(), path.read_bytes()
    start = payload.index(b"data") + 8
    return told.st_size, told.st_mtime_ns, told.st_mode, told.st_nlink, payload[:start], len(payload[start:])


@pytest.mark.parametrize("kind", ["preference", "abx"])
def test_files_differ_in_sound_alone(song: SongStore, opened: Callable[..., OpenedTrial], kind: str) -> None:
    trial = opened(kind=kind, rounds=6)
    assert len({facts_of(each.path) for each in trial.stimuli}) == 1
    hashes = {hashlib.sha256(each.path.read_bytes()).hexdigest() for each in trial.stimuli}
    assert len(hashes) == len(trial.stimuli)  # the same sound is never the same file
    levels = [integrated_lufs(io.read(each.path)) for each in trial.stimuli]
    assert max(levels) - min(levels) < 0.1
    names = {path.name for path in trial.stimuli[0].path.parent.iterdir()}
    assert names == {each.path.name for each in trial.stimuli}


def test_until_the_last_vote_nothing_that_is_told_depends_on_the_key(
    song: SongStore, opened: Callable[..., OpenedTrial]
) -> None:
    """Log, its mirror and the state hold the seal, and neither a round nor the salt."""
    trial = opened(number=2, rounds=2)
    key = key_of(song, trial)
    mirror = (song.path / "log.jsonl").read_text()
    said = "\n".join(row.what for row in log_rows(song))
    assert trial.trial.seal in mirror
    for text in (mirror, said, repr(song.state().hearings), repr(trial)):
        assert key.salt not in text
        assert "Round(" not in text
        assert '"Round.' not in text


def test_a_script_with_all_it_can_see_does_no_better_than_chance(
    song: SongStore, opened: Callable[..., OpenedTrial]
) -> None:
    """Guessers by id, seal, size, time, bytes and place of every file, over many trials: chi-square of hit or miss."""
    trials = 40
    guessers: dict[str, Callable[[OpenedTrial, int], int]] = {
        "first": lambda trial, number: 0,
        "round": lambda trial, number: number % 2,
        "stimulus id": lambda trial, number: int(ids(trial, number)[0] > ids(trial, number)[1]),
        "id's last digit": lambda trial, number: int(ids(trial, number)[0][-1], 16) % 2,
        "trial id": lambda trial, number: int(trial.trial.id[-1], 16) % 2,
        "seal": lambda trial, number: int(trial.trial.seal[number], 16) % 2,
        "inode": lambda trial, number: int(inodes(trial, number)[0] > inodes(trial, number)[1]),
        "change time": lambda trial, number: int(times(trial, number)[0] >= times(trial, number)[1]),
        "hash": lambda trial, number: int(hashes(trial, number)[0] > hashes(trial, number)[1]),
        "writing time": lambda trial, number: int(took_s[2 * number] > took_s[2 * number + 1]),
        "last byte": lambda trial, number: paths(trial, number)[0].read_bytes()[-1] % 2,
    }
    hits: Counter[str] = Counter()
    took_s = np.zeros(0)
    asked = 0
    for number in range(trials):
        written_s: list[float] = []
        trial = opened(rounds=3, by=f"voter {number}", work=Work(on_report=clock_of_writing(written_s)))
        took_s = np.diff([*written_s, perf_counter()])
        rounds = key_of(song, trial).rounds
        for place, each in enumerate(rounds):
            asked += 1
            truth = 0 if each.first == "a" else 1
            hits.update(name for name, guess in guessers.items() if guess(trial, place) == truth)
    for name in guessers:
        odds = stats.chisquare([hits[name], asked - hits[name]]).pvalue
        assert odds > 1e-5, f"{name}: {hits[name]} of {asked}"


def clock_of_writing(written_s: list[float]) -> Callable[[str, float, float], None]:
    """When the writing of each file began, as a progress line would see it."""
    return lambda stage, _done, _total: written_s.append(perf_counter()) if stage == "audio.write" else None


def paths(trial: OpenedTrial, number: int) -> list[Path]:
    return [each.path for each in trial.stimuli if each.round == number + 1]


def ids(trial: OpenedTrial, number: int) -> list[str]:
    return [each.id for each in trial.stimuli if each.round == number + 1]


def inodes(trial: OpenedTrial, number: int) -> list[int]:
    return [path.stat().st_ino for path in paths(trial, number)]


def times(trial: OpenedTrial, number: int) -> list[int]:
    return [path.stat().st_ctime_ns for path in paths(trial, number)]


def hashes(trial: OpenedTrial, number: int) -> list[str]:
    return [hashlib.sha256(path.read_bytes()).hexdigest() for path in paths(trial, number)]


# --- drawing ---


def test_sides_and_unknowns_are_drawn_fairly_and_without_memory() -> None:
    chance = random.Random(11)
    sides: Counter[tuple[str, ...]] = Counter()
    unknowns: Counter[tuple[bool, ...]] = Counter()
    repeats: Counter[int] = Counter()
    for _ in range(4000):
        drawn = drawn_preference(("a", "b"), 3, chance)
        sides[tuple(each.first for each in drawn if each.repeats is None)] += 1
        repeats[next(place for place, each in enumerate(drawn) if each.repeats is not None)] += 1
        unknowns[tuple(each.unknown == "a" for each in drawn_abx(("a", "b"), 3, chance))] += 1
    for counted in (sides, unknowns):
        assert len(counted) == 8
        assert stats.chisquare(list(counted.values())).pvalue > 1e-4
    assert set(repeats) == {2, 3}


@pytest.mark.parametrize("compared", ["ab", "abc", "abcde"])
@pytest.mark.parametrize("passes", [1, 2, 7])
def test_every_pair_is_asked_alike_and_one_comes_again(compared: str, passes: int) -> None:
    for seed in range(50):
        drawn = drawn_preference(tuple(compared), passes, random.Random(seed))
        originals = [each for each in drawn if each.repeats is None]
        pairs = Counter(each.pair for each in originals)
        assert set(pairs.values()) == {passes}
        assert len(pairs) == len(compared) * (len(compared) - 1) // 2
        (again,) = [each for each in drawn if each.repeats is not None]
        assert again.repeats is not None
        original = originals[again.repeats]
        assert (again.first, again.second) == (original.second, original.first)
        apart = drawn.index(again) - drawn.index(original)
        assert apart >= min(2, len(originals) - again.repeats)


def test_the_system_draws_where_nobody_says_otherwise(
    song: SongStore, opened: Callable[..., OpenedTrial], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Seeding the ordinary generators changes nothing."""
    keys = set()
    for number in range(4):
        random.seed(1)
        np.random.seed(1)  # noqa: NPY002
        keys.add(key_of(song, opened(kind="abx", rounds=20, by=f"v{number}")).rounds)
    assert len(keys) == 4


# --- the fold alone ---


def test_hearings_fold_in_any_portions() -> None:
    key = TrialKey(rounds=(Round(first="a", second="b"), Round(first="b", second="a")), salt="s")
    answers: tuple[Answer, ...] = ("first", "same")
    trial = Trial(
        id="t",
        kind="preference",
        number=1,
        compared=("a", "b"),
        voter="Ann",
        span=Span(start_samples=0, end_samples=1),
        rounds=2,
        seal=key.seal(),
    )
    at_once = Hearings().after(TrialOpened(trial=trial), "Ann").after(Voted(trial="t", answers=answers), "Ann")
    by_one = Hearings().after(TrialOpened(trial=trial), "Ann")
    for answer in answers:
        by_one = by_one.after(Voted(trial="t", answers=(answer,)), "Ann")
    assert at_once == by_one
    assert by_one.after(TrialClosed(trial="t", key=key), "Ann").trials == (
        HeldTrial(trial=trial, answers=answers, key=key),
    )
    assert TrialKey.of_text(key.as_text()) == key
    with pytest.raises(Conflict):
        by_one.after(Voted(trial="t", answers=("same",)), "Ann")
    with pytest.raises(Conflict):
        by_one.after(Voted(trial="t", answers=()), "Bob")
