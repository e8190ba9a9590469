"""Form against truth: ``python -m bench.listening.form``.

Songs are sessions of ``tapehand.testing``, beats of our own composer, and bands that play all the time (``bands``),
whose forms are known; seeds from 300 on, others are for developing. Bars are given, as a tempo map or the beat tracker
would give them. A boundary is found within 3 s; chorus F compares frames of 0.1 s that are a chorus, hook or drop.
"""

import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from bench.listening.bands import RATE_HZ as BAND_RATE_HZ
from bench.listening.bands import band
from tapehand.app.beat import make_beat
from tapehand.app.view import song_of
from tapehand.audio import Audio, io
from tapehand.bootstrap import make_studio
from tapehand.listening.bar_pictures import Line
from tapehand.listening.form import HeardSection, find_form
from tapehand.listening.harmony import hear_tones
from tapehand.listening.recordings import Compact, compact_of, summed
from tapehand.listening.roles import group_of
from tapehand.listening.tones import Chroma
from tapehand.testing.sessions import SessionPlan, generate_session
from tapehand.work import Work

SESSIONS = range(300, 308)
BEATS = range(300, 306)
BANDS = range(300, 312)
UNPITCHED = ("drums", "effects")
PROMPTS = ("boom bap 88 bpm", "trap 142 bpm", "house 124 bpm")
CHORUS = ("chorus", "hook", "drop")
TOLERANCE_S = 3.0


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class Known:
    """A song whose form is known: ``truth`` holds kind, first bar and bars of each section."""

    name: str
    tracks: list[Line]
    mix: Compact
    bars_s: list[float]
    truth: list[tuple[str, int, int]]


def sessions(seeds: Sequence[int] = SESSIONS) -> Iterator[Known]:
    """Generated sessions of 6 to 15 tracks."""
    for seed in seeds:
        random = np.random.default_rng(seed)
        tracks, length_s = int(random.integers(6, 16)), float(random.integers(110, 220))
        with tempfile.TemporaryDirectory() as folder:
            truth = generate_session(
                Path(folder) / "stems", SessionPlan(seed=seed, tracks=tracks, length_s=length_s, rate_hz=22_050)
            )
            heard = {each.name: io.read(Path(folder) / "stems" / f"{each.name}.wav") for each in truth.tracks}
        bar_s = 4 * 60.0 / truth.bpm
        last = truth.sections[-1].start_bar + truth.sections[-1].bars - 1
        yield Known(
            name=f"session {seed}",
            tracks=[Line(role=each.role, compact=compact_of(heard[each.name])) for each in truth.tracks],
            mix=compact_of(_sum(list(heard.values()))),
            bars_s=[bar * bar_s for bar in range(last + 1)],
            truth=[(section.kind, section.start_bar, section.bars) for section in truth.sections],
        )


def beats(seeds: Sequence[int] = BEATS) -> Iterator[Known]:
    """Beats of the composer, from their written stems."""
    for seed in seeds:
        with tempfile.TemporaryDirectory() as folder:
            out, studio = Path(folder) / "beat", make_studio(1)
            prompt = f"{PROMPTS[seed % len(PROMPTS)]}, two minutes"
            make_beat(studio, prompt, out, by="bench", seed=seed, work=Work())
            with studio.open_song(out / "song.tapehand") as store:
                song = song_of(store.state())
            roles = {track.name: track.role for track in song.tracks}
            stems = sorted((out / "stems").glob("*.wav"))
            lines = [Line(role=roles.get(stem.stem, "unknown"), compact=compact_of(io.read(stem))) for stem in stems]
            mix = compact_of(io.read(out / "mix.wav"))
        assert song.grid is not None
        bar_ticks = song.grid.metre_at(0).bar_ticks
        last = song.sections[-1].end_bar - 1
        yield Known(
            name=f"beat {seed}",
            tracks=lines,
            mix=mix,
            bars_s=[song.grid.seconds_at(bar * bar_ticks) for bar in range(last + 1)],
            truth=[(section.kind, section.start_bar, section.bars) for section in song.sections],
        )


def bands(seeds: Sequence[int] = BANDS) -> Iterator[Known]:
    """Bands of which everybody plays all the time."""
    for seed in seeds:
        made = band(seed)
        starts = np.cumsum([1, *(bars for _, bars in made.form)])
        tracks = [
            Line(role=role, compact=compact_of(Audio.of(sound[np.newaxis], BAND_RATE_HZ)))
            for role, sound in made.sounds.items()
        ]
        yield Known(
            name=f"band {seed}",
            tracks=tracks,
            mix=summed([track.compact for track in tracks]),
            bars_s=[bar * made.bar_s for bar in range(int(starts[-1]))],
            truth=[(kind, int(start), bars) for (kind, bars), start in zip(made.form, starts, strict=False)],
        )


