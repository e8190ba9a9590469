"""Rendering: what goes in sums, in time and in level, and does not depend on how it was computed."""

import math
from collections.abc import Sequence

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tapehand.audio import Audio
from tapehand.errors import Cancelled, InputError
from tapehand.render.cache import content_key
from tapehand.render.gains import pan_gains, strip_gains
from tapehand.render.renderer import Renderer
from tapehand.render.sounds import HeldSources
from tapehand.song.mixer import Automation, AutomationPoint, Bus, Insert, Send, Strip
from tapehand.song.processors import Band, Compressor, Convolution, Delay, Equaliser, HighPass, Reverb, Saturation
from tapehand.song.region import AudioRegion
from tapehand.song.song import Song, Track
from tapehand.work import Work

RATE_HZ = 48_000
LENGTH = 12_000


def noise(seed: int, channels: int = 2, length: int = LENGTH) -> Audio:
    random = np.random.default_rng(seed)
    return Audio.of(0.1 * random.standard_normal((channels, length)), RATE_HZ)


def impulse(channels: int = 1) -> Audio:
    audio = Audio.silence(channels, LENGTH, RATE_HZ)
    audio.samples[:, 1000] = 1.0
    return audio


def track(identity: str, strip: Strip, length: int = LENGTH, **region: int | float) -> Track:
    lying = AudioRegion(source=identity, start_samples=0, length_samples=length)
    for name, value in region.items():
        lying = AudioRegion(**{**{f: getattr(lying, f) for f in lying.__slots__}, name: value})
    return Track(id=identity, name=identity.upper(), regions=(lying,), strip=strip)


def renderer(song: Song, sounds: dict[str, Audio], **more: object) -> Renderer:
    return Renderer(song=song, sources=HeldSources(sounds.__getitem__), **more)  # type: ignore[arg-type]


def song_of(tracks: Sequence[Track], **more: object) -> Song:
    return Song(name="test", rate_hz=RATE_HZ, tracks=tuple(tracks), **more)  # type: ignore[arg-type]


CHAIN = (
    Insert(name="high-pass", processor=HighPass(cutoff_hz=80)),
    Insert(name="eq", processor=Equaliser(bands=(Band(kind="peak", frequency_hz=900, gain_db=-3),))),
    Insert(name="compressor", processor=Compressor(threshold_db=-24, ratio=3, attack_ms=10, release_ms=100)),
)


def full_song() -> tuple[Song, dict[str, Audio]]:
    sounds = {f"t{n}": noise(n, channels=1 + n % 2, length=LENGTH - 700 * n) for n in range(9)}
    strips = [
        Strip(
            inserts=CHAIN if n % 3 else (),
            fader_db=-1.5 * n,
            pan=(n - 4) / 5,
            polarity=-1 if n == 5 else 1,
            delay_samples=31 * n if n % 2 else 0,
            sends=(Send(bus="room", level_db=-9),) if n % 2 else (),
            output="drums" if n in (1, 2) else "mix",
        )
        for n in range(9)
    ]
    reverb = (Insert(name="reverb", processor=Reverb(decay_s=0.3)),)
    buses = (
        Bus(id="room", name="Room", kind="return", strip=Strip(inserts=reverb, fader_db=-3)),
        Bus(
            id="drums", name="Drums", kind="group", strip=Strip(inserts=CHAIN, sends=(Send(bus="room", level_db=-12),))
        ),
    )
    tracks = [track(f"t{n}", strips[n], sounds[f"t{n}"].length_samples) for n in range(9)]
    return song_of(tracks, buses=buses), sounds


def test_stems_sum_to_the_mix_to_the_last_bit_of_float() -> None:
    song, sounds = full_song()
    stems: list[tuple[str, Audio]] = []
    mix = renderer(song, sounds).mix(lambda identity, name, audio: stems.append((identity, audio)))
    total = np.zeros((2, mix.length_samples))
    for _, audio in stems:
        total[:, : audio.length_samples] += audio.samples
    assert [identity for identity, _ in stems] == ["t0", "t3", "t4", "t5", "t6", "t7", "t8", "drums", "room"]
    assert 20 * math.log10(np.abs(total - mix.samples).max()) < -130


def test_threads_do_not_change_a_bit() -> None:
    song, sounds = full_song()
    plain = renderer(song, sounds).mix()
    for threads in (2, 3):
        assert np.array_equal(plain.samples, renderer(song, sounds, threads=threads).mix().samples)


