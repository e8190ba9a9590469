"""The mastering engine: exact loudness under an exact ceiling, reasons that add up, refusals that say their cost."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import pyebur128
import pytest
import soundfile
from numpy.typing import NDArray
from scipy.signal import resample_poly

from tapehand.audio import Audio
from tapehand.audio.dither import TriangularDither
from tapehand.dsp.chain import run_chains
from tapehand.engines.mastering.chain import apply_chain, work_out
from tapehand.engines.mastering.engine import MasteringEngine
from tapehand.engines.mastering.wishes import make_wishes
from tapehand.errors import Cancelled, InputError, Refused
from tapehand.kernels.pcm import Woven, weave_codes
from tapehand.meters.true_peak import finest_true_peak_dbtp, true_peak_dbtp
from tapehand.ports.engine import Engine
from tapehand.song.brief import Brief, BriefField
from tapehand.song.finding import Fact, Finding
from tapehand.song.op import Op, SetMaster
from tapehand.song.region import Span
from tapehand.song.song import Song, Track
from tapehand.song.source import Source
from tapehand.work import Work

RATE = 44_100


def mix(rng: np.random.Generator, seconds: float = 4.0, channels: int = 2) -> Audio:
    """Hits over a bass and a bed: peaks 15 dB above the loudness."""
    n = np.arange(int(seconds * RATE))
    bass = 0.2 * np.sin(2 * np.pi * 65 * n / RATE) * (n % 22_050 < 16_000)
    hits = rng.standard_normal(n.size) * np.exp(-(n % 11_025) / 900) * 0.4
    bed = rng.standard_normal((channels, n.size)) * 0.03
    return Audio.of(0.3 * (bass + np.convolve(hits, np.hanning(7) / 4, "same") + bed), RATE)


def delivered(audio: Audio) -> Audio:
    """What a 24-bit file holds of it."""
    random = TriangularDither(3).random((audio.length_samples, audio.channels))
    woven = weave_codes(audio.samples, 0, audio.length_samples, 24, 4, random)
    assert isinstance(woven, Woven)
    codes = woven.payload.view(np.int32).reshape(-1, audio.channels) >> 8
    return Audio.of(codes.T / 2.0**23, audio.rate_hz)


def peer_lufs(audio: Audio) -> float:
    state = pyebur128.R128State(audio.channels, audio.rate_hz, pyebur128.MeasurementMode.MODE_I)
    state.add_frames(np.ascontiguousarray(audio.samples.T).ravel(), audio.length_samples)
    return float(pyebur128.get_loudness_global(state))


def peer_true_peak_dbtp(audio: Audio) -> float:
    state = pyebur128.R128State(audio.channels, audio.rate_hz, pyebur128.MeasurementMode.MODE_TRUE_PEAK)
    state.add_frames(np.ascontiguousarray(audio.samples.T).ravel(), audio.length_samples)
    return 20 * math.log10(max(pyebur128.get_true_peak(state, channel) for channel in range(audio.channels)))


def assert_delivers(audio: Audio, target_lufs: float, ceiling_dbtp: float) -> None:
    assert peer_lufs(audio) == pytest.approx(target_lufs, abs=0.05)
    assert true_peak_dbtp(audio) <= ceiling_dbtp
    assert finest_true_peak_dbtp(audio) <= ceiling_dbtp
    assert peer_true_peak_dbtp(audio) <= ceiling_dbtp
    independent = np.abs(resample_poly(audio.samples.astype(np.float64), 16, 1, axis=1)).max()
    # No filter of the named set: its own ripple is 0.006 dB.
    assert 20 * math.log10(float(independent)) <= ceiling_dbtp + 0.01


@dataclass(frozen=True, kw_only=True)
class View:
    """A song of one sound, and perhaps a reference."""

    premaster: Audio
    reference: Audio | None = None
    sources: Mapping[str, Source] = field(default_factory=dict)
    facts: Sequence[Fact] = ()
    findings: Sequence[Finding] = ()
    vision: str = ""

    @property
    def state(self) -> Song:
        tracks = (Track(id="ref", name="ref", role="reference"),) if self.reference is not None else ()
        return Song(name="song", rate_hz=self.premaster.rate_hz, tracks=tracks)

    def audio(self, track: str, span: Span | None = None) -> Audio:
        assert track == "ref"
        assert self.reference is not None
        return self.reference

    def render(self, ops: Sequence[Op] = (), span: Span | None = None) -> Audio:
        return self.premaster


def said(**fields: float | str | bool) -> Brief:
    return Brief(fields=tuple(BriefField(name=name, value=value, origin="said") for name, value in fields.items()))


@pytest.mark.parametrize(("channels", "target_lufs"), [(1, -23.0), (1, -14.0), (2, -14.0), (2, -9.0)])
def test_the_delivered_file_has_the_loudness_and_the_ceiling(
    rng: np.random.Generator, channels: int, target_lufs: float
) -> None:
    made = work_out(mix(rng, channels=channels), make_wishes(lufs=target_lufs), Work())
    assert made.master.channels == channels
    assert_delivers(delivered(made.master), target_lufs, -1.0)


def test_stages_add_up_and_the_chain_replays_to_the_same_bits(rng: np.random.Generator) -> None:
    premaster = mix(rng)
    made = work_out(premaster, make_wishes(lufs=-11.0), Work())
    moved = made.after.integrated_lufs - made.before.integrated_lufs
    assert math.fsum(stage.delta_lu for stage in made.stages) == pytest.approx(moved, abs=0.001)
    assert np.array_equal(apply_chain(premaster, made.inserts).samples, made.master.samples)
    assert len({insert.name for insert in made.inserts}) == len(made.inserts)


@pytest.mark.parametrize(("rate_hz", "ceiling_dbtp"), [(96_000, -1.0), (48_000, -2.5)])
def test_other_rates_and_ceilings(rng: np.random.Generator, rate_hz: int, ceiling_dbtp: float) -> None:
    premaster = Audio(mix(rng, 4.0).samples, rate_hz)
    made = work_out(premaster, make_wishes(lufs=-12.0, ceiling_dbtp=ceiling_dbtp), Work())
    assert_delivers(delivered(made.master), -12.0, ceiling_dbtp)


def _sine(length: int) -> NDArray[np.float64]:
    return 0.3 * np.sin(2 * np.pi * 60 * np.arange(length) / RATE)


@pytest.mark.parametrize("kind", ["bass", "noise", "one impulse", "clipped"])
def test_stress_signals_at_minus_fourteen(rng: np.random.Generator, kind: str) -> None:
    length = 3 * RATE
    quiet = rng.standard_normal((2, length)) * 0.02
    signal = {
        "bass": np.stack([_sine(length)] * 2),
        "noise": quiet * 5,
        "one impulse": quiet + (np.arange(length) == RATE) * 1.0,
        "clipped": np.clip(rng.standard_normal((2, length)), -0.5, 0.5),
    }[kind]
    made = work_out(Audio.of(signal, RATE), make_wishes(accept_cost=True), Work())
    audio = delivered(made.master)
    assert peer_lufs(audio) == pytest.approx(-14.0, abs=0.05)
    assert true_peak_dbtp(audio) <= -1.0
    assert finest_true_peak_dbtp(audio) <= -1.0


def test_too_loud_is_refused_with_what_it_would_cost_and_what_is_safe(rng: np.random.Generator) -> None:
    premaster = mix(rng)
    with pytest.raises(Refused) as refused:
        work_out(premaster, make_wishes(lufs=-5.0), Work())
    safe_lufs = refused.value.cost["loudest_safe_lufs"]
    assert -14.0 < safe_lufs < -5.0
    assert "dB off the highest peaks" in refused.value.cost["cost"]
    made = work_out(premaster, make_wishes(lufs=safe_lufs), Work())
    assert made.after.integrated_lufs == pytest.approx(safe_lufs, abs=0.05)


def test_an_accepted_cost_goes_further_but_never_misses_silently(rng: np.random.Generator) -> None:
    premaster = mix(rng)
    with pytest.raises(Refused) as refused:
        work_out(premaster, make_wishes(lufs=-5.0), Work())
    beyond = refused.value.cost["loudest_safe_lufs"] + 0.2
    made = work_out(premaster, make_wishes(lufs=beyond, accept_cost=True), Work())
    assert made.after.integrated_lufs == pytest.approx(beyond, abs=0.05)
    with pytest.raises(Refused, match="cannot be made") as missed:
        work_out(Audio.of(premaster.samples[:1], RATE), make_wishes(lufs=-5.0, accept_cost=True), Work())
    assert missed.value.code == "master.out_of_reach"


@pytest.mark.parametrize("samples", [np.zeros((2, RATE)), np.full((2, 200), 0.1), np.zeros((1, 0))])
def test_silence_cannot_be_mastered(samples: NDArray[np.float64]) -> None:
    with pytest.raises(InputError, match="nothing to master"):
        work_out(Audio.of(samples, RATE), make_wishes(), Work())


def test_the_proposal_files_a_chain_with_reasons_and_evidence(rng: np.random.Generator) -> None:
    engine: Engine = MasteringEngine()
    premaster = mix(rng)
    proposal = engine.propose(View(premaster=premaster), said(lufs=-12.0), 0, Work())
    assert engine.propose(View(premaster=premaster), said(lufs=-12.0), 0, Work()) == proposal
    option = proposal.option(proposal.recommended or "")
    (op,) = option.ops
    assert isinstance(op, SetMaster)
    made = run_chains([premaster], [[insert.processor for insert in op.master if insert.on]])[0]
    assert peer_lufs(made) == pytest.approx(-12.0, abs=0.05)
    names = {insert.name for insert in op.master}
    assert {reason.target for reason in option.reasons} == names
    assert names <= {evidence.name for evidence in option.evidence if evidence.unit == "LU"}
    assert proposal.brief is not None
    assert proposal.brief.value("ceiling_dbtp") == -1.0


def test_a_reference_track_is_heard(rng: np.random.Generator) -> None:
    premaster = mix(rng)
    bright = Audio.of(np.diff(premaster.samples, axis=1, prepend=0.0), RATE)
    view = View(premaster=premaster, reference=bright)
    proposal = MasteringEngine().propose(view, said(strength_percent=100.0, match="eq"), 0, Work())
    tone = next(reason.text for reason in proposal.options[0].reasons if reason.target == "tone")
    assert "Towards the reference" in tone
    assert [option.id for option in proposal.options] == ["as-asked", "level-only"]


def test_cancelled_work_stops(rng: np.random.Generator) -> None:
    work = Work()
    work.cancel()
    with pytest.raises(Cancelled):
        MasteringEngine().propose(View(premaster=mix(rng, 2.0)), said(), 0, work)


@pytest.mark.parametrize("name", ["Karissa_Hobbs", "Kevin_MacLeod", "Hungarian_Dance", "sorohanro"])
@pytest.mark.parametrize("target_lufs", [-14.0, -9.0])
def test_real_songs_at_streaming_and_club_loudness(material: Path, name: str, target_lufs: float) -> None:
    (path,) = material.joinpath("songs").glob(f"{name}*")
    frames, rate_hz = soundfile.read(path, dtype="float32", always_2d=True, frames=8 * 44_100)
    made = work_out(Audio.of(frames.T, rate_hz), make_wishes(lufs=target_lufs, accept_cost=True), Work())
    assert_delivers(delivered(made.master), target_lufs, -1.0)
