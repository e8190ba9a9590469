"""Ten thousand things that may happen to a song, in an order nobody chose: only decisions of people change it."""

import contextlib
import hashlib
import random
import struct
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import get_args

import pytest

from tapehand.errors import Conflict, InputError, Refused
from tapehand.music.form import Section
from tapehand.music.key import Key
from tapehand.music.notes import Note
from tapehand.music.time import TempoMap
from tapehand.ports.song_store import MediaPool
from tapehand.song.arrange import solo_within, transposed
from tapehand.song.event import (
    AudioAdded,
    Body,
    Decided,
    Edited,
    Event,
    FindingsNoted,
    ProposalFiled,
    SongCreated,
    Undone,
)
from tapehand.song.fold import SongState, fold
from tapehand.song.lock import Lock, Moment
from tapehand.song.mixer import Automation, AutomationPoint, Bus, Insert, Send
from tapehand.song.op import (
    AddBus,
    AddTrack,
    Op,
    RemoveBus,
    RemoveTrack,
    SetAutomation,
    SetAutomationWithin,
    SetDelay,
    SetFader,
    SetGrid,
    SetInserts,
    SetKey,
    SetLock,
    SetMaster,
    SetMoment,
    SetMute,
    SetMuted,
    SetMutedWithin,
    SetOutput,
    SetPan,
    SetPolarity,
    SetRegions,
    SetRole,
    SetSections,
    SetSends,
    SetText,
)
from tapehand.song.processors import Gain
from tapehand.song.proposal import Option, Proposal
from tapehand.song.provenance import Provenance
from tapehand.song.rearrange import at_tempo, rearranged, removed, repeated, swapped, with_empty_bars
from tapehand.song.region import AudioRegion, NoteRegion, Patch, Span
from tapehand.song.song import Song, Track
from tapehand.store.codecs import canonical, codec
from tapehand.store.song_folder import create_song_folder

SONGS, OPERATIONS = 20, 500
TRACKS = tuple(f"t{number:02d}" for number in range(1, 9))
BUSES = ("b01", "b02")
BAR = 4 * 960
PROVENANCE = Provenance(engine="test", version="1", maker="machine")
START = Song(
    name="s",
    rate_hz=44_100,
    grid=TempoMap.steady(120.0),
    sections=(
        Section(name="A", kind="verse", start_bar=1, bars=2),
        Section(name="B", kind="hook", start_bar=3, bars=2),
    ),
    tracks=tuple(Track(id=each, name=each) for each in TRACKS),
    buses=tuple(Bus(id=each, name=each, kind="return") for each in BUSES),
)


def state_hash(state: SongState) -> str:
    return hashlib.sha256(canonical(codec().encode(state.song)).encode()).hexdigest()


def some_ops(song: Song, chance: random.Random) -> tuple[Op, ...]:
    """Ops of every kind there is, and bars in another order; not all of them fit."""
    if chance.random() < 0.15:
        return rearranged_somehow(song, chance)
    return tuple(chance.choice(MAKERS)(chance) for _ in range(chance.randint(1, 3)))


def rearranged_somehow(song: Song, chance: random.Random) -> tuple[Op, ...]:
    section = chance.choice(song.sections or START.sections)
    return chance.choice(
        (
            lambda: rearranged(song, repeated(section)),
            lambda: rearranged(song, removed(section)),
            lambda: rearranged(song, swapped(section, chance.choice(song.sections or START.sections))),
            lambda: rearranged(song, with_empty_bars(section.start_bar, chance.randint(1, 4))),
            lambda: transposed(song, chance.sample(TRACKS, 2), section, chance.randint(-2, 2)),
            lambda: at_tempo(song, chance.uniform(60, 180), section),
            lambda: solo_within(song, chance.sample(TRACKS, 2), some_span(chance)),
        )
    )()


def some_span(chance: random.Random) -> Span:
    start = chance.randrange(100_000)
    return Span(start_samples=start, end_samples=start + chance.randint(1, 50_000))


def some_points(chance: random.Random) -> tuple[AutomationPoint, ...]:
    places = sorted(chance.sample(range(100_000), 3))
    return tuple(AutomationPoint(at_samples=at, value=chance.uniform(-1, 0)) for at in places)


def some_target(chance: random.Random) -> str:
    return chance.choice((*TRACKS, "b01", "b02", "mix"))


