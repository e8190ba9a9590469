"""Wishes, and the stages that shape a master: what they find, what they leave alone."""

import math

import numpy as np
import pytest

from tapehand.audio import Audio
from tapehand.catalogue.loading import load
from tapehand.engines.mastering import tone
from tapehand.engines.mastering.stages import (
    limiter_for,
    plan_dynamics,
    plan_rumble,
    plan_soft_clip,
    plan_tone,
    plan_width,
)
from tapehand.engines.mastering.wishes import make_wishes, platform_names, settings, wishes_of_brief
from tapehand.errors import UsageError
from tapehand.song.brief import Brief, BriefField
from tapehand.song.processors import Band, Compressor, Equaliser, SoftClip, Width

RATE = 44_100


def shaped_noise(
    rng: np.random.Generator, extra_db: dict[float, float] | None = None, seconds: float = 8.0, channels: int = 2
) -> Audio:
    """Noise with the catalogue's neutral curve, plus what ``extra_db`` says at frequencies."""
    curve = {float(hz): level for hz, level in load("mastering")["tone"]["curve"].items()}
    length = int(seconds * RATE)
    lines = np.fft.rfft(rng.standard_normal((channels, length)), axis=1)
    hz = np.fft.rfftfreq(length, 1 / RATE)
    safe = np.maximum(hz, 20.0)
    level = np.interp(np.log2(safe), np.log2(list(curve)), list(curve.values())) - 10 * np.log10(safe / 1000)
    if extra_db:
        level += np.interp(np.log2(safe), np.log2(list(extra_db)), list(extra_db.values()))
    wave = np.fft.irfft(lines * 10 ** (level / 20) * (hz > 30), length, axis=1)
    return Audio.of(0.1 * wave / wave.std(), RATE)


def test_unsaid_wishes_come_from_the_platform() -> None:
    wishes = make_wishes(platform="Apple Music")
    assert (wishes.target_lufs, wishes.ceiling_dbtp) == (-16.0, -1.0)
    assert make_wishes().target_lufs == -14.0
    assert make_wishes(platform="club", lufs=-10.0).target_lufs == -10.0


@pytest.mark.parametrize(
    "wrong",
    [
        {"platform": "cassette"},
        {"lufs": 3.0},
        {"lufs": math.nan},
        {"ceiling_dbtp": 1.0},
        {"strength_percent": 120.0},
        {"match": ("eq", "feeling")},
    ],
)
def test_a_wish_that_cannot_be_made_is_a_usage_error(wrong: dict[str, object]) -> None:
    with pytest.raises(UsageError):
        make_wishes(**wrong)  # type: ignore[arg-type]


def test_a_brief_becomes_wishes() -> None:
    fields = {"lufs": -9, "ceiling_dbtp": -2.0, "match": ("eq",), "strength_percent": 80, "accept_cost": True}
    brief = Brief(fields=tuple(BriefField(name=name, value=value, origin="said") for name, value in fields.items()))
    wishes = wishes_of_brief(brief)
    assert (wishes.target_lufs, wishes.ceiling_dbtp, wishes.strength_percent) == (-9.0, -2.0, 80.0)
    assert wishes.match == {"eq"}
    assert wishes.accept_cost
    with pytest.raises(UsageError):
        wishes_of_brief(Brief(fields=(BriefField(name="lufs", value="loud", origin="said"),)))


def test_every_platform_row_has_a_source_and_can_be_asked_for() -> None:
    for name in platform_names():
        row = load("platforms")["platforms"][name]
        assert row["source"]
        assert row["confidence"] in {"official", "secondary", "practice", "unverified"}
        assert make_wishes(platform=name).target_lufs == row["target_lufs"]


def test_a_neutral_balance_is_left_alone(rng: np.random.Generator) -> None:
    assert not plan_tone(shaped_noise(rng), make_wishes(strength_percent=100)).insert.on


def test_a_boomy_mix_is_brought_back_but_not_beyond_the_bound(rng: np.random.Generator) -> None:
    boomy = shaped_noise(rng, {100: 0, 160: 9, 250: 9, 400: 0})
    planned = plan_tone(boomy, make_wishes(strength_percent=100))
    assert isinstance(planned.insert.processor, Equaliser)
    bands = {band.frequency_hz: band.gain_db for band in planned.insert.processor.bands}
    assert min(bands, key=lambda hz: bands[hz]) in (160.0, 315.0)
    assert min(bands.values()) < -1.5
    assert all(abs(gain_db) <= 3.0 for gain_db in bands.values())
    half = plan_tone(boomy, make_wishes(strength_percent=50)).insert.processor
    assert isinstance(half, Equaliser)
    assert all(abs(band.gain_db) <= 1.5 for band in half.bands)
    assert not plan_tone(boomy, make_wishes(strength_percent=0)).insert.on