def chroma_of(lines: Sequence[Line]) -> Chroma:
    """What the product hears of harmony before it listens for form: everything but the drums, where they are apart."""
    pitched = [line.compact for line in lines if group_of(line.role) not in UNPITCHED]
    return hear_tones([summed(pitched or [line.compact for line in lines])]).chroma


def boundary_f(found_s: Sequence[float], truth_s: Sequence[float]) -> float:
    """Boundaries of the truth that are met within 3 s, each by another one, as F."""
    free, hits = list(found_s), 0
    for at_s in truth_s:
        near = [each for each in free if abs(each - at_s) <= TOLERANCE_S]
        if near:
            free.remove(min(near, key=lambda each: abs(each - at_s)))
            hits += 1
    return 2 * hits / max(1, len(found_s) + len(truth_s))


def chorus_f(found: Sequence[tuple[float, float]], truth: Sequence[tuple[float, float]]) -> float:
    """Frames of 0.1 s inside the stretches of either, as F."""
    end = max((last for _, last in (*found, *truth)), default=0.0)
    masks = []
    for stretches in (found, truth):
        mask = np.zeros(int(end * 10) + 1, dtype=bool)
        for first, last in stretches:
            mask[int(first * 10) : int(last * 10)] = True
        masks.append(mask)
    return 2 * float((masks[0] & masks[1]).sum()) / max(1.0, float(masks[0].sum() + masks[1].sum()))


def score(known: Known, found: Sequence[HeardSection]) -> tuple[float, float]:
    """Boundary F and chorus F of one song."""
    ends = [(known.bars_s[first - 1], known.bars_s[first - 1 + bars]) for _, first, bars in known.truth]
    chorus = [end for end, (kind, _, _) in zip(ends, known.truth, strict=True) if kind in CHORUS]
    heard = [(section.start_s, section.end_s) for section in found if section.kind in CHORUS]
    boundaries = [section.start_s for section in found[1:]]
    return boundary_f(boundaries, [start for start, _ in ends[1:]]), chorus_f(heard, chorus)


def measure() -> str:
    """The table, and how confidence holds."""
    rows, answers = [], []
    for title, songs in (("generated sessions", sessions), ("own beats", beats), ("bands, all playing", bands)):
        told = list(songs())
        for source, lines_of in (("tracks", _tracks), ("mix", _mix)):
            rows.append(_row(title, source, told, lines_of, answers))
    return "\n".join(
        [
            "## Form",
            "Bars given. Boundary F at 3 s, chorus (hook, drop) F by frames of 0.1 s; CPU s a song, harmony apart.",
            "",
            "| songs | n | heard from | boundary F | chorus F | CPU s |",
            "|---|---|---|---|---|---|",
            *rows,
            "",
            f"Of {len(answers)} hooks said with 0.8 or more, {sum(not right for right in answers)} were none.",
        ]
    )


def _row(
    title: str, source: str, songs: list[Known], lines_of: Callable[[Known], list[Line]], answers: list[bool]
) -> str:
    chromas = [chroma_of(lines_of(song)) for song in songs]
    start = time.process_time()
    found = [find_form(lines_of(song), song.bars_s, chroma=heard) for song, heard in zip(songs, chromas, strict=True)]
    taken_s = (time.process_time() - start) / len(songs)
    scores = [score(song, sections) for song, sections in zip(songs, found, strict=True)]
    for song, sections in zip(songs, found, strict=True):
        bars = {bar for kind, first, count in song.truth if kind in CHORUS for bar in range(first, first + count)}
        answers += [
            sum(bar in bars for bar in range(s.start_bar, s.start_bar + s.bars)) > 0.5 * s.bars
            for s in sections
            if s.kind == "hook" and s.confidence >= 0.8
        ]
    boundary, chorus = (float(np.mean([each[place] for each in scores])) for place in (0, 1))
    return f"| {title} | {len(songs)} | {source} | {boundary:.2f} | {chorus:.2f} | {taken_s:.2f} |"


def _tracks(song: Known) -> list[Line]:
    return song.tracks


def _mix(song: Known) -> list[Line]:
    return [Line(role="unknown", compact=song.mix)]


def _sum(sounds: Sequence[Audio]) -> Audio:
    total = sounds[0].stereo().samples.astype(np.float64)
    for sound in sounds[1:]:
        total += sound.stereo().samples
    return Audio.of(total, sounds[0].rate_hz)


if __name__ == "__main__":
    print(measure())