def some_region(chance: random.Random) -> AudioRegion | NoteRegion:
    if chance.random() < 0.2:
        return AudioRegion(source="a" * 64, start_samples=chance.randrange(90_000), length_samples=40_000)
    notes = tuple(
        Note(start_tick=chance.randrange(4 * BAR), length_ticks=500, pitch=chance.randint(20, 110)) for _ in range(4)
    )
    return NoteRegion(
        start_tick=BAR * chance.randrange(3), length_ticks=4 * BAR, notes=notes, patch=Patch(instrument="x")
    )


def some_setting_within(chance: random.Random) -> Op:
    span = some_span(chance)
    at = chance.randrange(span.start_samples, span.end_samples)
    points = (AutomationPoint(at_samples=at, value=chance.uniform(-1, 0)),)
    return SetAutomationWithin(target=some_target(chance), parameter="pan", span=span, points=points)


def some_section(chance: random.Random) -> Section:
    return Section(name=chance.choice("ABCD"), kind="verse", start_bar=chance.randint(1, 12), bars=chance.randint(1, 4))


MAKERS: tuple[Callable[[random.Random], Op], ...] = (
    lambda chance: SetFader(target=some_target(chance), fader_db=chance.uniform(-30, 6)),
    lambda chance: SetPan(target=some_target(chance), pan=chance.uniform(-1, 1)),
    lambda chance: SetPolarity(target=some_target(chance), polarity=chance.choice((1, -1))),
    lambda chance: SetDelay(target=some_target(chance), delay_samples=chance.randrange(100)),
    lambda chance: SetMute(target=some_target(chance), mute=chance.random() < 0.5),
    lambda chance: SetInserts(
        target=some_target(chance), inserts=(Insert(name="trim", processor=Gain(gain_db=chance.uniform(-6, 6))),)
    ),
    lambda chance: SetSends(target=chance.choice(TRACKS), sends=(Send(bus=chance.choice(BUSES), level_db=-12.0),)),
    lambda chance: SetOutput(target=chance.choice(TRACKS), output=chance.choice((*BUSES, "mix"))),
    lambda chance: SetAutomation(
        target=some_target(chance), automation=(Automation(parameter="fader_db", points=some_points(chance)),)
    ),
    some_setting_within,
    lambda chance: SetMuted(target=some_target(chance), muted=(some_span(chance),)),
    lambda chance: SetMutedWithin(target=some_target(chance), span=some_span(chance), muted=(some_span(chance),)),
    lambda chance: SetGrid(grid=TempoMap.steady(chance.uniform(60, 180))),
    lambda chance: SetKey(key=chance.choice((None, Key(tonic=chance.randrange(12), mode="minor")))),
    lambda chance: SetSections(sections=(Section(name="E", kind="hook", start_bar=1, bars=3), some_section(chance))),
    lambda chance: SetMaster(master=(Insert(name="trim", processor=Gain(gain_db=chance.uniform(-6, 0))),)),
    lambda chance: SetRole(track=chance.choice(TRACKS), role="kick", group="drums", role_confidence=chance.random()),
    lambda chance: SetRegions(track=chance.choice(TRACKS), regions=(some_region(chance),)),
    lambda chance: AddTrack(track=Track(id=f"n{chance.randrange(9)}", name="new"), index=chance.randrange(3)),
    lambda chance: RemoveTrack(track=f"n{chance.randrange(9)}"),
    lambda chance: AddBus(bus=Bus(id=chance.choice(BUSES), name="Room", kind="return")),
    lambda chance: RemoveBus(bus=chance.choice(BUSES)),
    lambda chance: SetText(name=chance.choice(("title", "notes")), text=chance.choice((None, "words"))),
    lambda chance: SetMoment(id="m1", moment=Moment(id="m1", track="t08", span=some_span(chance), kept=False)),
)


