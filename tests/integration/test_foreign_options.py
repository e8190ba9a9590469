"""A file of the song from elsewhere: found, laid in place, heard, chosen; another song is not."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from tapehand.app.audition import hear
from tapehand.app.decide import decide
from tapehand.app.foreign import join_foreign
from tapehand.app.log_view import log_rows
from tapehand.app.propose import file_proposal
from tapehand.app.songs import create_from_folder
from tapehand.app.studio import Studio
from tapehand.app.trials import open_trial
from tapehand.app.undo import undo
from tapehand.app.view import view_of
from tapehand.audio import Audio, io
from tapehand.audio.resample import resample
from tapehand.bootstrap import make_studio
from tapehand.dsp.chain import run_chains
from tapehand.errors import Conflict, InputError, TapehandError
from tapehand.listening.same_song import same_song
from tapehand.meters.loudness import integrated_lufs
from tapehand.ports.song_store import SongStore
from tapehand.song.mixer import Insert
from tapehand.song.op import SetFader, SetInserts, SetMaster
from tapehand.song.processors import Band, Compressor, Equaliser, Gain, Limiter
from tapehand.song.proposal import Option, Proposal
from tapehand.song.provenance import Provenance
from tapehand.work import Work

RATE_HZ = 22_050
SECONDS = 16.0


def part(seed: int, low_hz: float, seconds: float = SECONDS) -> Audio:
    """Notes of changing pitch and level, twice a second, with some breath: a part that repeats nothing exactly."""
    rng = np.random.default_rng(seed)
    count = round(seconds * RATE_HZ)
    times = np.arange(count) / RATE_HZ
    sound = 0.01 * rng.standard_normal(count)
    for start_s in np.arange(0.0, seconds, 0.5) + rng.uniform(0.0, 0.2):
        pitch_hz = low_hz * 2.0 ** (rng.integers(0, 12) / 12.0)
        since = times - start_s
        envelope = np.where(since >= 0, np.exp(-8.0 * np.maximum(since, 0.0)), 0.0)
        sound += rng.uniform(0.05, 0.2) * envelope * np.sin(2 * np.pi * pitch_hz * since)
    return Audio.of(sound[None], RATE_HZ)


def cloud_mix(parts: list[Audio], gains: list[float], drive_db: float = 8.0) -> Audio:
    """Another balance through equaliser, compressor and limiter: what comes back from elsewhere."""
    length = max(each.length_samples for each in parts)
    total = np.zeros((2, length), dtype=np.float32)
    for index, (each, gain) in enumerate(zip(parts, gains, strict=True)):
        total[:, : each.length_samples] += (
            np.array([[gain], [gain * (0.6 + 0.2 * index)]], dtype=np.float32) * each.samples
        )
    chain = (
        Equaliser(bands=(Band(kind="high_shelf", frequency_hz=3000.0, gain_db=5.0),)),
        Compressor(threshold_db=-24.0, ratio=3.0, attack_ms=10.0, release_ms=120.0),
        Limiter(drive_db=drive_db),
    )
    return run_chains([Audio(total, RATE_HZ)], [chain])[0]


PARTS = [part(1, 80.0), part(2, 330.0), part(3, 900.0)]


@pytest.fixture
def studio() -> Studio:
    return make_studio(threads=1)


@pytest.fixture
def song(studio: Studio, tmp_path: Path) -> SongStore:
    stems = tmp_path / "stems"
    stems.mkdir()
    for number, each in enumerate(PARTS):
        io.write(stems / f"part{number}.wav", each)
    store = create_from_folder(studio, stems, tmp_path / "s.tapehand", by="Ann", work=Work())
    ops = (
        SetFader(target="t01", fader_db=-6.0),
        SetInserts(target="mix", inserts=(Insert(name="trim", processor=Gain(gain_db=-2.0)),)),
    )
    options = (Option(id="a", name="Mix A", why="", ops=ops), Option(id="b", name="Mix B", why="", ops=()))
    proposal = Proposal(
        kind="mix", question="?", options=options, provenance=Provenance(engine="t", version="1", maker="machine")
    )
    file_proposal(store, proposal, base_event=store.state().head, actor="t")
    return store


@pytest.fixture
def file(tmp_path: Path) -> Callable[[Audio], Path]:
    def written(sound: Audio) -> Path:
        path = tmp_path / "From the cloud.wav"
        io.write(path, sound, "FLOAT")
        return path

    return written


def shifted(sound: Audio, samples: int) -> Audio:
    return sound.span(-samples, sound.length_samples)


# --- finding the place ---


@pytest.mark.parametrize("late_samples", [0, 1, 441, -3000, 30_001])
def test_the_lag_is_found_to_the_sample(late_samples: int) -> None:
    mix = cloud_mix(PARTS, [1.0, 1.0, 1.0], 0.0)
    lies = same_song(mix, shifted(cloud_mix(PARTS, [0.4, 1.4, 0.8]), late_samples))
    assert lies is not None
    assert lies.lag_samples == pytest.approx(late_samples, abs=1)
    assert lies.drift_samples < 2.0
    assert lies.windows >= 3


@pytest.mark.parametrize("rate_hz", [16_000, 48_000])
def test_another_rate_is_no_trouble(rate_hz: int) -> None:
    mix = cloud_mix(PARTS, [1.0, 1.0, 1.0], 0.0)
    lies = same_song(mix, resample(shifted(mix, 2205), rate_hz))
    assert lies is not None
    assert lies.lag_samples == pytest.approx(2205, abs=1)


def test_another_song_is_not_taken_for_this_one() -> None:
    mix = cloud_mix(PARTS, [1.0, 1.0, 1.0])
    others = [
        cloud_mix([part(11, 80.0), part(12, 330.0), part(13, 900.0)], [1.0, 1.0, 1.0]),
        Audio.silence(2, 5 * RATE_HZ, RATE_HZ),
        Audio.of(0.1 * np.random.default_rng(33).standard_normal((1, 8 * RATE_HZ)), RATE_HZ),
        Audio.silence(1, 1, RATE_HZ),
    ]
    assert [same_song(mix, other) for other in others] == [None] * 4


def test_drift_is_measured() -> None:
    """The same song 0.05 % slow: 8 ms in all, 4 ms from the middle of the first window to the middle of the last."""
    mix = cloud_mix(PARTS, [1.0, 1.0, 1.0])
    slow = Audio.of(resample(mix, round(RATE_HZ * 1.0005)).samples, RATE_HZ)
    lies = same_song(mix, slow)
    assert lies is not None
    assert 2.0 < 1000.0 * lies.drift_samples / RATE_HZ < 8.0


def test_real_songs_are_told_apart_and_found(material: Path) -> None:
    files = sorted((material / "songs").rglob("*.*"))[:40]
    sounds = []
    for path in files:
        try:
            sounds.append(resample(io.read(path), RATE_HZ).span(0, 30 * RATE_HZ))
        except TapehandError:
            continue
        if len(sounds) == 3:
            break
    if len(sounds) < 3:
        pytest.skip("needs three songs")
    for number, sound in enumerate(sounds):
        chain = (Equaliser(bands=(Band(kind="low_shelf", frequency_hz=200.0, gain_db=-5.0),)), Limiter(drive_db=6.0))
        mastered = run_chains([sound], [chain])[0]
        lies = same_song(sound, shifted(mastered, 5000))
        assert lies is not None
        assert lies.lag_samples == pytest.approx(5000, abs=1)
        assert same_song(sound, sounds[(number + 1) % 3]) is None


# --- as an option ---


def test_a_foreign_file_is_heard_and_chosen_like_any_other(
    studio: Studio, song: SongStore, file: Callable[[Audio], Path], tmp_path: Path
) -> None:
    theirs = cloud_mix(PARTS, [0.5, 1.0, 1.0])
    path = file(shifted(theirs, 700))
    before = song.state().song
    filed = join_foreign(studio, song, 1, path, by="Bob", work=Work())
    joined = filed.proposal.options[-1]
    assert (joined.id, joined.name) == ("foreign", "From the cloud")
    assert "31.7 ms late" in joined.why
    assert song.state().song == before  # nothing is changed by joining
    heard = hear(studio, song, 1, tmp_path / "heard", work=Work()).heard
    levels = [integrated_lufs(io.read(each.path)) for each in heard]
    assert len(heard) == 3
    assert max(levels) - min(levels) < 0.1
    opened = open_trial(studio, song, 1, "preference", tmp_path / "t", by="Ann", rounds=1, work=Work())
    assert opened.trial.compared == ("a", "b", "foreign")
    decide(song, 1, "accept", by="Ann", option="foreign")
    sounding = view_of(studio, song).render().samples[:, : theirs.length_samples]
    assert np.abs(sounding - theirs.samples[:, : sounding.shape[1]]).max() < 1e-6
    source = next(each for each in song.state().sources.values() if each.origin == "foreign")
    assert source.provenance is not None
    assert dict(source.provenance.settings)["brought_by"] == "Bob"
    assert "put From the cloud beside the options of proposal 1" in [row.what for row in log_rows(song)]
    undo(song, by="Ann")
    assert song.state().song == before


def test_a_mono_file_keeps_its_level_and_the_mix_bus_stands_aside(
    studio: Studio, song: SongStore, file: Callable[[Audio], Path]
) -> None:
    decide(song, 1, "accept", by="Ann", option="a")
    proposal = Proposal(
        kind="master",
        question="?",
        options=(
            Option(id="m", name="M", why="", ops=(SetMaster(master=(Insert(name="g", processor=Gain(gain_db=3.0)),)),)),
        ),
        provenance=Provenance(engine="t", version="1", maker="machine"),
    )
    file_proposal(song, proposal, base_event=song.state().head, actor="t")
    mono = Audio.of(cloud_mix(PARTS, [1.0, 1.0, 1.0]).samples.mean(axis=0, keepdims=True), RATE_HZ)
    join_foreign(studio, song, 2, file(mono), by="Bob", work=Work())
    decide(song, 2, "accept", by="Ann", option="foreign")
    sounding = view_of(studio, song).renderer().master().samples
    assert np.abs(sounding[0, : mono.length_samples] - mono.samples[0]).max() < 1e-4


def test_what_cannot_join(studio: Studio, song: SongStore, file: Callable[[Audio], Path], tmp_path: Path) -> None:
    def refusal(path: Path, kind: type[TapehandError] = InputError) -> str:
        with pytest.raises(kind) as caught:
            join_foreign(studio, song, 1, path, by="Bob", work=Work())
        return caught.value.code

    mix = cloud_mix(PARTS, [1.0, 1.0, 1.0])
    events = song.state().length
    other = file(cloud_mix([part(21, 90.0)] * 2, [1.0, 1.0]))
    assert refusal(other) == "foreign.other_song"
    other.unlink()
    slow = file(Audio.of(resample(mix, round(RATE_HZ * 1.0005)).samples, RATE_HZ))
    assert refusal(slow) == "foreign.drifts"
    slow.unlink()
    assert refusal(file(Audio.of(np.zeros((4, 100)), RATE_HZ))) == "foreign.channels"
    assert refusal(tmp_path / "nowhere.wav") == "audio.missing"
    assert song.state().length == events
    decide(song, 1, "reject", by="Ann")
    assert refusal(other, Conflict) == "proposal.cannot_join"


def test_two_files_can_join(studio: Studio, song: SongStore, file: Callable[[Audio], Path]) -> None:
    path = file(cloud_mix(PARTS, [1.0, 1.0, 0.2]))
    join_foreign(studio, song, 1, path, by="Bob", work=Work())
    filed = join_foreign(studio, song, 1, path, by="Bob", work=Work())
    assert [option.id for option in filed.proposal.options] == ["a", "b", "foreign", "foreign-2"]


def test_what_joined_stays_through_undoing_and_redoing(
    studio: Studio, song: SongStore, file: Callable[[Audio], Path]
) -> None:
    decide(song, 1, "accept", by="Ann", option="b")
    undo(song, by="Ann")
    join_foreign(studio, song, 1, file(cloud_mix(PARTS, [1.0, 1.0, 0.2])), by="Bob", work=Work())
    undone = next(row.seq for row in log_rows(song) if row.what.startswith("undid"))
    undo(song, by="Ann", event=undone)
    assert song.state().filed(1).option == "b"
    undo(song, by="Ann")
    assert [option.id for option in song.state().filed(1).proposal.options] == ["a", "b", "foreign"]
    decide(song, 1, "accept", by="Ann", option="foreign")