def test_gain_does_not_change_the_tone_plan(rng: np.random.Generator) -> None:
    boomy = shaped_noise(rng, {100: 0, 200: 8, 400: 0})
    softer = Audio.of(boomy.samples * np.float32(0.125), RATE)
    assert plan_tone(boomy, make_wishes()) == plan_tone(softer, make_wishes())


def test_a_reference_pulls_the_tone_its_way(rng: np.random.Generator) -> None:
    bright = shaped_noise(rng, {500: 0, 8000: 5})
    wishes = make_wishes(strength_percent=100, reference=bright)
    planned = plan_tone(shaped_noise(rng), wishes)
    rules = tone.tone_rules(settings().table("tone"))
    assert isinstance(planned.insert.processor, Equaliser)
    lift = sum(
        tone.response_db(band, 8000.0) - tone.response_db(band, 200.0) for band in planned.insert.processor.bands
    )
    assert 2.0 < lift <= 2 * rules.most_db
    assert not plan_tone(bright, wishes).insert.on
    assert "eq" not in make_wishes(match=("width",)).match


@pytest.mark.parametrize("kind", ["peak", "low_shelf", "high_shelf"])
def test_band_shapes_reach_their_gain_where_they_should(kind: str) -> None:
    band = Band(kind=kind, frequency_hz=1000.0, gain_db=4.0, q=0.7071)  # type: ignore[arg-type]
    at = {"peak": 1000.0, "low_shelf": 10.0, "high_shelf": 100_000.0}[kind]
    away = {"peak": 10.0, "low_shelf": 100_000.0, "high_shelf": 10.0}[kind]
    assert tone.response_db(band, at) == pytest.approx(4.0, abs=0.02)
    assert tone.response_db(band, away) == pytest.approx(0.0, abs=0.02)


def test_rumble_and_offset_are_found_and_nothing_else_is(rng: np.random.Generator) -> None:
    clean = shaped_noise(rng)
    t = np.arange(clean.length_samples) / RATE
    assert not plan_rumble(clean, make_wishes()).insert.on
    assert plan_rumble(Audio.of(clean.samples + 0.05 * np.sin(2 * np.pi * 24 * t), RATE), make_wishes()).insert.on
    assert plan_rumble(Audio.of(clean.samples + 0.01, RATE), make_wishes()).insert.on


def test_width_moves_towards_the_reference_within_its_bound(rng: np.random.Generator) -> None:
    wide = shaped_noise(rng)
    narrow = Audio.of(np.stack([wide.samples.mean(0)] * 2) + 0.1 * wide.samples, RATE)
    planned = plan_width(narrow, make_wishes(reference=wide, strength_percent=100))
    assert isinstance(planned.insert.processor, Width)
    assert 1.0 < planned.insert.processor.width <= 10 ** (3 / 20) + 1e-3
    assert not plan_width(narrow, make_wishes()).insert.on
    assert not plan_width(Audio.of(wide.samples[:1], RATE), make_wishes(reference=wide)).insert.on


def test_dynamics_are_narrowed_never_widened(rng: np.random.Generator) -> None:
    steady = shaped_noise(rng, seconds=24.0)
    slow = 10 ** (0.5 * np.sin(2 * np.pi * np.arange(steady.length_samples) / RATE / 20))
    moving = Audio.of(steady.samples * slow * 0.3, RATE)
    planned = plan_dynamics(moving, make_wishes(reference=steady, strength_percent=100))
    assert planned.insert.on
    assert isinstance(planned.insert.processor, Compressor)
    assert 1.0 < planned.insert.processor.ratio <= 2.0
    assert not plan_dynamics(steady, make_wishes(reference=moving, strength_percent=100)).insert.on


def test_the_soft_clipper_takes_its_share_of_the_highest_peak(rng: np.random.Generator) -> None:
    sound = shaped_noise(rng)
    assert not plan_soft_clip(sound, 1.0).insert.on
    clip = plan_soft_clip(sound, 4.0).insert.processor
    assert isinstance(clip, SoftClip)
    peak_db = 20 * math.log10(float(np.abs(sound.samples).max()))
    assert clip.ceiling_db == pytest.approx(peak_db - 2.0, abs=0.3)


def test_a_limiter_with_more_to_do_lets_go_faster() -> None:
    modes = [limiter_for(needed_db, -1.0).release_ms for needed_db in (-3.0, 2.0, 6.0, 12.0)]
    assert modes == sorted(modes, reverse=True)
    assert modes[0] > modes[-1]
