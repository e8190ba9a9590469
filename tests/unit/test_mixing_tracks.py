"""The moves of single tracks: filters, compression, places, sends, and what their sum will measure."""

from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from tapehand.audio import Audio
from tapehand.audio.io import read
from tapehand.dsp.chain import apply
from tapehand.dsp.dynamics import static_gain_db
from tapehand.engines.mixing.dynamics import compression, liveliness, threshold_for
from tapehand.engines.mixing.heard import HeardTrack, hear_track
from tapehand.engines.mixing.placement import places
from tapehand.engines.mixing.settings import role_settings
from tapehand.engines.mixing.space import send_levels_db, wetness
from tapehand.engines.mixing.thumbnail import peak_of_sum, thumbnail
from tapehand.engines.mixing.tone import high_pass, resonance_bands
from tapehand.listening.roles import guess_role
from tapehand.meters.loudness import integrated_lufs
from tapehand.song.processors import Compressor, HighPass
from tapehand.song.song import Track

RATE_HZ = 44_100
Line = NDArray[np.float64]


def tone(frequency_hz: float, seconds: float = 6.0) -> Line:
    return 0.2 * np.sin(2 * np.pi * frequency_hz * np.arange(int(seconds * RATE_HZ)) / RATE_HZ)


def phrases(rng: np.random.Generator, frequency_hz: float = 440.0) -> Line:
    """A line whose notes differ in level by many decibels, as an untamed take does."""
    line = tone(frequency_hz, 12.0)
    for start in range(0, line.size, RATE_HZ // 2):
        decay = np.exp(-np.arange(min(RATE_HZ // 2, line.size - start)) / (0.12 * RATE_HZ))
        line[start : start + decay.size] *= decay * 10.0 ** (rng.uniform(-20.0, 0.0) / 20.0)
    return line


def heard(name: str, *channels: Line) -> HeardTrack:
    return hear_track(Track(id=name, name=name), Audio.of(np.stack(channels), RATE_HZ))


@pytest.mark.parametrize(("name", "lowest_hz"), [("Lead Vox", 200.0), ("Gtr", 110.0), ("Bass", 41.0), ("Keys", 60.0)])
def test_a_high_pass_stays_below_what_matters(name: str, lowest_hz: float) -> None:
    made = high_pass(heard(name, tone(lowest_hz)))
    assert made is not None
    assert isinstance(made[0].processor, HighPass)
    assert made[0].processor.cutoff_hz <= lowest_hz
    assert made[0].processor.cutoff_hz <= role_settings(guess_role(name).role).high_pass_hz


def test_a_track_that_goes_to_the_bottom_gets_no_high_pass() -> None:
    assert high_pass(heard("Kick", tone(24.0))) is None


def test_a_ringing_overhead_is_cut_there_and_a_singer_never(rng: np.random.Generator) -> None:
    ringing = 0.1 * rng.standard_normal(6 * RATE_HZ) + tone(900.0)
    bands, reasons = resonance_bands(heard("Overheads", ringing))
    assert [abs(band.frequency_hz - 900.0) < 60.0 and band.gain_db < 0 for band in bands] == [True]
    assert "900" in reasons[0] or "8" in reasons[0]
    assert resonance_bands(heard("Lead Vox", ringing)) == ((), ())


@pytest.mark.parametrize("wanted_db", [0.5, 2.0, 6.0])
@pytest.mark.parametrize("ratio", [1.5, 4.0])
def test_the_threshold_gives_the_wanted_reduction(wanted_db: float, ratio: float) -> None:
    threshold_db = threshold_for(-20.0, wanted_db, ratio, 6.0)
    settings = Compressor(threshold_db=threshold_db, ratio=ratio, attack_ms=5.0, release_ms=50.0, knee_db=6.0)
    assert -static_gain_db(-20.0, settings) == pytest.approx(wanted_db, abs=1e-6)


def test_compression_keeps_the_loudness(rng: np.random.Generator) -> None:
    line = phrases(rng)
    track = heard("Lead Vox", line)
    made = compression(track, 1.0)
    assert made is not None
    assert isinstance(made[0].processor, Compressor)
    audio = Audio.of(line[None, :], RATE_HZ)
    squeezed = apply(audio, made[0].processor)
    assert integrated_lufs(squeezed) == pytest.approx(integrated_lufs(audio), abs=1.0)
    assert made[0].processor.make_up_db > 0.0


def test_what_is_even_already_is_not_compressed() -> None:
    assert compression(heard("Lead Vox", tone(300.0)), 1.0) is None


def test_the_livelier_the_more() -> None:
    values = [liveliness(crest_db, spread_db) for crest_db, spread_db in ((8, 1), (14, 3), (18, 5), (30, 12))]
    assert values == sorted(values)
    assert (values[0], values[-1]) == (0.0, 1.0)


def test_an_unsure_role_is_not_compressed(rng: np.random.Generator) -> None:
    assert compression(heard("Audio 01", phrases(rng)), 1.0) is None


def test_places(rng: np.random.Generator) -> None:
    tracks = [
        heard("Lead Vox", tone(400.0)),
        heard("Kick", tone(55.0)),
        heard("Gtr 1", tone(500.0) + tone(1500.0)),
        heard("Gtr 2", 0.5 * tone(700.0)),
        heard("OH L", rng.standard_normal(RATE_HZ * 3) * 0.1),
        heard("OH R", rng.standard_normal(RATE_HZ * 3) * 0.1),
        heard("Tom low", tone(70.0)),
        heard("Strings", tone(500.0), tone(700.0)),
        heard("Piano", tone(600.0)),
        heard("Audio 7", tone(900.0)),
    ]
    found = places(tracks, {track.id: 0.0 for track in tracks}, 1.0)
    assert set(found) == {"Gtr 1", "Gtr 2", "OH L", "OH R", "Piano"}
    assert found["Gtr 1"].pan == -found["Gtr 2"].pan != 0.0
    assert found["OH L"].pan < 0.0 < found["OH R"].pan
    assert abs(found["Piano"].pan) < abs(found["Gtr 1"].pan)


def test_dual_mono_counts_as_mono() -> None:
    track = heard("Gtr", tone(500.0), tone(500.0))
    assert track.is_mono
    assert wetness(track) == 0.0


def test_bass_and_kick_stay_dry_and_wide_tracks_get_less(rng: np.random.Generator) -> None:
    wide = rng.standard_normal((2, 6 * RATE_HZ)) * 0.1
    tracks = [
        heard("Lead Vox", tone(900.0)),
        heard("Kick", tone(55.0)),
        heard("Bass", tone(80.0)),
        heard("Keys dry", tone(800.0)),
        heard("Keys wet", wide[0], wide[1]),
    ]
    levels = send_levels_db(tracks, {track.id: 0.0 for track in tracks}, -18.0)
    assert set(levels) == {"Lead Vox", "Keys dry", "Keys wet"}
    assert levels["Keys wet"] < levels["Keys dry"] <= levels["Lead Vox"]


def test_the_small_copies_foretell_the_peak_of_the_sum(rng: np.random.Generator) -> None:
    sounds = [Audio.of(0.1 * np.stack([phrases(rng, hz), phrases(rng, 1.3 * hz)]), RATE_HZ) for hz in (60, 200, 900)]
    gains = [(0.9, 0.4), (0.5, 1.2), (1.0, 1.0)]
    exact = np.abs(sum(s.samples * np.array(g)[:, None] for s, g in zip(sounds, gains, strict=True))).max()
    foretold = peak_of_sum([thumbnail(sound) for sound in sounds], gains)
    assert exact * 0.97 <= foretold <= exact * 1.25


@pytest.mark.parametrize("length", [0, 1, 3, 4, 5, 11, 12, 13, 65_536, 65_537])
def test_small_copies_of_any_length(length: int, rng: np.random.Generator) -> None:
    audio = Audio.of(rng.uniform(-1, 1, (2, length)), RATE_HZ)
    small = thumbnail(audio)
    assert small.samples.shape == (2, -(-length // 4))
    assert small.peak == pytest.approx(float(np.abs(audio.samples).max(initial=0.0)))


def test_real_stems_get_no_confident_wrong_role_from_their_sound(material: Path) -> None:
    for path in sorted((material / "multitrack" / "ev3-potassium").glob("*.flac")):
        track = hear_track(Track(id="t", name="zzqx 17"), read(path))
        assert track.guess.confidence <= 0.6
