"""A tempo map that lies beside the stems is believed where it says one thing, and never where it does not."""

from pathlib import Path

import mido
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tapehand.interchange.daw_time import daw_time_of, read_daw_time
from tapehand.interchange.midi import write_midi
from tapehand.listening.grid import bars_of_grid, beats_of_grid, grid_findings, marked_sections
from tapehand.listening.rhythm import Rhythm
from tapehand.music.form import Section
from tapehand.music.time import Metre, MetreChange, TempoChange, TempoMap
from tapehand.song.song import Song


def written(path: Path, *events: tuple[int, str, object], ticks_per_beat: int = 480) -> Path:
    """A MIDI file with meta events ``(tick, kind, value)`` in order."""
    file, track, now = mido.MidiFile(ticks_per_beat=ticks_per_beat), mido.MidiTrack(), 0
    for tick, kind, value in events:
        named = {"set_tempo": "tempo", "marker": "text", "text": "text"}
        metre = kind == "time_signature"
        fields = dict(zip(("numerator", "denominator"), value, strict=True)) if metre else {named[kind]: value}
        track.append(mido.MetaMessage(kind, time=tick - now, **fields))
        now = tick
    file.tracks.append(track)
    file.save(path)
    return path


def test_what_we_write_is_read_back(tmp_path: Path) -> None:
    grid = TempoMap(
        tempos=(TempoChange(at=0, bpm=92.0), TempoChange(at=8 * 3840, bpm=93.5)),
        metres=(MetreChange(at=0, metre=Metre()), MetreChange(at=4 * 3840, metre=Metre(beats=6, unit=8))),
    )
    verse = Section(name="Verse 1", kind="verse", start_bar=1, bars=2)
    sections = (verse, Section(name="Chorus", kind="hook", start_bar=3, bars=2))
    write_midi(Song(name="a", rate_hz=48_000, grid=grid, sections=sections), tmp_path / "a.mid")
    told = daw_time_of(tmp_path / "a.mid")
    assert told is not None
    assert told.grid == grid
    read = marked_sections(told, 10.3)
    assert [(each.name, each.start_bar, each.bars) for each in read] == [("Verse 1", 1, 2), ("Chorus", 3, 2)]


def test_the_tempo_is_the_round_one_that_was_set(tmp_path: Path) -> None:
    told = daw_time_of(written(tmp_path / "a.mid", (0, "set_tempo", mido.bpm2tempo(92))))
    assert told is not None
    assert told.grid.tempos[0].bpm == 92.0


def test_markers_lie_where_the_tempo_puts_them(tmp_path: Path) -> None:
    path = written(
        tmp_path / "a.mid",
        (0, "set_tempo", 500_000),
        (960, "marker", "Verse"),
        (1920, "set_tempo", 1_000_000),
        (2400, "text", "Hook"),
    )
    told = daw_time_of(path)
    assert told is not None
    assert [(each.name, each.start_s) for each in told.marks] == [("Verse", 1.0), ("Hook", 3.0)]


def test_files_that_contradict_each_other_are_not_believed(tmp_path: Path) -> None:
    loops = [written(tmp_path / f"loop {bpm}.mid", (0, "set_tempo", mido.bpm2tempo(bpm))) for bpm in (90, 120)]
    assert read_daw_time(loops) is None
    assert read_daw_time(loops[:1]) is not None
    named = written(tmp_path / "Tempo Map.mid", (0, "set_tempo", mido.bpm2tempo(101)))
    told = read_daw_time([*loops, named])
    assert told is not None
    assert (told.source, told.grid.tempos[0].bpm) == ("Tempo Map.mid", 101.0)


@pytest.mark.parametrize(
    "events", [(), ((0, "marker", "Verse"),), ((0, "set_tempo", 0),), ((0, "set_tempo", 16_777_215 // 2_000),)]
)
def test_a_file_without_a_tempo_that_can_be_says_nothing(
    tmp_path: Path, events: tuple[tuple[int, str, object], ...]
) -> None:
    assert daw_time_of(written(tmp_path / "a.mid", *events)) is None


@settings(max_examples=150, deadline=None)
@given(st.data())
def test_damaged_files_say_nothing_or_a_map(tmp_path_factory: pytest.TempPathFactory, data: st.DataObject) -> None:
    folder = tmp_path_factory.mktemp("midi")
    events = [(0, "set_tempo", 500_000), (0, "time_signature", (3, 4)), (960, "marker", "A")]
    whole = bytearray(written(folder / "a.mid", *events).read_bytes())
    for _ in range(data.draw(st.integers(1, 4))):
        whole[data.draw(st.integers(0, len(whole) - 1))] = data.draw(st.integers(0, 255))
    (folder / "b.mid").write_bytes(whole[: data.draw(st.integers(0, len(whole)))])
    told = daw_time_of(folder / "b.mid")
    if told is not None:
        lines_s = bars_of_grid(told.grid, 5.0)
        assert lines_s[-1] >= 5.0
        assert list(lines_s) == sorted(set(lines_s))


@settings(max_examples=60, deadline=None)
@given(
    bpms=st.lists(st.floats(30.0, 300.0), min_size=1, max_size=6),
    gaps=st.lists(st.integers(1, 9_000), min_size=6, max_size=6),
)
def test_bars_and_beats_lie_where_the_map_says(bpms: list[float], gaps: list[int]) -> None:
    places = [sum(gaps[:number]) for number in range(len(bpms))]
    places[0] = 0
    tempos = tuple(TempoChange(at=at, bpm=bpm) for at, bpm in zip(places, bpms, strict=True))
    waltz, sevens = (MetreChange(at=0, metre=Metre(beats=3)), MetreChange(at=5760, metre=Metre(beats=7, unit=8)))
    grid = TempoMap(tempos=tempos, metres=(waltz, sevens))
    for lines_s, step in ((bars_of_grid(grid, 12.0), "bar_ticks"), (beats_of_grid(grid, 12.0), "beat_ticks")):
        tick = 0
        for line_s in lines_s:
            assert line_s == pytest.approx(grid.seconds_at(tick), abs=1e-9)
            tick += getattr(grid.metre_at(tick), step)


def heard(bpm: float, start_s: float = 0.0, confidence: float = 0.95) -> Rhythm:
    beats_s = start_s + np.arange(40) * 60.0 / bpm
    return Rhythm(
        tempo_bpm=bpm,
        tempo_confidence=confidence,
        alternatives=(),
        beats_s=beats_s,
        beat_confidence=confidence,
        metre=Metre(),
        downbeats_s=beats_s[::4],
        bar_confidence=confidence,
    )


@pytest.mark.parametrize(
    ("rhythm", "asks"),
    [
        (heard(120.0), False),
        (heard(60.0), False),
        (heard(80.0), False),
        (heard(120.5), False),
        (heard(97.0), True),
        (heard(97.0, confidence=0.7), False),
        (heard(120.0, start_s=0.25), False),  # off beats
        (heard(120.0, start_s=0.01), False),
        (heard(120.0, start_s=0.1), True),
        (None, False),
    ],
)
def test_a_map_that_is_not_of_this_session_is_asked_about(rhythm: Rhythm | None, asks: bool) -> None:
    assert bool(grid_findings(TempoMap.steady(120.0), "a.mid", rhythm)) == asks
