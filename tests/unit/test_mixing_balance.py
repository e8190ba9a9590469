"""The balance: what came in is kept as far as it can be trusted, and what is plausible is left alone."""

import math
import random
from collections.abc import Mapping
from dataclasses import replace

import numpy as np
import pytest

from tapehand.engines.mixing.balance import Balance, Voice, lead_ratio_db, solve_balance, usual_levels
from tapehand.engines.mixing.settings import role_settings
from tapehand.listening.roles import group_of
from tapehand.meters.loudness import power_of_lufs

BAND = [
    "lead_vocal", "kick", "snare", "hats", "overheads", "bass", "electric_guitar", "electric_guitar", "piano",
    "backing_vocal", "backing_vocal", "pad", "percussion", "fx",
]  # fmt: skip
FRAMES = 200


def voice(index: int, role: str, loudness_lufs: float, confidence: float = 0.97) -> Voice:
    return Voice(
        id=f"t{index:02d}",
        role=role,
        confidence=confidence,
        group=group_of(role),
        loudness_lufs=loudness_lufs,
        peak_dbfs=loudness_lufs + 10.0 + 0.37 * index,
        powers=np.full(FRAMES, power_of_lufs(loudness_lufs)),
        active=np.ones(FRAMES, dtype=np.bool_),
    )


def human_session(seed: int, roles: list[str] = BAND) -> list[Voice]:
    """Levels that a person might have chosen: usual ones, each off by its own taste (independent of the solver)."""
    generator = random.Random(seed)
    return [
        voice(i, role, -24.0 + role_settings(role).level_db + generator.gauss(0.0, 4.0)) for i, role in enumerate(roles)
    ]


def moved(voices: list[Voice], gains_db: Mapping[str, float]) -> list[Voice]:
    return [
        replace(
            v,
            loudness_lufs=v.loudness_lufs + gains_db[v.id],
            peak_dbfs=v.peak_dbfs + gains_db[v.id],
            powers=v.powers * 10.0 ** (gains_db[v.id] / 10.0),
        )
        for v in voices
    ]


def balance_error(errors_db: Mapping[str, float]) -> float:
    values = list(errors_db.values())
    mean = math.fsum(values) / len(values)
    return math.sqrt(math.fsum((value - mean) ** 2 for value in values) / len(values))


def solve(voices: list[Voice], target_db: float = 1.5, peak_dbfs: float = -6.0) -> Balance:
    return solve_balance(voices, target_db, peak_dbfs)


def damage(voices: list[Voice], reach_db: float, seed: int) -> dict[str, float]:
    generator = random.Random(seed)
    return {v.id: generator.uniform(-reach_db, reach_db) for v in voices}


def test_a_mix_that_somebody_made_is_left_alone() -> None:
    errors = [balance_error(solve(human_session(seed)).gains_db) for seed in range(20)]
    assert sum(errors) / len(errors) <= 1.0
    assert sum(error <= 1.5 for error in errors) >= 18


@pytest.mark.parametrize("reach_db", [12.0, 4.0])
def test_recovery_beats_the_plain_sum_and_equal_loudness(reach_db: float) -> None:
    ours, plain, equal = [], [], []
    for seed in range(30):
        voices = human_session(seed)
        damaged = damage(voices, reach_db, seed + 500)
        gains = solve(moved(voices, damaged)).gains_db
        ours.append(balance_error({key: damaged[key] + gains[key] for key in damaged}))
        plain.append(balance_error(damaged))
        equal.append(balance_error({v.id: -v.loudness_lufs for v in voices}))
    ours_db, plain_db, equal_db = (sum(each) / len(each) for each in (ours, plain, equal))
    assert ours_db < equal_db
    assert ours_db < plain_db + 0.1
    if reach_db == 12.0:
        assert ours_db <= 4.3 < plain_db - 2.0


@pytest.mark.parametrize("reach_db", [0.0, 4.0, 12.0])
def test_mixing_the_mix_moves_nothing(reach_db: float) -> None:
    for seed in range(20):
        voices = human_session(seed)
        thrown = moved(voices, damage(voices, reach_db, seed))
        mixed = moved(thrown, solve(thrown).gains_db)
        again = solve(mixed).gains_db
        assert max(abs(gain) for gain in again.values()) < 0.5


def test_order_and_ids_decide_nothing() -> None:
    voices = moved(human_session(3), damage(human_session(3), 12.0, 9))
    renamed = {v.id: f"x{len(voices) - index:02d}" for index, v in enumerate(voices)}
    shuffled = [replace(v, id=renamed[v.id]) for v in voices]
    random.Random(5).shuffle(shuffled)
    first, second = solve(voices).gains_db, solve(shuffled).gains_db
    assert {renamed[key]: gain for key, gain in first.items()} == pytest.approx(second, abs=1e-9)