def some_body(state: SongState, chance: random.Random) -> Body:
    """Anything that may be tried, whether or not it can be done."""
    assert state.song is not None
    kind = chance.randrange(8)
    number = chance.randint(max(len(state.proposals) - 5, 1), len(state.proposals) + 1)
    if kind <= 1:
        option = Option(id="a", name="A", why="", ops=some_ops(state.song, chance))
        proposal = Proposal(kind="mix", question="?", options=(option,), provenance=PROVENANCE)
        return ProposalFiled(proposal=proposal, base_event=state.head)
    if kind == 2:
        return FindingsNoted(scope=chance.choice("abc"), findings=())
    if kind <= 4:
        verdict = chance.choice(("accept", "reject", "later"))
        return Decided(number=number, verdict=verdict, option="a" if verdict == "accept" else None)  # type: ignore[arg-type]
    if kind == 5 and state.changes:
        change = state.changes[-1]
        return Undone(undone=change.event, ops=change.undo)
    if kind == 6 and chance.random() < 0.05:
        lock = Lock(id="l1", target=chance.choice(TRACKS)) if chance.random() < 0.5 else None
        return Edited(ops=(SetLock(id="l1", lock=lock),))
    return Edited(ops=some_ops(state.song, chance))


@pytest.mark.parametrize("seed", range(SONGS))
def test_only_accepting_editing_and_undoing_change_the_song(seed: int) -> None:
    chance = random.Random(seed)
    first = SongCreated(song=START)
    events = [event_after(SongState(), first)]
    state = fold(events)
    before_change: dict[str, str] = {}
    now, refused = state_hash(state), 0
    for _ in range(OPERATIONS):
        try:
            body = some_body(state, chance)
        except InputError:  # such as bars that cannot be moved: told before anything is written
            refused += 1
            continue
        event = event_after(state, body)
        try:
            after = fold([event], state)
        except (Conflict, Refused, InputError):
            refused += 1
            continue
        was, now = now, state_hash(after)
        changing = isinstance(body, Edited | Undone) or (isinstance(body, Decided) and body.verdict == "accept")
        assert changing or now == was
        if isinstance(body, Undone) and body.undone in before_change:
            assert now == before_change[body.undone]
        before_change[event.id] = was
        state = after
        events.append(event)
    assert refused > OPERATIONS // 20
    assert len(events) + refused == OPERATIONS + 1
    assert state_hash(fold(events)) == now
    half = len(events) // 2
    assert fold(events) == fold(events[half:], fold(events[:half]))


def event_after(state: SongState, body: Body) -> Event:
    seq = state.length + 1
    return Event(seq=seq, id=f"e{seq}", parent=state.head, body=body, actor="Ann", actor_kind="person", at_s=float(seq))


def test_every_op_there_is_takes_part() -> None:
    chance = random.Random(1)
    made = {type(make(chance)) for make in MAKERS} | {SetLock}
    assert made == set(get_args(Op))


def test_no_source_byte_changes_whatever_is_tried(tmp_path: Path) -> None:
    """The same life in a song on disk, with recordings in it: neither they nor what they came from are touched."""
    stems = tmp_path / "stems"
    stems.mkdir()
    for number, track in enumerate(TRACKS):
        (stems / f"{track}.wav").write_bytes(pcm_file(number))
    path, chance = tmp_path / "s.tapehand", random.Random(5)

    def first(pool: MediaPool) -> list[Body]:
        sources = [pool.add_file(file) for file in sorted(stems.iterdir())]
        regions = (AudioRegion(source=source.blob, start_samples=0, length_samples=100) for source in sources)
        tracks = tuple(replace(track, regions=(region,)) for track, region in zip(START.tracks, regions, strict=True))
        return [SongCreated(song=replace(START, tracks=tracks)), *(AudioAdded(source=source) for source in sources)]

    with create_song_folder(path, first, actor="Ann") as song:
        before = {file: file.read_bytes() for folder in (stems, path / "audio") for file in folder.rglob("*.wav")}
        done = 0
        for _ in range(300):
            with contextlib.suppress(Conflict, Refused, InputError):
                song.append([some_body(song.state(), chance)], actor="Ann", actor_kind="person")
                done += 1
        assert done > 100
        assert song.state() == fold(song.events())
        assert list(song.media.reader.unsound(song.state().sources.values())) == []
    assert {file: file.read_bytes() for folder in (stems, path / "audio") for file in folder.rglob("*.wav")} == before
    assert len(before) == 2 * len(TRACKS)


def pcm_file(number: int) -> bytes:
    """A mono WAV of 100 samples of 16 bits."""
    samples = random.Random(number).randbytes(200)
    form = struct.pack("<HHIIHH", 1, 1, 44_100, 88_200, 2, 16)
    chunks = b"fmt " + struct.pack("<I", len(form)) + form + b"data" + struct.pack("<I", len(samples)) + samples
    return b"RIFF" + struct.pack("<I", 4 + len(chunks)) + b"WAVE" + chunks
