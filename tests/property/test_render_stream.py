"""Rendering in steps: the same bits whatever is kept, wherever listening begins, and however much was edited before."""

import math
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tapehand.audio import Audio
from tapehand.audio.buffer import Samples
from tapehand.errors import InternalError
from tapehand.render.mixer import STEP_SAMPLES
from tapehand.render.moments import moment_samples
from tapehand.render.renderer import Renderer
from tapehand.render.sounds import HeldSound, HeldSources
from tapehand.song.mixer import Bus, Insert, Send, Strip
from tapehand.song.processors import (
    Band,
    Colour,
    Compressor,
    Delay,
    Equaliser,
    FirEqualiser,
    Gain,
    HighPass,
    Limiter,
    MultibandCompressor,
    Processor,
    Reverb,
    Saturation,
    TransientShaper,
    Width,
)
from tapehand.song.region import AudioRegion
from tapehand.song.song import Song, Track
from tapehand.store.render_cache import DiskRenderCache

RATE_HZ = 8_000
LENGTH = 5 * STEP_SAMPLES // 2 + 123

BAND = Compressor(threshold_db=-30, ratio=3, attack_ms=5, release_ms=80)
CHAINS: Sequence[tuple[Processor, ...]] = (
    (),
    (HighPass(cutoff_hz=60), Equaliser(bands=(Band(kind="peak", frequency_hz=900, gain_db=4),)), BAND),
    (Saturation(drive_db=6), HighPass(cutoff_hz=90), BAND),
    (BAND, FirEqualiser(bands=(Band(kind="high_shelf", frequency_hz=1500, gain_db=3),)), Gain(gain_db=-2)),
    (MultibandCompressor(crossovers_hz=(300, 1500), bands=(BAND, BAND, BAND)), Width(width=1.3)),
    (TransientShaper(attack_db=3), Colour(character="tape", drive_db=4)),
    (replace(BAND, key_track="t0"), Delay(time_s=0.11)),
)


def inserts(chain: Sequence[Processor]) -> tuple[Insert, ...]:
    return tuple(Insert(name=f"{number}", processor=each) for number, each in enumerate(chain))