@pytest.mark.parametrize(
    "inserts",
    [
        (),
        CHAIN,
        (*CHAIN, Insert(name="saturation", processor=Saturation(drive_db=3))),
        (Insert(name="off", processor=HighPass(cutoff_hz=500), on=False),),
    ],
)
def test_an_impulse_arrives_on_its_sample_whatever_is_inserted(inserts: tuple[Insert, ...]) -> None:
    song = song_of([track("dry", Strip()), track("wet", Strip(inserts=inserts))])
    sounds = {"dry": impulse(), "wet": impulse()}
    for identity in sounds:
        audio = renderer(song, sounds).pre_fader(identity)
        assert int(np.abs(audio.samples[0]).argmax()) == 1000


def test_delay_and_polarity_are_exact() -> None:
    song = song_of([track("a", Strip(pan=-1, delay_samples=7, polarity=-1))])
    mix = renderer(song, {"a": impulse()}).mix()
    assert mix.samples[0, 1007] == -1.0
    assert np.count_nonzero(mix.samples) == 1


@given(st.floats(-1, 1))
def test_a_mono_track_keeps_its_power_wherever_it_is_panned(pan: float) -> None:
    left, right = pan_gains(pan, 1)
    assert left**2 + right**2 == pytest.approx(1.0)


@given(st.floats(-1, 1))
def test_balance_never_turns_a_stereo_track_up(pan: float) -> None:
    left, right = pan_gains(pan, 2)
    assert max(left, right) == pytest.approx(1.0)
    assert min(left, right) >= 0.0
    assert pan_gains(-pan, 2) == pytest.approx((right, left))


def test_automation_moves_in_a_straight_line_and_stays_outside() -> None:
    points = (AutomationPoint(at_samples=100, value=-math.inf), AutomationPoint(at_samples=300, value=0.0))
    strip = Strip(pan=-1, automation=(Automation(parameter="fader_db", points=points),))
    sounds = {"a": Audio.of(np.ones((1, LENGTH)), RATE_HZ)}
    left = renderer(song_of([track("a", strip)]), sounds).mix().samples[0]
    assert left[50] == 0.0
    assert left[200] == pytest.approx(0.5)
    assert left[300] == left[-1] == 1.0
    assert [point.at_samples for point in strip_gains(strip, 1)] == [0, 100, 300]


def test_regions_have_offsets_gains_and_fades() -> None:
    sounds = {"a": Audio.of(np.ones((1, LENGTH)), RATE_HZ)}
    lying = track("a", Strip(pan=-1), start_samples=500, length_samples=1000, gain_db=-6.0, fade_in_samples=100)
    left = renderer(song_of([lying]), sounds).mix().samples[0]
    assert left.size == 1500
    assert left[499] == left[500] == 0.0
    assert left[1000] == pytest.approx(10 ** (-6 / 20), rel=1e-6)


def test_pre_fader_sends_do_not_hear_the_fader() -> None:
    delayed = (Insert(name="delay", processor=Delay(time_s=0.01, feedback=0.0)),)
    bus = Bus(id="echo", name="Echo", kind="return", strip=Strip(inserts=delayed))

    def heard(pre_fader: bool) -> float:
        strip = Strip(fader_db=-math.inf, sends=(Send(bus="echo", level_db=0, pre_fader=pre_fader),))
        mix = renderer(song_of([track("a", strip)], buses=(bus,)), {"a": noise(1)}).mix()
        return float(np.abs(mix.samples).max())

    assert heard(False) == 0.0
    assert heard(True) > 0.01


