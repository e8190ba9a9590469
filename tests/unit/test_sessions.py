"""The session generator and the damage list: what they write is what they say."""

import json
import struct
from pathlib import Path

import numpy as np
import pytest

from tapehand.audio import Audio
from tapehand.audio.io import read
from tapehand.catalogue.loading import load
from tapehand.listening.names import read_name
from tapehand.meters.spectrum import third_octave_spectrum
from tapehand.testing.damage import Damage, clipped_by, damage_session, tilted
from tapehand.testing.sessions import LARGE, LARGEST, SessionPlan, SessionTruth, generate_session

PLAN = SessionPlan(seed=11, tracks=9, length_s=10.0)


@pytest.fixture(scope="module")
def session(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, SessionTruth]:
    folder = tmp_path_factory.mktemp("session") / "clean"
    return folder, generate_session(folder, PLAN)


@pytest.fixture(scope="module")
def damaged(session: tuple[Path, SessionTruth], tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, list[Damage]]:
    folder = tmp_path_factory.mktemp("damaged") / "hard"
    return folder, list(damage_session(session[0], folder, seed=5))


def test_the_standard_sizes_are_those_of_real_songs() -> None:
    assert (LARGE.tracks, LARGE.length_s) == (24, 240.0)
    assert (LARGEST.tracks, LARGEST.length_s) == (40, 300.0)


def test_every_stem_is_as_long_as_the_form(session: tuple[Path, SessionTruth]) -> None:
    folder, truth = session
    bars = sum(section.bars for section in truth.sections)
    length = round(bars * 4 * 60 / truth.bpm * truth.rate_hz) + truth.rate_hz
    stems = sorted(folder.glob("*.wav"))
    assert {path.stem for path in stems} == {track.name for track in truth.tracks}
    for path in stems:
        audio = read(path)
        assert (audio.channels, audio.length_samples, audio.rate_hz) == (2, length, 44_100)
        assert 0.001 < float(np.abs(audio.samples).max()) < 1.0


@pytest.mark.parametrize("seed", range(12))
def test_levels_spread_as_people_mix(seed: int, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr("tapehand.testing.sessions.write", lambda *_a, **_k: None)
    monkeypatch.setattr("tapehand.testing.sessions._stem", lambda *_a, **_k: None)
    truth = generate_session(tmp_path / "s", SessionPlan(seed=seed))
    levels = [track.level_db for track in truth.tracks]
    assert 3.0 <= float(np.std(levels)) <= 6.01
    usual = load("mixing")["roles"]
    ours = [usual[track.role]["level_db"] for track in truth.tracks if track.role in usual]
    theirs = [track.level_db for track in truth.tracks if track.role in usual]
    if len(ours) > 5:
        assert float(np.std(np.subtract(theirs, ours))) > 1.5, "the generator follows the mixer's own table"


def test_measured_levels_are_the_stated_ones(session: tuple[Path, SessionTruth]) -> None:
    folder, truth = session
    bar = 4 * 60 / truth.bpm * truth.rate_hz
    for track in truth.tracks:
        power = (read(folder / f"{track.name}.wav").samples.astype(np.float64) ** 2).sum(axis=0)
        sounding = [
            power[round((section.start_bar - 1) * bar) : round((section.start_bar - 1 + section.bars) * bar)]
            for section in truth.sections
            if section.kind in track.sections
        ]
        assert 10 * np.log10(np.concatenate(sounding).mean()) == pytest.approx(track.level_db, abs=0.5)


def test_the_same_seed_is_the_same_session(session: tuple[Path, SessionTruth], tmp_path: Path) -> None:
    again = generate_session(tmp_path / "clean", PLAN)
    assert again == session[1]
    for path in session[0].glob("*.wav"):
        assert path.read_bytes() == (tmp_path / "clean" / path.name).read_bytes()
    assert generate_session(tmp_path / "other", SessionPlan(seed=12, tracks=3, length_s=8)).tracks != again.tracks[:3]


def test_names_are_as_people_give_them(session: tuple[Path, SessionTruth]) -> None:
    for track in session[1].tracks:
        assert read_name(track.name).role in (track.role, "harmony", "keys", "synth", "strings"), track


def test_damage_is_what_the_list_says(session: tuple[Path, SessionTruth], damaged: tuple[Path, list[Damage]]) -> None:
    clean, (folder, done) = session[0], damaged
    assert len(json.loads(folder.with_name("hard.damage.json").read_text())) == len(done) == PLAN.tracks + 2
    for damage in done:
        audio = read(folder / f"{damage.name}.wav")
        if (
            damage.was is None
            or damage.silent
            or damage.rate_hz
            or damage.start_offset_samples
            or damage.clipped_samples
        ):
            continue
        before = read(clean / f"{damage.was}.wav")
        before = tilted(before, damage.tilt_db_per_octave)
        wanted = before.samples[:1] if damage.dual_mono else before.samples
        expected = damage.polarity * 10 ** (damage.gain_db / 20) * wanted
        assert np.abs(np.clip(expected, -1, 1) - audio.samples).max() < 1e-4, damage
    assert [sum(bool(getattr(d, name)) for d in done) for name in ("silent", "dual_mono", "clipped_samples")] == [
        1,
        1,
        1,
    ]
    assert sum(d.partner_of is not None for d in done) == sum(d.click_track for d in done) == 1
    silent = next(d for d in done if d.silent)
    assert not read(folder / f"{silent.name}.wav").samples.any()
    assert {read(folder / f"{d.name}.wav").rate_hz for d in done if d.rate_hz} == {48_000}


def test_a_late_start_is_in_the_time_reference(damaged: tuple[Path, list[Damage]]) -> None:
    folder, done = damaged
    late = next(d for d in done if d.start_offset_samples)
    bytes_ = (folder / f"{late.name}.wav").read_bytes()
    at = bytes_.index(b"bext") + 8
    assert struct.unpack_from("<Q", bytes_, at + 256 + 32 + 32 + 10 + 8)[0] == late.start_offset_samples


def test_a_tilt_is_straight_and_turns_at_one_kilohertz() -> None:
    noise = Audio.of(0.1 * np.random.default_rng(1).standard_normal((1, 400_000)), 44_100)
    before, after = third_octave_spectrum(noise), third_octave_spectrum(tilted(noise, 1.5))
    change = {round(hz): b - a for hz, a, b in zip(before.centres_hz, before.levels_db, after.levels_db, strict=True)}
    assert change[1000] == pytest.approx(0, abs=0.1)
    assert change[4000 if 4000 in change else 3981] == pytest.approx(3, abs=0.15)
    assert change[250 if 250 in change else 251] == pytest.approx(-3, abs=0.15)


def test_clipping_is_counted_exactly() -> None:
    ramp = Audio.of(np.linspace(-0.5, 0.5, 1001)[None], 44_100)
    clipped, count = clipped_by(ramp, 6.0)
    assert count == int((np.abs(clipped.samples) >= 1.0).sum())
    assert count > 400
