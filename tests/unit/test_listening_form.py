"""Form: sections that were planted are heard, from tracks and from a mix; nonsense is not said with confidence."""

import numpy as np
import pytest
from bench.listening.bands import RATE_HZ as BAND_RATE_HZ
from bench.listening.bands import band

from tapehand.audio import Audio
from tapehand.catalogue.loading import load
from tapehand.listening.bar_pictures import Line
from tapehand.listening.form import HeardSection, find_form, playing_map
from tapehand.listening.harmony import hear_tones
from tapehand.listening.recordings import Compact, compact_of, summed
from tapehand.listening.repetition import apart_in_order, returns

RATE_HZ = 8_000
BAR_S = 1.0
PLAN = (("intro", 4), ("verse", 8), ("hook", 8), ("verse", 8), ("hook", 8), ("bridge", 8), ("hook", 8), ("outro", 4))
WHO = {
    "kick": ("verse", "hook"),
    "hats": ("hook",),
    "bass": ("verse", "hook", "bridge"),
    "piano": ("intro", "verse", "bridge", "outro"),
    "synth": ("hook",),
    "lead_vocal": ("verse", "hook", "bridge"),
    "backing_vocal": ("hook",),
}
COLOURS_HZ = {
    "kick": 70.0, "hats": 3_500.0, "bass": 110.0, "piano": 600.0, "synth": 1_500.0, "lead_vocal": 420.0,
    "backing_vocal": 800.0,
}  # fmt: skip


def planted(random: np.random.Generator) -> tuple[list[Line], list[float]]:
    """Tracks that play in their sections, one tone and some noise each, louder and softer from bar to bar."""
    kinds = [kind for kind, bars in PLAN for _ in range(bars)]
    samples = int(BAR_S * RATE_HZ)
    time = np.arange(len(kinds) * samples) / RATE_HZ
    lines = []
    for role, sections in WHO.items():
        gains = np.array([random.uniform(0.08, 0.12) if kind in sections else 0.0 for kind in kinds])
        tone = np.sin(2 * np.pi * COLOURS_HZ[role] * time) + 0.1 * random.standard_normal(time.size)
        lines.append(Line(role=role, compact=compact_of(Audio.of((tone * np.repeat(gains, samples))[None], RATE_HZ))))
    return lines, [bar * BAR_S for bar in range(len(kinds) + 1)]


def shape(sections: tuple[HeardSection, ...]) -> list[tuple[str, int]]:
    return [(section.kind, section.bars) for section in sections]


@pytest.mark.parametrize("seed", range(3))
def test_planted_sections_are_heard_from_tracks(seed: int) -> None:
    lines, bars_s = planted(np.random.default_rng(seed))
    found = find_form(lines, bars_s)
    assert shape(found) == list(PLAN)
    assert [section.name for section in found if section.kind == "hook"] == ["Hook 1", "Hook 2", "Hook 3"]
    assert all(section.why and 0.5 <= section.confidence <= 0.9 for section in found)
    assert [section.start_s for section in found] == [bars_s[section.start_bar - 1] for section in found]


@pytest.mark.parametrize("seed", range(3))
def test_and_from_the_mix(seed: int) -> None:
    lines, bars_s = planted(np.random.default_rng(seed))
    found = find_form([Line(role="unknown", compact=summed([line.compact for line in lines]))], bars_s)
    hooks = {bar for section in found if section.kind == "hook" for bar in _bars(section)}
    assert hooks == {*range(13, 21), *range(29, 37), *range(45, 53)}


def _bars(section: HeardSection) -> range:
    return range(section.start_bar, section.start_bar + section.bars)


def test_sections_fill_the_song_and_kinds_are_known() -> None:
    random = np.random.default_rng(7)
    for count in (1, 2, 3, 9, 33, 70):
        sound = Audio.of(random.uniform(-0.1, 0.1, (1, count * 2_000)), RATE_HZ)
        found = find_form(
            [Line(role="unknown", compact=compact_of(sound))] * 2, [0.25 * bar for bar in range(count + 1)]
        )
        assert [bar for section in found for bar in _bars(section)] == list(range(1, count + 1))
        assert {section.kind for section in found} <= set(load("form")["kinds"])


