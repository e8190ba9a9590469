"""Everything that is listened for inside one recording, in one pass over its blocks and its shared frames."""

from collections.abc import Iterable
from dataclasses import dataclass

from tapehand.audio import Audio
from tapehand.listening.bandwidth import Bandwidth, BandwidthScan
from tapehand.listening.channel_trace import ChannelTraceScan, PhaseFlips
from tapehand.listening.clicks import Clicks, ClickScan
from tapehand.listening.fake_stereo import FakeStereo, FakeStereoScan
from tapehand.listening.faults import FaultScan, Heard
from tapehand.listening.frames import Frames, FrameStream
from tapehand.listening.gaps import Gaps, GapScan
from tapehand.listening.hum import Hum, HumScan
from tapehand.listening.inter_sample import InterSamplePeaks, InterSampleScan
from tapehand.listening.kinds import kind
from tapehand.listening.noise_floor import NoiseFloor, noise_floor
from tapehand.listening.resonances import Resonances, ResonanceScan
from tapehand.listening.roles import UNKNOWN, group_of
from tapehand.listening.screens import screen_of
from tapehand.listening.segments import Segment, SegmentStream
from tapehand.listening.trace import TraceScan
from tapehand.listening.voice_noises import VoiceNoises, voice_noises
from tapehand.listening.wetness import Wetness, WetnessScan
from tapehand.song.finding import Fact, Finding

BLOCK_SAMPLES = 1 << 16


@dataclass(frozen=True, slots=True, kw_only=True)
class RecordingFaults:
    """What one pass told about one recording. Nothing here is a judgement, and nothing changes anything."""

    heard: Heard
    inter_sample: InterSamplePeaks
    clicks: Clicks
    gaps: Gaps
    hum: Hum
    noise: NoiseFloor
    voice: VoiceNoises
    wetness: Wetness
    resonances: Resonances
    bandwidth: Bandwidth
    fake_stereo: FakeStereo
    phase_flips: PhaseFlips

    def findings(self, track: str | None = None, path: str | None = None, role: str = UNKNOWN) -> tuple[Finding, ...]:
        """Those of the first hearing (levels, clipping), then all others."""
        return self.heard.findings(track, path) + self.further_findings(track, path, role)

    def further_findings(
        self, track: str | None = None, path: str | None = None, role: str = UNKNOWN
    ) -> tuple[Finding, ...]:
        """What the first hearing did not tell. Some kinds concern some roles alone: a kick drum has no plosives."""
        if self.heard.levels.is_silent:
            return ()
        everywhere = (
            self.inter_sample,
            self.clicks,
            self.gaps,
            self.hum,
            self.noise,
            self.voice,
            self.wetness,
            self.resonances,
            self.bandwidth,
            self.fake_stereo,
            self.phase_flips,
        )
        found = (finding for each in everywhere for finding in each.findings(track, path))
        asked_already = {finding.kind for finding in self.heard.findings()}
        return tuple(
            finding
            for finding in found
            if concerns(finding.kind, role) and not ("anti_phase" in asked_already and finding.kind == "fake_stereo")
        )

    def facts(self, track: str | None = None, role: str = UNKNOWN) -> tuple[Fact, ...]:
        """The same as measured values and marks, each with its place."""
        if self.heard.levels.is_silent:
            return ()
        everywhere = (
            self.inter_sample,
            self.clicks,
            self.gaps,
            self.hum,
            self.noise,
            self.wetness,
            self.resonances,
            self.bandwidth,
            self.fake_stereo,
            self.phase_flips,
        )
        of_voice = self.voice.facts(track) if concerns("breaths", role) else ()
        return (*(fact for each in everywhere for fact in each.facts(track)), *of_voice)


def concerns(kind_name: str, role: str) -> bool:
    """Whether a kind of finding makes sense for a role: crackle belongs to an effect, and no kick drum has plosives."""
    entry = kind(kind_name)
    groups = entry.get("groups")
    return (groups is None or group_of(role) in groups) and role not in entry.get("except_roles", ())


class RecordingScan:
    """The pass itself, for a recording that arrives in blocks; their sizes do not matter."""

    def __init__(self, channels: int, rate_hz: int) -> None:
        self._rate_hz = rate_hz
        self._grid = FrameStream(rate_hz).grid
        self._heard = FaultScan(channels, rate_hz)
        self._segments = SegmentStream(channels)
        self._inter_sample = InterSampleScan(rate_hz)
        self._clicks = ClickScan(rate_hz)
        self._gaps = GapScan(channels, rate_hz)
        self._fake_stereo = FakeStereoScan(channels, rate_hz)
        self._resonances = ResonanceScan(rate_hz)
        self._hum = HumScan(rate_hz)
        self._channels = ChannelTraceScan(channels, rate_hz)
        self._wetness = WetnessScan(channels, rate_hz)
        self._trace = TraceScan()
        self._bandwidth = BandwidthScan(self._grid)

    def feed(self, block: Audio, frames: Frames) -> None:
        """Take the next stretch and the shared frames that end in it."""
        self._heard.feed(block)
        self._hum.feed(frames.sound)
        self._channels.feed(block)
        self._look_at(self._segments.feed(block.samples))
        self._trace.feed(frames)
        self._bandwidth.feed(frames)

    def finish(self) -> RecordingFaults:
        """What was heard in all that was fed."""
        self._look_at(self._segments.finish())
        trace, channels = self._trace.finish(self._grid), self._channels.finish()
        return RecordingFaults(
            heard=self._heard.finish(),
            inter_sample=self._inter_sample.finish(),
            clicks=self._clicks.finish(),
            gaps=self._gaps.finish(),
            hum=self._hum.finish(),
            noise=noise_floor(trace),
            voice=voice_noises(trace),
            wetness=self._wetness.finish(trace, channels),
            resonances=self._resonances.finish(),
            bandwidth=self._bandwidth.finish(),
            fake_stereo=self._fake_stereo.finish(),
            phase_flips=PhaseFlips(places=channels.flips()),
        )

    def _look_at(self, segments: Iterable[Segment]) -> None:
        for segment in segments:
            screen = screen_of(segment, self._rate_hz)
            self._inter_sample.feed(screen)
            self._clicks.feed(screen)
            self._gaps.feed(screen)
            self._wetness.feed(screen)
            self._fake_stereo.feed(segment)
            self._bandwidth.feed_long(self._resonances.feed(segment))


def listen_closely(audio: Audio) -> RecordingFaults:
    """The whole pass over a recording that is at hand."""
    stream, scan = FrameStream(audio.rate_hz), RecordingScan(audio.channels, audio.rate_hz)
    for start in range(0, audio.length_samples, BLOCK_SAMPLES):
        block = audio.span(start, min(start + BLOCK_SAMPLES, audio.length_samples))
        scan.feed(block, stream.feed(block))
    scan.feed(audio.span(0, 0), stream.finish())
    return scan.finish()
