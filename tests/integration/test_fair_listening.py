"""Options heard fairly: where they differ most, at one loudness, through one same chain."""

from collections.abc import Iterator
from dataclasses import replace

import numpy as np
import pytest

from tapehand.app.audition import Listening, comparable
from tapehand.app.difference import most_different
from tapehand.app.matching import (
    GUARD_DBTP,
    as_long_as_each_other,
    heard_loudness_lufs,
    matched,
    through_preview_master,
    with_soft_edges,
)
from tapehand.app.view import StoredView
from tapehand.audio import Audio
from tapehand.errors import InputError
from tapehand.meters.loudness import integrated_lufs
from tapehand.meters.true_peak import true_peak_dbtp
from tapehand.music.form import Section
from tapehand.music.time import TempoMap
from tapehand.render.sounds import HeldSound
from tapehand.song.mixer import Insert
from tapehand.song.op import SetFader, SetMaster
from tapehand.song.processors import Gain
from tapehand.song.proposal import Option, Proposal
from tapehand.song.provenance import Provenance
from tapehand.song.region import AudioRegion, Span
from tapehand.song.song import Song, Track
from tapehand.song.source import Source
from tapehand.work import Work

RATE_HZ = 16_000
PROVENANCE = Provenance(engine="test", version="1", maker="machine")


class HeldReader:
    """A reader of a song that has one sound."""

    def __init__(self, sound: Audio) -> None:
        self.sound = sound

    def __call__(self, _source: Source) -> Audio:
        return self.sound

    def open(self, _source: Source) -> HeldSound:
        return HeldSound(self.sound)

    def blocks(self, _source: Source) -> Iterator[Audio]:
        yield self.sound


def noise(rng: np.random.Generator, seconds: float, level: float = 0.1) -> Audio:
    return Audio.of(level * rng.standard_normal((2, round(seconds * RATE_HZ))), RATE_HZ)


def with_tone(audio: Audio, start_s: float, end_s: float, pitch_hz: float = 700.0, side: float = 1.0) -> Audio:
    times = np.arange(audio.length_samples) / RATE_HZ
    tone = 0.05 * np.sin(2 * np.pi * pitch_hz * times) * ((times >= start_s) & (times < end_s))
    return Audio.of(audio.samples + np.stack([tone, side * tone]), RATE_HZ)


