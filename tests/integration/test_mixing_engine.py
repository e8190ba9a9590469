"""The mixing engine on whole sessions, through the real renderer."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import pytest

from tapehand.audio import Audio
from tapehand.audio.io import read
from tapehand.engines.mixing.engine import MixingEngine
from tapehand.errors import Cancelled, InputError
from tapehand.meters.loudness import integrated_lufs
from tapehand.meters.summary import measure
from tapehand.ports.engine import Engine
from tapehand.render.renderer import Renderer
from tapehand.render.sounds import HeldSources
from tapehand.song.brief import Brief, BriefField
from tapehand.song.finding import Fact, Finding
from tapehand.song.mixer import net_gain_db
from tapehand.song.op import Op, SetFader, SetMute, SetRole, apply_all
from tapehand.song.proposal import Option, Proposal
from tapehand.song.region import AudioRegion, Span
from tapehand.song.song import Song, Track
from tapehand.song.source import Source
from tapehand.work import Work

RATE_HZ = 44_100
SECONDS = 10


@dataclass(frozen=True)
class View:
    """A song whose sources are in memory."""

    state: Song
    sounds: Mapping[str, Audio]
    sources: Mapping[str, Source] = field(default_factory=dict)
    facts: Sequence[Fact] = ()
    findings: Sequence[Finding] = ()
    vision: str = ""

    def audio(self, track: str, span: Span | None = None) -> Audio:
        assert span is None
        return self._renderer(()).played(track)

    def render(self, ops: Sequence[Op] = (), span: Span | None = None) -> Audio:
        assert span is None
        return self._renderer(ops).mix()

    def _renderer(self, ops: Sequence[Op]) -> Renderer:
        return Renderer(song=apply_all(self.state, ops), sources=HeldSources(self.sounds.__getitem__))


def view_of(sounds: Mapping[str, Audio]) -> View:
    rate_hz = next(iter(sounds.values())).rate_hz
    tracks = tuple(
        Track(
            id=f"t{index:02d}",
            name=name,
            regions=(AudioRegion(source=name, start_samples=0, length_samples=audio.length_samples),),
        )
        for index, (name, audio) in enumerate(sounds.items())
    )
    return View(Song(name="session", rate_hz=rate_hz, tracks=tracks), sounds)


def part(rng: np.random.Generator, pitch_hz: float, noise: float, decay_s: float, level_db: float) -> Audio:
    """Struck notes or hits, four a second."""
    length = SECONDS * RATE_HZ
    line = np.zeros(length)
    time_s = np.arange(RATE_HZ // 4) / RATE_HZ
    for start in range(0, length, RATE_HZ // 4):
        tone = sum(np.sin(2 * np.pi * pitch_hz * k * time_s) / k for k in (1, 2, 3))
        hit = ((1 - noise) * tone + noise * rng.standard_normal(time_s.size)) * np.exp(-time_s / decay_s)
        line[start : start + hit.size] += hit * rng.uniform(0.5, 1.0)
    audio = Audio.of(line[None, :], RATE_HZ)
    return scaled(audio, level_db - integrated_lufs(audio))


def scaled(audio: Audio, gain_db: float) -> Audio:
    return Audio.of(audio.samples * np.float32(10.0 ** (gain_db / 20.0)), audio.rate_hz)


PARTS = {
    "Lead Vox": (300.0, 0.1, 0.4, -21.0),
    "Kick": (52.0, 0.02, 0.08, -24.0),
    "Snare": (190.0, 0.7, 0.06, -25.0),
    "HiHat": (6000.0, 0.95, 0.02, -34.0),
    "Bass DI": (60.0, 0.0, 0.5, -26.0),
    "Gtr 1": (220.0, 0.1, 0.3, -28.0),
    "Gtr 2": (277.0, 0.1, 0.3, -29.0),
    "Piano": (440.0, 0.0, 0.5, -30.0),
}


@pytest.fixture(scope="module")
def band() -> dict[str, Audio]:
    rng = np.random.default_rng(7)
    return {name: part(rng, *shape) for name, shape in PARTS.items()}


def propose(view: View, **fields: str | float) -> Proposal:
    brief = Brief(fields=tuple(BriefField(name=name, value=value, origin="said") for name, value in fields.items()))
    return MixingEngine().propose(view, brief, 0, Work())


def gains(view: View, option: Option) -> dict[str, float]:
    mixed = apply_all(view.state, option.ops)
    return {track.name: net_gain_db(track.strip) for track in mixed.tracks}


def lead_ratio(option: Option) -> float:
    return next(each.after for each in option.evidence if each.name == "lead to accompaniment") or math.nan


def test_it_is_an_engine() -> None:
    assert isinstance(MixingEngine(), Engine)
    assert MixingEngine().describe().kind == "mixing"


def test_options_differ_audibly_and_none_clips(band: dict[str, Audio]) -> None:
    view = view_of(band)
    proposal = propose(view)
    assert len(proposal.options) == 3
    assert proposal.recommended == "as-it-came"
    ratios = {option.id: lead_ratio(option) for option in proposal.options}
    assert ratios["forward"] - ratios["as-it-came"] >= 1.0
    assert ratios["as-it-came"] - ratios["punch"] >= 1.0
    for option in proposal.options:
        meter = measure(view.render(option.ops))
        assert meter.true_peak_dbtp <= -6.0
        foretold = next(each.after for each in option.evidence if each.name == "loudness")
        assert meter.integrated_lufs == pytest.approx(foretold, abs=0.7)


def test_every_track_that_moves_has_a_reason_with_a_number(band: dict[str, Audio]) -> None:
    for option in propose(view_of(band)).options:
        for track in view_of(band).state.tracks:
            texts = [reason.text for reason in option.reasons if reason.target == track.id]
            assert any(text.startswith("Level") and any(c.isdigit() for c in text) for text in texts)


def test_a_sane_balance_is_kept(band: dict[str, Audio]) -> None:
    view = view_of(band)
    moved = gains(view, propose(view).option("as-it-came"))
    values = list(moved.values())
    mean = sum(values) / len(values)
    assert math.sqrt(sum((value - mean) ** 2 for value in values) / len(values)) <= 1.5


def test_mixing_the_mix_moves_no_fader(band: dict[str, Audio]) -> None:
    thrown = {
        name: scaled(audio, gain)
        for (name, audio), gain in zip(band.items(), (9, -8, 6, 11, -10, 3, -5, 8), strict=True)
    }
    view = view_of(thrown)
    first = propose(view).option("as-it-came")
    mixed = apply_all(view.state, first.ops)
    faders = {track.name: track.strip.fader_db for track in mixed.tracks}
    printed = {name: scaled(audio, faders[name] + mixed.mix.fader_db) for name, audio in thrown.items()}
    again = propose(view_of(printed)).option("as-it-came")
    remixed = apply_all(view_of(printed).state, again.ops)
    assert max(abs(track.strip.fader_db) for track in remixed.tracks) < 0.5


def test_proposing_again_on_an_accepted_mix_moves_no_fader(band: dict[str, Audio]) -> None:
    view = view_of(band)
    accepted = View(apply_all(view.state, propose(view).option("as-it-came").ops), band)
    again = apply_all(accepted.state, propose(accepted).option("as-it-came").ops)
    for before, after in zip(accepted.state.tracks, again.tracks, strict=True):
        assert after.strip.fader_db == pytest.approx(before.strip.fader_db, abs=0.5)


def test_order_of_tracks_decides_nothing(band: dict[str, Audio]) -> None:
    view, turned = view_of(band), view_of(dict(reversed(band.items())))
    for option in propose(view).options:
        other = propose(turned).option(option.id)
        assert gains(view, option) == gains(turned, other)
        pans = [
            {t.name: t.strip.pan for t in apply_all(v.state, o.ops).tracks}
            for v, o in ((view, option), (turned, other))
        ]
        assert pans[0] == pans[1]


def test_same_song_same_proposal(band: dict[str, Audio]) -> None:
    assert propose(view_of(band)) == propose(view_of(band))


def test_click_rough_mix_and_silence(band: dict[str, Audio]) -> None:
    whole = Audio.of(np.sum([audio.samples for audio in band.values()], axis=0), RATE_HZ)
    sounds = {
        **band,
        "Click": band["HiHat"],
        "Rough Mix": whole,
        "Empty": Audio.silence(2, SECONDS * RATE_HZ, RATE_HZ),
    }
    view = view_of(sounds)
    proposal = propose(view)
    option = proposal.option("as-it-came")
    muted = {op.target for op in option.ops if isinstance(op, SetMute) and op.mute}
    assert muted == {"t08", "t09"}
    assert not any(isinstance(op, SetFader) and op.target == "t10" for op in option.ops)
    assert any("silent" in reason.text for reason in option.reasons if reason.target == "t10")
    assert gains(view_of(band), propose(view_of(band)).option("as-it-came")) == {
        name: gain for name, gain in gains(view, option).items() if name in band
    }


def test_without_a_voice_an_instrument_leads(band: dict[str, Audio]) -> None:
    proposal = propose(view_of({name: audio for name, audio in band.items() if name != "Lead Vox"}))
    assert proposal.option("forward").name == "Lead forward"
    assert lead_ratio(proposal.option("forward")) - lead_ratio(proposal.option("as-it-came")) >= 1.0


def test_names_that_say_nothing_are_mixed_cautiously(band: dict[str, Audio]) -> None:
    view = view_of({f"Audio {index:02d}": audio for index, audio in enumerate(band.values())})
    proposal = propose(view)
    roles = [op for op in proposal.options[0].ops if isinstance(op, SetRole)]
    assert all(op.role_confidence <= 0.6 for op in roles)
    assert len(proposal.not_made) == len(band)


@pytest.mark.parametrize("names", [["Kick"], ["Lead Vox"], ["Audio 1"], ["Gtr 1", "Lead Vox"]])
def test_small_sessions(band: dict[str, Audio], names: list[str]) -> None:
    sounds = {name: list(band.values())[index] for index, name in enumerate(names)}
    view = view_of(sounds)
    for option in propose(view).options:
        assert measure(view.render(option.ops)).true_peak_dbtp <= -6.0


def test_no_amount_moves_no_fader(band: dict[str, Audio]) -> None:
    view = view_of(band)
    for option in propose(view, amount=0.0).options:
        assert set(gains(view, option).values()) == {0.0}


def test_a_genre_moves_the_lead_where_levels_say_nothing(band: dict[str, Audio]) -> None:
    level = {
        name: scaled(audio, -1.0 - 20 * math.log10(float(np.abs(audio.samples).max()))) for name, audio in band.items()
    }
    metal, country = (propose(view_of(level), genre=genre).option("as-it-came") for genre in ("metal", "country"))
    assert lead_ratio(country) - lead_ratio(metal) == pytest.approx(5.0, abs=0.2)


def test_nothing_to_mix_is_told() -> None:
    with pytest.raises(InputError) as told:
        propose(view_of({"Kick": Audio.silence(1, RATE_HZ, RATE_HZ), "Vox": Audio.silence(2, 0, RATE_HZ)}))
    assert told.value.code == "mix.nothing_sounds"


def test_an_amount_beyond_all_is_refused(band: dict[str, Audio]) -> None:
    with pytest.raises(InputError):
        propose(view_of({"Kick": band["Kick"]}), amount=250.0)


def test_it_stops_when_asked(band: dict[str, Audio]) -> None:
    work = Work()
    work.cancel()
    with pytest.raises(Cancelled):
        MixingEngine().propose(view_of(band), Brief(), 0, work)


def test_a_second_microphone_that_is_late_and_turned_is_told(band: dict[str, Audio]) -> None:
    late = -np.roll(band["Snare"].samples, 60, axis=1) * np.float32(0.8)
    view = view_of({**band, "Snare Bottom": Audio.of(late, RATE_HZ)})
    mixed = apply_all(view.state, propose(view).option("as-it-came").ops)
    strips = {track.name: track.strip for track in mixed.tracks}
    assert strips["Snare Bottom"].polarity == -strips["Snare"].polarity
    assert strips["Snare"].delay_samples - strips["Snare Bottom"].delay_samples == pytest.approx(60, abs=4)
    others = [strip for name, strip in strips.items() if not name.startswith("Snare")]
    assert all(strip.polarity == 1 and strip.delay_samples == 0 for strip in others)


def test_real_sessions(material: Path) -> None:
    for session, rendered in (("ev3-potassium", False), ("waveform-playlist-band", True)):
        sounds = {path.stem: read(path) for path in sorted((material / "multitrack" / session).iterdir())}
        view = view_of(sounds)
        proposal = propose(view)
        ratios = [lead_ratio(option) for option in proposal.options]
        assert min(ratios[0] - ratios[1], ratios[1] - ratios[2]) >= 1.0
        option = proposal.option("as-it-came")
        mixed = apply_all(view.state, option.ops)
        assert all(track.strip.polarity == 1 and track.strip.delay_samples == 0 for track in mixed.tracks)
        assert max(abs(gain) for gain in gains(view, option).values()) < 2.0
        if rendered:
            assert measure(view.render(option.ops)).true_peak_dbtp <= -6.0