def test_normalised_peaks_say_nothing() -> None:
    voices = [replace(v, peak_dbfs=-0.1) for v in human_session(1)]
    balance = solve(voices)
    assert balance.trust == 0.0
    assert "normalised" in balance.evidence
    usual = usual_levels(voices)
    rest = [v for v in voices if not v.is_lead]
    placed = [v.loudness_lufs + balance.gains_db[v.id] - usual[v.id].level_db for v in rest]
    assert max(placed) - min(placed) == pytest.approx(0.0, abs=1e-9)


def test_equal_loudness_says_nothing() -> None:
    voices = [voice(i, role, -23.0) for i, role in enumerate(BAND)]
    assert solve(voices).trust == 0.0


def test_a_hot_sum_is_trusted_less() -> None:
    voices = human_session(4)
    assert solve(voices, peak_dbfs=12.0).trust < solve(voices, peak_dbfs=-6.0).trust


def test_the_more_the_levels_are_thrown_about_the_less_they_are_trusted() -> None:
    voices = human_session(2)
    trusts = [solve(moved(voices, damage(voices, reach, 7))).trust for reach in (0.0, 8.0, 16.0, 24.0)]
    assert trusts == sorted(trusts, reverse=True)
    assert trusts[-1] < 0.5 < trusts[0]


@pytest.mark.parametrize("target_db", [-2.0, 2.0])
def test_without_evidence_the_lead_goes_where_the_genre_has_it(target_db: float) -> None:
    voices = [replace(v, peak_dbfs=-1.0) for v in human_session(6)]
    assert solve(voices, target_db).lead_after_db == pytest.approx(target_db, abs=1e-6)


def test_a_plausible_lead_level_is_kept() -> None:
    voices = [v for v in human_session(8) if not v.is_lead]
    accompaniment = sum(float(v.powers[0]) for v in voices)
    lead = replace(voice(40, "lead_vocal", -20.0), powers=np.full(FRAMES, accompaniment * 10.0**0.3))
    balance = solve([*voices, lead], 1.5)
    if balance.error_db == 0.0:
        assert balance.lead_after_db == pytest.approx(balance.lead_before_db, abs=0.5)


def test_one_lost_track_comes_back_without_moving_the_others() -> None:
    voices = human_session(11)
    lost = {v.id: -40.0 if v.role == "bass" else 0.0 for v in voices}
    gains = solve(moved(voices, lost)).gains_db
    bass = next(v.id for v in voices if v.role == "bass")
    others = {key: gain for key, gain in gains.items() if key != bass}
    assert gains[bass] - sum(others.values()) / len(others) > 15.0
    assert balance_error(others) < 3.0


def test_many_of_a_role_share_its_place() -> None:
    few = usual_levels([voice(i, "backing_vocal", -30.0) for i in range(2)])
    many = usual_levels([voice(i, "backing_vocal", -30.0) for i in range(8)])
    assert few["t00"].level_db - many["t00"].level_db == pytest.approx(0.97 * 10.0 * math.log10(4.0), abs=1e-6)


def test_doubt_widens_what_is_usual() -> None:
    sure, doubtful = (usual_levels([voice(0, "kick", -20.0, c)])["t00"] for c in (1.0, 0.5))
    assert doubtful.sd_db > sure.sd_db
    assert doubtful.level_db < sure.level_db


def test_without_a_voice_the_most_prominent_melody_leads() -> None:
    voices = [v for v in human_session(5) if not v.is_lead]
    leads = solve(voices).leads
    assert role_settings(next(v.role for v in voices if v.id == leads[0])).melodic


@pytest.mark.parametrize("roles", [["kick"], ["lead_vocal"], ["lead_vocal", "lead_vocal"], ["kick", "bass"], ["fx"]])
def test_small_sessions_work(roles: list[str]) -> None:
    balance = solve([voice(i, role, -20.0 - 3.0 * i) for i, role in enumerate(roles)])
    assert all(math.isfinite(gain) for gain in balance.gains_db.values())


def test_the_lead_ratio_counts_only_what_sounds_with_the_lead() -> None:
    lead, rest = voice(0, "lead_vocal", -20.0), voice(1, "bass", -20.0)
    half = np.arange(FRAMES) < FRAMES // 2
    lead = replace(lead, powers=np.where(half, lead.powers, 0.0), active=half)
    rest = replace(rest, powers=np.where(half, rest.powers / 10.0, rest.powers))
    assert lead_ratio_db([lead, rest], ["t00"], {"t00": 0.0, "t01": 0.0}) == pytest.approx(10.0)