def song(bars: int = 0) -> Song:
    """120 bpm: a bar is 2 s, a section 8 bars."""
    if not bars:
        return Song(name="s", rate_hz=RATE_HZ)
    sections = tuple(
        Section(name=f"Part {number + 1}", kind="verse", start_bar=1 + 8 * number, bars=8)
        for number in range(bars // 8)
    )
    return Song(name="s", rate_hz=RATE_HZ, grid=TempoMap.steady(120.0), sections=sections)


# --- where ---


def test_the_section_is_chosen_where_options_differ_most(rng: np.random.Generator) -> None:
    plain = noise(rng, 64.0)
    stretch = most_different(song(bars=32), [plain, with_tone(plain, 33.0, 46.0)])
    assert stretch.name == "Part 3"
    assert stretch.span == Span(start_samples=32 * RATE_HZ, end_samples=48 * RATE_HZ)
    assert "700" in stretch.why or "670" in stretch.why or "760" in stretch.why
    assert "in the middle" in stretch.why


def test_without_sections_it_is_a_window_of_25_seconds(rng: np.random.Generator) -> None:
    plain = noise(rng, 80.0)
    stretch = most_different(song(), [plain, plain, with_tone(plain, 41.0, 64.0, 3000.0, side=-1.0)])
    assert stretch.span.length_samples == 25 * RATE_HZ
    assert stretch.span.start_samples == pytest.approx(40 * RATE_HZ, abs=2 * RATE_HZ)
    assert "at the sides" in stretch.why
    assert "2" in stretch.why


def test_a_long_section_is_heard_by_its_most_different_part(rng: np.random.Generator) -> None:
    plain = noise(rng, 64.0)
    long = replace(song(bars=32), sections=(Section(name="Jam", kind="verse", start_bar=1, bars=32),))
    stretch = most_different(long, [plain, with_tone(plain, 20.0, 40.0)])
    assert stretch.name.startswith("Jam, ")
    assert stretch.span.start_samples <= 20 * RATE_HZ < 40 * RATE_HZ <= stretch.span.end_samples


def test_level_alone_is_no_difference(rng: np.random.Generator) -> None:
    plain = noise(rng, 60.0)
    stretch = most_different(song(), [plain, Audio.of(plain.samples * np.float32(0.5), RATE_HZ)])
    assert "hardly differ" in stretch.why


def test_a_short_song_is_heard_whole(rng: np.random.Generator) -> None:
    plain = noise(rng, 12.0)
    assert most_different(song(bars=8), [plain, plain]).span.length_samples == 12 * RATE_HZ


def test_silent_and_empty_options_are_no_trouble(rng: np.random.Generator) -> None:
    silent = Audio.silence(2, 60 * RATE_HZ, RATE_HZ)
    assert most_different(song(), [silent, silent]).span.length_samples == 25 * RATE_HZ
    assert "differ most" in most_different(song(), [silent, noise(rng, 60.0)]).why
    assert most_different(song(), [Audio.silence(2, 0, RATE_HZ)]).span.length_samples == 0


# --- how loud ---


@pytest.mark.parametrize("seed", range(6))
def test_everything_is_heard_at_one_loudness_below_full_scale(seed: int) -> None:
    rng = np.random.default_rng(seed)
    sounds = []
    for _ in range(4):
        envelope = np.repeat(10.0 ** (-rng.uniform(0, 40, 20) / 20.0), RATE_HZ // 2)
        sounds.append(Audio.of(rng.standard_normal((2, envelope.size)) * envelope * rng.uniform(0.001, 0.9), RATE_HZ))
    made = matched(sounds)
    levels = [integrated_lufs(each.audio) for each in made]
    assert max(levels) - min(levels) < 0.1
    assert max(true_peak_dbtp(each.audio) for each in made) <= GUARD_DBTP + 0.01
    assert all(each.match_gain_db <= 0.0 for each in made)


def test_what_no_gate_lets_through_is_matched_all_the_same(rng: np.random.Generator) -> None:
    short = [noise(rng, 0.2, level) for level in (0.1, 0.01)]
    made = [each.audio for each in matched(short)]
    assert abs(heard_loudness_lufs(made[0]) - heard_loudness_lufs(made[1])) < 0.1


def test_a_stretch_does_not_click_and_lengths_are_one() -> None:
    level = Audio.of(np.full((2, 800), 0.5), RATE_HZ)
    soft = with_soft_edges(level, 5.0).samples
    assert np.abs(np.diff(soft, axis=1)).max() < 0.02
    assert soft[0, 0] < 0.01
    assert np.array_equal(soft, soft[:, ::-1])
    assert level.samples[0, 0] == 0.5
    assert {each.length_samples for each in as_long_as_each_other([level, level.span(0, 100)])} == {800}


def test_the_preview_master_treats_all_alike(rng: np.random.Generator) -> None:
    """The same sound at another level comes out the same; a spiky one no longer loses headroom to its peaks."""
    plain = noise(rng, 5.0, 0.03)
    quiet = Audio.of(plain.samples * np.float32(0.1), RATE_HZ)
    spiky = plain.samples.copy()
    spiky[:, ::4000] = 0.99
    same, again, tamed = through_preview_master([plain, quiet, Audio(spiky, RATE_HZ)])
    assert np.abs(same.samples - again.samples).max() < 1e-3
    assert integrated_lufs(same) == pytest.approx(-14.0, abs=2.5)
    assert true_peak_dbtp(tamed) <= -1.0 + 0.01
    before, after = matched([plain, Audio(spiky, RATE_HZ)]), matched([same, tamed])
    assert heard_loudness_lufs(after[0].audio) > heard_loudness_lufs(before[0].audio) + 5.0


# --- the use case ---


def view(sound: Audio) -> tuple[StoredView, Proposal]:
    source = Source(
        blob="b", name="b.wav", media="wav", rate_hz=RATE_HZ, channels=2, length_samples=sound.length_samples
    )
    region = AudioRegion(source="b", start_samples=0, length_samples=sound.length_samples)
    made = replace(song(), tracks=(Track(id="t01", name="b", regions=(region,)),))
    options = tuple(
        Option(id=letter, name=letter, why="", ops=(SetFader(target="t01", fader_db=gain),))
        for letter, gain in (("a", -3.0), ("b", -9.0))
    )
    proposal = Proposal(kind="mix", question="?", options=options, provenance=PROVENANCE)
    return StoredView(state=made, sources={"b": source}, read=HeldReader(sound)), proposal


def test_the_rough_is_heard_too_and_through_the_same_chain(rng: np.random.Generator) -> None:
    stored, proposal = view(noise(rng, 5.0))
    options, _, sounds = comparable(stored, proposal, Listening(with_rough=True, preview_master=True), Work())
    assert [option.id for option in options] == ["as it stands", "a", "b"]
    for sound in sounds[1:]:  # options that differ in level alone are one sound behind the chain
        assert np.abs(sound.samples - sounds[0].samples).max() < 1e-3


def test_masters_are_not_mastered_again(rng: np.random.Generator) -> None:
    stored, proposal = view(noise(rng, 1.0))
    master = Option(id="m", name="m", why="", ops=(SetMaster(master=(Insert(name="g", processor=Gain(gain_db=1.0)),)),))
    with pytest.raises(InputError) as refusal:
        comparable(stored, replace(proposal, options=(master,)), Listening(preview_master=True), Work())
    assert refusal.value.code == "audition.mastered"


def test_a_stretch_outside_the_song_is_refused(rng: np.random.Generator) -> None:
    stored, proposal = view(noise(rng, 1.0))
    outside = Span(start_samples=RATE_HZ, end_samples=2 * RATE_HZ)
    with pytest.raises(InputError) as refusal:
        comparable(stored, proposal, Listening(span=outside), Work())
    assert refusal.value.code == "audition.outside"
    late = Span(start_samples=RATE_HZ // 2, end_samples=2 * RATE_HZ)
    _, stretch, sounds = comparable(stored, proposal, Listening(span=late), Work())
    assert stretch.span.end_samples == RATE_HZ
    assert {sound.length_samples for sound in sounds} == {RATE_HZ // 2}