def noise(seed: int) -> Audio:
    rng = np.random.default_rng(seed)
    bursts = np.repeat(rng.uniform(0, 0.2, LENGTH // 4_000 + 1), 4_000)[:LENGTH]
    return Audio.of(bursts * rng.standard_normal((1 + seed % 2, LENGTH)), RATE_HZ)


SOUNDS = {f"t{number}": noise(number) for number in range(len(CHAINS))}


def song(**changes: Strip) -> Song:
    tracks = []
    for number, chain in enumerate(CHAINS):
        strip = Strip(
            inserts=inserts(chain),
            fader_db=-3.0 * number,
            pan=(number - 3) / 4,
            delay_samples=17 * number,
            sends=(Send(bus="room", level_db=-10),) if number % 2 else (),
            output="group" if number in (2, 3) else "mix",
        )
        region = AudioRegion(source=f"t{number}", start_samples=0, length_samples=LENGTH)
        name = f"t{number}"
        tracks.append(Track(id=name, name=name, regions=(region,), strip=changes.get(name, strip)))
    buses = (
        Bus(
            id="room", name="Room", kind="return", strip=Strip(inserts=inserts([Reverb(decay_s=0.4)]), delay_samples=9)
        ),
        Bus(id="group", name="Group", kind="group", strip=Strip(inserts=inserts([Saturation(drive_db=3), BAND]))),
    )
    whole = Song(name="stream", rate_hz=RATE_HZ, tracks=tuple(tracks), buses=buses)
    return replace(whole, mix=Strip(inserts=inserts([BAND, Limiter(drive_db=3)])))


def mix(made: Song, **more: object) -> np.ndarray:
    return Renderer(song=made, sources=HeldSources(SOUNDS.__getitem__), **more).mix().samples  # type: ignore[arg-type]


@pytest.fixture(scope="module")
def plain() -> np.ndarray:
    return mix(song())


def test_two_threads_give_the_bits_of_one(plain: np.ndarray) -> None:
    assert np.array_equal(mix(song(), threads=2), plain)


def test_stems_do_not_change_the_mix_and_sum_to_what_goes_into_it(plain: np.ndarray) -> None:
    stems: list[Audio] = []
    flat = replace(song(), mix=Strip())
    heard = Renderer(song=flat, sources=HeldSources(SOUNDS.__getitem__)).mix(lambda _i, _n, audio: stems.append(audio))
    total = sum(stem.samples.astype(np.float64) for stem in stems)
    assert {stem.length_samples for stem in stems} == {heard.length_samples}
    assert 20 * math.log10(np.abs(total - heard.samples).max()) < -125


def test_neighbours_do_not_change_a_track() -> None:
    """A track alone gives the bits that it gives among six others."""
    quiet = {f"t{n}": Strip(fader_db=-math.inf) for n in range(len(CHAINS)) if n != 3}
    among = replace(song(**quiet), mix=Strip())
    alone = replace(among, tracks=(among.track("t3"),))
    assert np.array_equal(mix(among), mix(alone))


def test_an_edit_from_kept_sums_gives_the_bits_of_a_whole_render(tmp_path: Path) -> None:
    cache = DiskRenderCache(tmp_path, 1 << 30)
    before = song()
    mix(before, cache=cache, before=before)
    for fader_db, name in ((-1.0, "t1"), (-2.0, "t1"), (-7.5, "t5"), (-3.0, "t2")):
        after = before.with_strip(name, replace(before.strip(name), fader_db=fader_db))
        assert np.array_equal(mix(after, cache=cache, before=before), mix(after))
        before = after


def test_an_edit_reads_the_changed_track_only(tmp_path: Path) -> None:
    read: list[str] = []

    class Counted(HeldSound):
        def __init__(self, name: str) -> None:
            super().__init__(SOUNDS[name])
            self.name = name

        def read_into(self, start_sample: int, out: Samples) -> None:
            read.append(self.name)
            super().read_into(start_sample, out)

    class CountedSources(HeldSources):
        def open(self, blob: str) -> HeldSound:
            return Counted(blob)

    cache = DiskRenderCache(tmp_path, 1 << 30)
    before = song()
    for fader_db in (0.0, -1.0, -2.0):
        after = before.with_strip("t5", replace(before.strip("t5"), fader_db=fader_db))
        read.clear()
        Renderer(song=after, sources=CountedSources(SOUNDS.__getitem__), cache=cache, before=before).mix()
        assert set(read) == ({"t5"} if fader_db else set(SOUNDS))
        before = after


def test_edits_of_many_kinds_give_the_bits_of_a_whole_render(tmp_path: Path) -> None:
    """A track gone, one muted, one more, another send, a bus changed, inserts changed: in a row, with one cache."""
    cache = DiskRenderCache(tmp_path, 1 << 30)
    before = song()
    mix(before, cache=cache, before=before)
    edits = [
        lambda s: replace(s, tracks=s.tracks[:-1]),
        lambda s: s.with_strip("t1", replace(s.strip("t1"), mute=True)),
        lambda s: s.with_strip("t4", replace(s.strip("t4"), sends=(Send(bus="group", level_db=-6, pre_fader=True),))),
        lambda s: s.with_strip("room", Strip(inserts=s.buses[0].strip.inserts, fader_db=-9.0)),
        lambda s: s.with_strip("t2", replace(s.strip("t2"), inserts=())),
        lambda s: s.with_strip("t1", replace(s.strip("t1"), mute=False, polarity=-1)),
        lambda s: s.with_strip("mix", Strip(fader_db=-2)),
    ]
    for edit in edits:
        after = edit(before)
        assert np.array_equal(mix(after, cache=cache, before=before), mix(after))
        before = after


def test_a_damaged_cache_costs_time_and_nothing_else(tmp_path: Path, plain: np.ndarray) -> None:
    cache = DiskRenderCache(tmp_path, 1 << 30)
    mix(song(), cache=cache, before=song())
    for path in tmp_path.rglob("*.records"):
        content = bytearray(path.read_bytes())
        content[len(content) // 2] ^= 8
        path.write_bytes(content)
    assert np.array_equal(mix(song(), cache=cache, before=song()), plain)


@settings(max_examples=12, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(start=st.integers(0, LENGTH - 1))
def test_listening_from_a_kept_moment_gives_the_bits_of_the_whole(
    tmp_path_factory: pytest.TempPathFactory, plain: np.ndarray, start: int
) -> None:
    folder = tmp_path_factory.getbasetemp() / "moments"
    cache = DiskRenderCache(folder, 1 << 30)
    made = song()
    if not folder.exists():
        mix(made, cache=cache, before=made)
    blocks = Renderer(song=made, sources=HeldSources(SOUNDS.__getitem__), cache=cache, before=made).blocks(
        start_samples=start
    )
    first = next(blocks)
    assert first.start_samples == start
    assert np.array_equal(first.mix, plain[:, start : first.end_samples])
    assert first.end_samples - start <= moment_samples(RATE_HZ) + STEP_SAMPLES
    blocks.close()


def test_an_impulse_on_every_track_leaves_on_one_sample_whatever_looks_ahead() -> None:
    """Chains that look ahead by different amounts, into buses that do so too, with sends and a limiter on the mix."""
    at, click = 30_000, Audio.silence(1, 60_000, RATE_HZ)
    click.samples[0, at] = 0.5
    linear = FirEqualiser(bands=(Band(kind="high_shelf", frequency_hz=2_000, gain_db=3),))
    chains: list[tuple[Processor, ...]] = [
        (),
        (Saturation(drive_db=1),),
        (linear,),
        (linear, Colour(character="tape", drive_db=1)),
    ]
    tracks = [
        Track(
            id=f"c{number}",
            name=f"c{number}",
            regions=(AudioRegion(source="click", start_samples=0, length_samples=60_000),),
            strip=Strip(
                inserts=inserts(chain), output=("mix", "late")[number % 2], sends=(Send(bus="more", level_db=0),)
            ),
        )
        for number, chain in enumerate(chains)
    ]
    buses = (
        Bus(id="late", name="Late", kind="group", strip=Strip(inserts=inserts([linear, Limiter(drive_db=0)]))),
        Bus(
            id="more", name="More", kind="return", strip=Strip(inserts=inserts([Saturation(drive_db=1)]), output="late")
        ),
    )
    made = Song(name="clicks", rate_hz=RATE_HZ, tracks=tuple(tracks), buses=buses, mix=Strip(inserts=inserts([linear])))
    stems: dict[str, Audio] = {}
    mixed = Renderer(song=made, sources=HeldSources({"click": click}.__getitem__), threads=2).mix(
        lambda identity, _name, audio: stems.__setitem__(identity, audio)
    )
    assert set(stems) == {"c0", "c2", "late"}
    assert {int(np.abs(stem.samples[0]).argmax()) for stem in (*stems.values(), mixed)} == {at}


def test_a_fader_scales_and_a_shift_moves_the_mix() -> None:
    """With what is linear on the tracks: 6 dB more is 6 dB more, and everything later is the same later."""
    linear = (HighPass(cutoff_hz=60), Equaliser(bands=(Band(kind="peak", frequency_hz=900, gain_db=4),)))

    def made(gain_db: float, start: int) -> np.ndarray:
        region = AudioRegion(source="t1", start_samples=start, length_samples=LENGTH)
        strip = Strip(inserts=inserts(linear), fader_db=gain_db, pan=0.3)
        return mix(Song(name="one", rate_hz=RATE_HZ, tracks=(Track(id="a", name="a", regions=(region,), strip=strip),)))

    plain, louder, later = made(-6.0, 0), made(0.0, 0), made(-6.0, 12_345)
    assert np.abs(louder - plain * 10 ** (6 / 20))[:, : plain.shape[1]].max() < 1e-6
    assert np.array_equal(later[:, 12_345 : 12_345 + LENGTH], plain[:, :LENGTH])


def test_sides_of_a_stereo_track_do_not_hear_each_other() -> None:
    """Left and right through linear inserts are what each gives alone; what is bypassed changes no sample."""
    stereo = Audio.of(np.concatenate([SOUNDS["t0"].samples, SOUNDS["t2"].samples]), RATE_HZ)
    linear = inserts((HighPass(cutoff_hz=60), Equaliser(bands=(Band(kind="peak", frequency_hz=900, gain_db=4),))))
    region = AudioRegion(source="s", start_samples=0, length_samples=LENGTH)

    def pre_fader(sound: Audio, chain: tuple[Insert, ...]) -> np.ndarray:
        track = Track(id="a", name="a", regions=(region,), strip=Strip(inserts=chain))
        song = Song(name="one", rate_hz=RATE_HZ, tracks=(track,))
        return Renderer(song=song, sources=HeldSources(lambda _: sound)).pre_fader("a").samples

    both = pre_fader(stereo, linear)
    for side in range(2):
        alone = pre_fader(Audio.of(stereo.samples[side : side + 1], RATE_HZ), linear)
        assert np.array_equal(alone[0, :LENGTH], both[side, :LENGTH])
    off = tuple(replace(insert, on=False) for insert in linear)
    assert np.array_equal(pre_fader(stereo, off), stereo.samples)


def test_what_is_not_finite_is_told_with_the_track_and_the_time() -> None:
    loud = Audio.of(np.full((2, LENGTH), 3e38), RATE_HZ)
    made = song(t1=Strip(inserts=inserts([Gain(gain_db=60), HighPass(cutoff_hz=20)])))
    broken = Renderer(song=made, sources=HeldSources(lambda name: loud if name == "t1" else SOUNDS[name]))
    with pytest.raises(InternalError) as told:
        broken.mix()
    assert told.value.code == "render.not_finite"
    assert "t1" in told.value.where
    assert "s" in told.value.where