def test_a_side_chain_ducks() -> None:
    duck = Compressor(threshold_db=-40, ratio=20, attack_ms=1, release_ms=50, knee_db=0, key_track="kick")
    strip = Strip(inserts=(Insert(name="duck", processor=duck),))
    song = song_of([track("kick", Strip()), track("bass", strip)])
    loud, silent = Audio.of(0.5 * np.ones((1, LENGTH)), RATE_HZ), Audio.silence(1, LENGTH, RATE_HZ)
    bass = noise(3, channels=1)
    ducked = renderer(song, {"kick": loud, "bass": bass}).pre_fader("bass")
    alone = renderer(song, {"kick": silent, "bass": bass}).pre_fader("bass")
    assert np.abs(ducked.samples[:, LENGTH // 2 :]).max() < 0.2 * np.abs(alone.samples[:, LENGTH // 2 :]).max()


def test_a_users_impulse_response_is_a_reverb() -> None:
    """On a return bus, at the song's rate, with its tail; a click sent there comes back as the response."""
    rng = np.random.default_rng(8)
    response = Audio.of(rng.standard_normal((2, 3_000)) * np.exp(-np.arange(3_000) / 600), RATE_HZ)
    hall = Insert(name="hall", processor=Convolution(impulse="ir", length_s=3_000 / RATE_HZ))
    bus = Bus(id="hall", name="Hall", kind="return", strip=Strip(inserts=(hall,)))
    strip = Strip(fader_db=-math.inf, sends=(Send(bus="hall", level_db=0, pre_fader=True),))
    late = Audio.silence(2, LENGTH, RATE_HZ)
    late.samples[:, -1] = 1.0
    mix = renderer(song_of([track("a", strip)], buses=(bus,)), {"a": late, "ir": response}).mix()
    assert mix.length_samples >= LENGTH - 1 + 2_900
    heard = mix.span(LENGTH - 1, LENGTH - 1 + 3_000)
    assert np.abs(heard.samples - response.samples).max() < 1e-4


def test_what_rings_on_ends_where_it_is_too_faint_to_hear_and_never_before_the_sound() -> None:
    echo = (Insert(name="delay", processor=Delay(time_s=0.05, feedback=0.5, low_cut_hz=20)),)
    bus = Bus(id="echo", name="Echo", kind="return", strip=Strip(inserts=echo))
    faint = Audio.of(impulse().samples * np.float32(0.002), RATE_HZ)
    ends = []
    for sound in (impulse(), faint):
        strip = Strip(sends=(Send(bus="echo", level_db=0),))
        mix = renderer(song_of([track("a", strip)], buses=(bus,)), {"a": sound}).mix()
        ends.append(mix.length_samples)
        assert mix.length_samples >= LENGTH
        if mix.length_samples > LENGTH:
            assert 20 * math.log10(np.abs(mix.samples[:, -200:]).max()) > -95
    assert ends[0] > ends[1]


def test_muted_tracks_and_their_sends_are_gone() -> None:
    song, sounds = full_song()
    silent = song
    for each in song.tracks:
        silent = silent.with_strip(each.id, Strip(mute=True, sends=(Send(bus="room", level_db=0, pre_fader=True),)))
    assert renderer(silent, sounds).mix().length_samples == 0 or not renderer(silent, sounds).mix().samples.any()


def test_buses_in_a_circle_are_refused() -> None:
    buses = (
        Bus(id="a", name="A", kind="group", strip=Strip(output="b")),
        Bus(id="b", name="B", kind="group", strip=Strip(output="a")),
    )
    with pytest.raises(InputError, match="circle"):
        renderer(song_of([track("t", Strip())], buses=buses), {"t": noise(1)}).mix()


def test_surround_stems_are_refused_by_name() -> None:
    with pytest.raises(InputError, match="6 channels"):
        renderer(song_of([track("t", Strip())]), {"t": noise(1, channels=6)}).mix()


def test_other_rates_are_converted_to_the_songs() -> None:
    time = np.arange(44_100) / 44_100
    slow = Audio.of(0.5 * np.sin(2 * np.pi * 1000 * time)[None], 44_100)
    song = song_of([track("a", Strip(pan=-1), 48_000)])
    left = renderer(song, {"a": slow}).mix().samples[0]
    assert left.size == 48_000
    wanted = 0.5 * np.sin(2 * np.pi * 1000 * np.arange(48_000) / 48_000)
    assert np.abs(left[2000:-2000] - wanted[2000:-2000]).max() < 1e-4


def test_cancelled_work_stops_the_render() -> None:
    song, sounds = full_song()
    work = Work()
    work.cancel()
    with pytest.raises(Cancelled):
        renderer(song, sounds, work=work).mix()


def test_keys_are_equal_exactly_when_what_they_say_is_equal() -> None:
    assert content_key("a", 1, Strip()) == content_key("a", 1, Strip())
    assert content_key("a", 1, Strip()) != content_key("a", 1, Strip(inserts=CHAIN))
    assert content_key("ab", "c") != content_key("a", "bc")
