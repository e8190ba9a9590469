"""The song as engines and auditions see it: read-only, renderable, picklable."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from tapehand.app.studio import Studio
from tapehand.audio import Audio
from tapehand.errors import InputError
from tapehand.ports.song_store import SongStore, SourceReader
from tapehand.render.cache import NoCache, RenderCache
from tapehand.render.renderer import Renderer
from tapehand.render.sounds import Sound
from tapehand.song.finding import Fact, Finding
from tapehand.song.fold import SongState
from tapehand.song.op import Op, apply_all
from tapehand.song.region import Span
from tapehand.song.song import Song
from tapehand.song.source import Source
from tapehand.work import Work


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredView:
    """A ``ports.engine.SongView`` of a song in a store, as it stood when the view was taken."""

    state: Song
    sources: Mapping[str, Source]
    read: SourceReader
    facts: tuple[Fact, ...] = ()
    findings: tuple[Finding, ...] = ()
    vision: str = ""
    cache: RenderCache = field(default_factory=NoCache)
    build: str = ""
    threads: int = 1

    def audio(self, track: str, span: Span | None = None) -> Audio:
        """What lies on a track, before any insert: regions placed and played, at the song's rate, from sample 0."""
        return _cut(self.renderer().played(track), span)

    def render(self, ops: Sequence[Op] = (), span: Span | None = None) -> Audio:
        """The mix (before the master chain) as it would sound with ``ops`` applied."""
        return _cut(self.renderer(ops).mix(), span)

    def renderer(self, ops: Sequence[Op] = (), work: Work | None = None) -> Renderer:
        """A renderer of the song with ``ops`` applied."""
        return Renderer(
            song=apply_all(self.state, ops),
            sources=self,
            before=self.state if ops else None,
            cache=self.cache,
            work=work or Work(),
            build=self.build,
            threads=self.threads,
        )

    def open(self, blob: str) -> Sound | None:
        """As ``render.sounds.Sources``; raises InputError (``song.no_source``)."""
        return self.read.open(self._source(blob))

    def blocks(self, blob: str) -> Iterator[Audio]:
        """As ``render.sounds.Sources``; raises InputError (``song.no_source``)."""
        return self.read.blocks(self._source(blob))

    def _source(self, blob: str) -> Source:
        if blob not in self.sources:
            raise InputError("song.no_source", "The song uses audio that is not in its store", where=blob[:12])
        return self.sources[blob]


@dataclass(frozen=True, slots=True, kw_only=True)
class FileView:
    """A ``SongView`` of finished files: ``sounds`` by track, of which ``mixed`` is the mix itself, bit by bit.

    A reference to be compared with is a further track, of the role ``"reference"``.
    """

    state: Song
    sounds: Mapping[str, Audio]
    mixed: str
    sources: Mapping[str, Source] = field(default_factory=dict)
    facts: tuple[Fact, ...] = ()
    findings: tuple[Finding, ...] = ()
    vision: str = ""

    def audio(self, track: str, span: Span | None = None) -> Audio:
        """The file on that track."""
        return _cut(self.sounds[self.state.track(track).id], span)

    def render(self, ops: Sequence[Op] = (), span: Span | None = None) -> Audio:
        """The finished mix; ``ops`` must fit the song, but a finished file has no faders to move."""
        apply_all(self.state, ops)
        return _cut(self.sounds[self.mixed], span)


def view_of(studio: Studio, store: SongStore) -> StoredView:
    """The view of a song as it stands now."""
    return view_of_state(studio, store.state(), store.media.reader)


def view_of_state(studio: Studio, state: SongState, read: SourceReader) -> StoredView:
    """The view of a song as it stood in ``state``."""
    return StoredView(
        state=song_of(state),
        sources=dict(state.sources),
        read=read,
        facts=tuple(fact for facts in state.facts.values() for fact in facts),
        findings=tuple(finding for findings in state.findings.values() for finding in findings),
        cache=studio.cache,
        build=studio.build,
        threads=studio.threads,
    )


def song_of(state: SongState) -> Song:
    """The song of a state. Raises InputError (``store.empty_log``) for a log that creates none."""
    if state.song is None:
        raise InputError("store.empty_log", "The song's log is empty", hint="Take it from a backup.")
    return state.song


def _cut(audio: Audio, span: Span | None) -> Audio:
    return audio if span is None else audio.span(span.start_samples, span.end_samples)