def test_what_does_not_change_is_not_named_with_confidence() -> None:
    random = np.random.default_rng(3)
    noise = compact_of(Audio.of(random.uniform(-0.1, 0.1, (1, 40 * RATE_HZ)), RATE_HZ))
    for lines in ([Line(role="unknown", compact=noise)], [Line(role="pad", compact=noise)] * 3):
        assert all(section.confidence < 0.5 for section in find_form(lines, [2.0 * bar for bar in range(21)]))


def test_silence_and_nothing_have_no_form() -> None:
    silence = compact_of(Audio.silence(1, 5 * RATE_HZ, RATE_HZ))
    assert find_form([Line(role="pad", compact=silence)], [0.0, 1.0, 2.0]) == ()
    assert find_form([], [0.0, 1.0]) == ()
    assert find_form([Line(role="pad", compact=silence)], [0.0]) == ()
    assert playing_map([], []) == ()


def test_the_map_says_who_plays(rng: np.random.Generator) -> None:
    lines, bars_s = planted(rng)
    playing = playing_map(lines, bars_s)
    kinds = [kind for kind, bars in PLAN for _ in range(bars)]
    for line, shares in zip(lines, playing, strict=True):
        assert [share > 0.5 for share in shares] == [kind in WHO[line.role] for kind in kinds]


def test_bars_after_the_end_of_the_sound_are_silent() -> None:
    short = Compact(
        coded=np.zeros(0, np.int16), coding_gain=1.0, bands=np.ones((50, 16), np.float32), frames_per_s=100.0
    )
    assert playing_map([Line(role="pad", compact=short)] * 2, [0.0, 0.5, 1.0])[0] == (1.0, 0.0)


def test_chords_tell_where_a_band_that_always_plays_goes_on_to_something_else() -> None:
    made = band(0)
    lines = [
        Line(role=role, compact=compact_of(Audio.of(sound[None], BAND_RATE_HZ))) for role, sound in made.sounds.items()
    ]
    bars = sum(count for _, count in made.form)
    bars_s = [made.bar_s * bar for bar in range(bars + 1)]
    chroma = hear_tones([summed([line.compact for line in lines if line.role != "kick"])]).chroma
    starts = {1 + sum(count for _, count in made.form[:place]) for place in range(len(made.form))}
    told = {section.start_bar for section in find_form(lines, bars_s, chroma=chroma)}
    untold = {section.start_bar for section in find_form(lines, bars_s)}
    assert len(told & starts) >= 6
    assert len(told & starts) > len(untold & starts) + 2


def test_tones_of_noise_name_nothing_with_confidence() -> None:
    random = np.random.default_rng(4)
    noise = compact_of(Audio.of(random.uniform(-0.1, 0.1, (1, 80 * RATE_HZ)), RATE_HZ))
    chroma = hear_tones([noise]).chroma
    found = find_form([Line(role="pad", compact=noise)] * 2, [2.0 * bar for bar in range(41)], chroma=chroma)
    assert all(section.confidence < 0.8 for section in found)


def test_order_finds_the_shorter_in_the_longer() -> None:
    tones = np.random.default_rng(5).random((12, 8))
    tones[8:11] = tones[2:5]
    assert apart_in_order(tones, (8, 11), (0, 6)) == 0.0
    assert apart_in_order(tones, (0, 6), (8, 11)) == 0.0
    assert apart_in_order(tones, (0, 3), (5, 8)) == pytest.approx(np.square(tones[:3] - tones[5:8]).sum() / 3)


def test_what_returns_nowhere_differs_from_what_returns() -> None:
    tones = np.tile(np.random.default_rng(6).random((4, 96)) / 4.0, (8, 1))
    same = returns(np.ones((30, 5)), 0.4, 128, 3)
    assert np.allclose(same, 0.0)
    assert np.allclose(returns(tones, 0.4, 5, 1)[8:16], returns(tones, 0.4, 5, 1)[12:20])
    assert returns(tones, 0.4, 3, 3).shape == (32, 7)


def test_a_last_bar_that_rings_on_is_no_section() -> None:
    lines, bars_s = planted(np.random.default_rng(0))
    ended = [*bars_s, bars_s[-1] + BAR_S]
    assert shape(find_form(lines, ended)) == [*PLAN[:-1], ("outro", PLAN[-1][1] + 1)]
