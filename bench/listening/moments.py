"""Moments that were planted, and takes without any: ``python -m bench.listening.moments [COUNT] [FIRST_SEED]``.

A take is heard as the product hears one: notes and beats from the sound, moments from both. Voices sing, whisper
between phrases, breathe, leap by octaves and repeat notes at the pace of a laugh; guitars swell under a pedal; bands
drift. None of that is a moment. Each kind is planted in a take of its own, subtly (who listens for it finds it) and
clearly (nobody in the room misses it). Seeds below 300 are for tuning.
"""

import sys
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass

import numpy as np
from scipy.signal import butter, lfilter, sosfilt

from bench.listening import parts
from bench.listening.singers import (
    RATE_HZ,
    Signal,
    Singer,
    a_singer,
    at_level,
    breath,
    in_room,
    sing,
    through_mouth,
)
from bench.recordings import FOLDER
from tapehand.audio import Audio, io
from tapehand.audio.resample import resample
from tapehand.listening.intonation import intonation
from tapehand.listening.moments import Moment, find_moments
from tapehand.listening.recordings import recordings_of
from tapehand.listening.timeline import hear_timeline
from tapehand.work import Work

FIRST_SEED = 300
COUNT = 12
CLEAN_TAKES = 24
SEVERITIES = ("subtle", "clear")
NEAR_S = 0.3
SCALE = (0, 2, 4, 5, 7, 9, 11)
Random = np.random.Generator


@dataclass(frozen=True, slots=True, kw_only=True)
class Take:
    """Sounds by track name with their roles, and where something was planted."""

    sounds: Mapping[str, Audio]
    roles: Mapping[str, str]
    planted: tuple[str, float, float] | None = None


# ---- voices


@dataclass(slots=True)
class Line:
    """A sung take while it is made."""

    random: Random
    singer: Singer
    key_hz: float
    sound: Signal
    phrases: list[tuple[float, float]]

    def lay(self, at_s: float, piece: Signal) -> None:
        """Add a piece."""
        start = max(0, round(at_s * RATE_HZ))
        kept = piece[: max(0, self.sound.size - start)]
        self.sound[start : start + kept.size] += kept

    def hz(self, degree: int) -> float:
        """Of a degree of the scale, with a human's few cents."""
        exact = self.key_hz * 2 ** ((SCALE[degree % 7] + 12 * (degree // 7)) / 12)
        return float(exact * 2 ** (self.random.normal(0, 8) / 1200))


def courses(line: Line, notes: list[tuple[float, float]]) -> tuple[Signal, Signal, Signal]:
    """Pitch, loudness and vowel of notes ``(length_s, hz)`` sung in one breath."""
    random, total = line.random, sum(length_s for length_s, _ in notes)
    times = np.arange(round(total * RATE_HZ)) / RATE_HZ
    hz, loud, vowels = (np.zeros(times.size) for _ in range(3))
    start_s, last_hz, vowel = 0.0, notes[0][1] * 2 ** (-random.uniform(0, 1.5) / 12), float(random.integers(5))
    for length_s, centre_hz in notes:
        inside = (times >= start_s) & (times < start_s + length_s)
        since = times[inside] - start_s
        glide = 12 * np.log2(last_hz / centre_hz) * np.exp(-since / random.uniform(0.012, 0.06))
        reach = random.choice([0.0, 0.2, 0.5]) * np.clip((since - 0.25) / 0.3, 0, 1)
        wave = reach * np.sin(2 * np.pi * random.uniform(4.8, 6.4) * since)
        hz[inside] = centre_hz * 2 ** ((glide + wave) / 12)
        new = float(random.integers(5))
        vowels[inside] = new + (vowel - new) * np.exp(-since / 0.03)
        loud[inside] = random.uniform(0.6, 1.0) * (1 - random.choice([0.0, 0.7, 0.95]) * np.exp(-since / 0.02))
        start_s, last_hz, vowel = start_s + length_s, centre_hz, new
    hz[hz == 0.0] = last_hz
    edges = np.minimum(1.0, np.minimum(times / 0.03, (times[-1] - times) / 0.06))
    return hz, loud * edges, vowels


def staccato_phrase(line: Line) -> Signal:
    """Short notes at an even pace, silence or an s between them, on the steps of the scale or all on one."""
    random, pace_s = line.random, float(line.random.uniform(0.16, 0.25))
    degree, moves = int(random.integers(0, 8)), bool(random.integers(2))
    pieces = []
    for _ in range(int(random.integers(5, 10))):
        note = sing(random, line.singer, *courses(line, [(pace_s * float(random.uniform(0.4, 0.65)), line.hz(degree))]))
        rest = np.zeros(round(pace_s * float(random.uniform(0.98, 1.02)) * RATE_HZ) - note.size)
        hiss = float(random.choice([0.0, 0.05])) * random.standard_normal(rest.size)
        pieces += [hiss * np.std(note), note]
        degree = int(np.clip(degree + random.integers(-2, 3), 0, 12)) if moves else degree
    return np.concatenate(pieces)


def phrase_notes(line: Line) -> list[tuple[float, float]]:
    """A phrase: steps, leaps, now and then an octave; or one note again and again as fast as one laughs."""
    random = line.random
    degree = int(random.integers(0, 8))
    if random.random() < 0.15:
        pace_s = float(random.uniform(0.16, 0.24))
        return [(pace_s, line.hz(degree)) for _ in range(int(random.integers(6, 10)))]
    if random.random() < 0.12:
        fast_s, turns = float(random.uniform(0.11, 0.17)), [0, 2, 0, 3, 1, 2, 0, 4, 0]
        return [(fast_s, line.hz(degree + turn)) for turn in turns] + [(0.9, line.hz(degree))]
    notes = []
    for _ in range(int(random.integers(3, 8))):
        notes.append((float(random.choice([0.18, 0.25, 0.35, 0.5, 0.8])), line.hz(degree)))
        leap = int(random.choice([-7, 7])) if random.random() < 0.06 else int(random.integers(-3, 4))
        degree = int(np.clip(degree + leap, 0, 12))
    notes.append((float(random.uniform(0.6, 1.5)), line.hz(degree)))
    return notes


def sung_line(random: Random, *, before_s: float = 1.0, length_s: float = 22.0, broken: str = "") -> tuple[Line, float]:
    """A sung take, and where its voice breaks if it is to (0 otherwise)."""
    singer = a_singer(random)
    key_hz = 110.0 * 2 ** (random.uniform(0, 9) / 12) * (1.0 if singer.size > 0.9 else 1.8)
    line = Line(random, singer, key_hz, np.zeros(round(length_s * RATE_HZ)), [])
    at_s, broke_s = before_s, 0.0
    wanted = int(random.integers(0, 3))
    while at_s < length_s - 4.0:
        notes = phrase_notes(line)
        if broken and not broke_s and len(line.phrases) == wanted:
            notes[-1] = (max(notes[-1][0], 0.9), notes[-1][1])
            piece, inside_s = broken_phrase(line, notes, broken)
            broke_s = at_s + inside_s
        elif random.random() < 0.12:
            piece = staccato_phrase(line)
        else:
            piece = sing(random, singer, *courses(line, notes))
        piece = at_level(piece, -22.0 + float(random.uniform(-4, 2)))
        if random.random() < 0.6:
            drawn = float(random.uniform(0.2, 0.45))
            line.lay(at_s - drawn - 0.05, 10 ** (random.uniform(-50, -40) / 20) * breath(random, drawn))
        line.lay(at_s, piece)
        line.phrases.append((at_s, at_s + piece.size / RATE_HZ))
        at_s += piece.size / RATE_HZ + float(random.uniform(0.3, 2.5))
    return line, broke_s


def broken_phrase(line: Line, notes: list[tuple[float, float]], severity: str) -> tuple[Signal, float]:
    """A phrase whose last note leaps into falsetto for a moment, and where."""
    random = line.random
    hz, loud, vowels = courses(line, notes)
    clear = severity == "clear"
    away = float(random.uniform(7, 12) if clear else random.uniform(4, 7))
    length_s = float(random.uniform(0.08, 0.16) if clear else random.uniform(0.05, 0.08))
    held_s = notes[-1][0]
    at_s = hz.size / RATE_HZ - held_s + float(random.uniform(0.25, held_s - 0.2 - length_s))
    first, last = round(at_s * RATE_HZ), round((at_s + length_s) * RATE_HZ)
    shape = np.zeros(hz.size)
    shape[first:last] = 1.0
    smooth = lfilter([0.01], [1.0, -0.99], shape)
    flutter = 1.0 + 0.04 * smooth * lfilter([0.002], [1, -0.998], random.standard_normal(hz.size)) * 30
    hz = hz * 2 ** (away * smooth / 12) * np.clip(flutter, 0.9, 1.1)
    loud = loud * (1.0 - float(random.uniform(0.2, 0.6)) * smooth)
    return sing(random, line.singer, hz, loud, vowels, light=0.9 * smooth), at_s


def laugh(random: Random, singer: Singer, severity: str) -> Signal:
    """A bout of calls: a puff of air, then a vowel that falls, each softer and lower than the last; RMS 1."""
    calls = int(random.integers(5, 9) if severity == "clear" else random.integers(4, 6))
    pace_s = 1.0 / float(random.uniform(4.2, 6.2))
    high_hz = float(random.uniform(1.3, 2.2)) * (150.0 if singer.size > 0.9 else 260.0)
    contours = (
        lambda at: 1.06 - 0.18 * at,
        lambda at: 0.97 + 0.2 * at * (1 - at) - 0.08 * at,
        lambda at: 1.0 - 0.03 * at,
    )
    contour = contours[int(random.choice(3, p=[0.5, 0.3, 0.2]))]
    vowel, puff = float(random.choice([0.0, 0.6, 3.2])), float(random.uniform(0.07, 0.3))
    pieces = []
    for number in range(calls):
        length_s = pace_s * float(random.uniform(0.92, 1.08))
        voiced = round(length_s * float(random.uniform(0.4, 0.6)) * RATE_HZ)
        puffed = round(length_s * RATE_HZ) - voiced
        fall = contour(np.linspace(0, 1, voiced)) * high_hz * 0.95**number
        swell = np.sin(np.pi * np.linspace(0, 1, voiced)) ** 0.7
        vowels = np.full(voiced, vowel)
        voice = sing(random, singer, fall, swell, vowels) if number % 4 != 3 else np.zeros(voiced)
        if number % 4 == 3:
            voice = 2.0 * through_mouth(singer, random.standard_normal(voiced) * swell, vowels)
        air = through_mouth(
            singer, random.standard_normal(puffed) * np.linspace(0.02, 0.25, puffed), np.full(puffed, vowel)
        )
        voice = voice / max(float(np.sqrt(np.mean(voice**2))), 1e-9)
        air = puff * air / max(float(np.sqrt(np.mean(air**2))), 1e-9)
        pieces += [0.88**number * air, 0.88**number * voice]
    return np.concatenate(pieces)


def noise_of_somebody(random: Random) -> Signal:
    """What happens before a take: a chair, a step, a page, a cough, a few spoken words; RMS about 1."""
    kind = random.choice(["chair", "step", "page", "words"])
    if kind == "words":
        singer = a_singer(random)
        count = round(float(random.uniform(0.5, 1.4)) * RATE_HZ)
        times = np.arange(count) / RATE_HZ
        base = 120.0 if singer.size > 0.9 else 210.0
        hz = base * 2 ** ((3 * np.sin(2 * np.pi * 0.9 * times + random.random() * 6) - 3 * times) / 12)
        syllables = np.abs(np.sin(np.pi * float(random.uniform(2.5, 3.5)) * times + random.random())) ** 0.6
        vowels = np.clip(2 + 2 * np.sin(2 * np.pi * 2.1 * times + random.random() * 6), 0, 4)
        return at_level(sing(random, singer, hz, syllables, vowels), 0.0)
    length_s = {"chair": random.uniform(0.3, 1.0), "step": 0.35, "page": random.uniform(0.3, 0.9)}[str(kind)]
    count = round(float(length_s) * RATE_HZ)
    band = {"chair": [300, 1500], "step": [60, 400], "page": [1500, 9000]}[str(kind)]
    noise = sosfilt(butter(2, band, "band", fs=RATE_HZ, output="sos"), random.standard_normal(count))
    rough = np.abs(lfilter([0.003], [1, -0.997], random.standard_normal(count))) + 0.01
    shape = np.sin(np.pi * np.linspace(0, 1, count)) ** 0.5 * (
        rough if kind != "step" else np.exp(-np.arange(count) / 3000)
    )
    return at_level(noise * shape, 0.0)


def voice_take(random: Random, kind: str = "", severity: str = "") -> Take:
    """A lead vocal, with something planted or not."""
    before_s = float(random.uniform(4.0, 7.0)) if kind == "before" else float(random.uniform(0.3, 3.0))
    line, broke_s = sung_line(random, before_s=before_s, broken=severity if kind == "voice_break" else "")
    planted: tuple[str, float, float] | None = None
    if kind == "voice_break":
        planted = (kind, broke_s, broke_s + 0.1)
    elif kind == "laugh":
        end_s = line.phrases[-1][1]
        piece = laugh(random, line.singer, severity)
        line.sound = np.concatenate([line.sound, np.zeros(round(3.0 * RATE_HZ))])
        at_s = end_s + float(random.uniform(0.3, 1.2))
        level_db = -22.0 + float(random.uniform(-12, -3) if severity == "clear" else random.uniform(-24, -15))
        line.lay(at_s, 10 ** (level_db / 20) * piece)
        planted = (kind, at_s, min(at_s + piece.size / RATE_HZ, line.sound.size / RATE_HZ))
    elif kind == "before":
        piece = noise_of_somebody(random)
        at_s = float(random.uniform(0.3, before_s - 1.4 - piece.size / RATE_HZ))
        level_db = -22.0 + float(random.uniform(-28, -14) if severity == "clear" else random.uniform(-38, -30))
        line.lay(at_s, 10 ** (level_db / 20) * piece)
        planted = (kind, at_s, at_s + piece.size / RATE_HZ)
    sound = in_room(random, line.sound, float(random.uniform(-78, -66)))
    return Take(sounds={"vox": Audio.of(sound[np.newaxis], RATE_HZ)}, roles={"vox": "lead_vocal"}, planted=planted)


def spoken_take(random: Random) -> Take:
    """Speech or rap: 4 to 6 syllables a second, each another vowel, pitch wandering and falling."""
    singer, out = a_singer(random), np.zeros(round(20.0 * RATE_HZ))
    base_hz = 110.0 if singer.size > 0.9 else 200.0
    beat_s, even, at_s = float(random.uniform(0.16, 0.24)), float(random.choice([0.08, 0.25])), 1.0
    while at_s < 17.0:
        lengths = np.clip(beat_s * (1 + even * random.standard_normal(int(random.integers(5, 14)))), 0.09, 0.4)
        times = np.arange(round(float(lengths.sum()) * RATE_HZ)) / RATE_HZ
        place = np.searchsorted(np.cumsum(lengths), times)
        since = times - np.concatenate([[0.0], np.cumsum(lengths)])[place]
        vowels = lfilter([0.004], [1, -0.996], random.uniform(0, 4, lengths.size + 1)[place])
        accents = lfilter([0.0005], [1, -0.9995], random.uniform(-4, 6, lengths.size + 1)[place]) - 12 * since
        depth = random.uniform(0.5, 1.0, lengths.size + 1)[place]
        loud = 1.0 - depth * np.exp(-since / 0.035)
        piece = sing(random, singer, base_hz * 2 ** ((accents - 2 * times / times[-1]) / 12), loud, vowels)
        hissed = random.random(lengths.size + 1)[place] < 0.4
        piece += 0.3 * np.std(piece) * hissed * np.exp(-since / 0.04) * random.standard_normal(times.size)
        piece = at_level(piece, -22.0)
        start = round(at_s * RATE_HZ)
        out[start : start + piece.size] += piece[: out.size - start]
        at_s += times[-1] + float(random.uniform(0.15, 0.8))
    sound = in_room(random, out, float(random.uniform(-78, -66)))
    return Take(sounds={"vox": Audio.of(sound[np.newaxis], RATE_HZ)}, roles={"vox": "lead_vocal"})


# ---- guitars


def driven(sound: Signal, drive: float) -> Signal:
    """Through an amplifier that saturates, and a cabinet."""
    made: Signal = sosfilt(butter(2, [90, 4500], "band", fs=RATE_HZ, output="sos"), np.tanh(drive * sound))
    return made


def plucked(random: Random, hz: float, length_s: float) -> Signal:
    """Partials that die away, the high ones sooner."""
    times = np.arange(round(length_s * RATE_HZ)) / RATE_HZ
    numbers = np.arange(1, max(2, int(5000 / hz)))
    place = float(random.uniform(0.12, 0.25))
    made = np.zeros(times.size)
    for number in numbers:
        strength = abs(np.sin(np.pi * number * place)) / number
        made += (
            strength
            * np.exp(-times * (0.5 + 0.12 * number))
            * np.sin(2 * np.pi * (number * hz * times + random.random()))
        )
    return made * np.minimum(1, times / 0.003) * np.minimum(1, times[::-1] / 0.03)


def guitar_take(random: Random, severity: str = "") -> Take:
    """Riffs, held notes and chords, swells under a pedal; and a note that turns into a tone which feeds itself."""
    length_s, at_s = 24.0, 0.5
    out, root = np.zeros(round(length_s * RATE_HZ)), 82.4 * 2 ** (float(random.integers(0, 12)) / 12)
    planted: tuple[str, float, float] | None = None
    drive, wanted_s = float(random.uniform(1.0, 6.0)), float(random.uniform(3.0, 12.0))
    tones = np.zeros(out.size)
    while at_s < length_s - 5.0:
        held_s = float(random.choice([0.3, 0.5, 1.0, 2.5, 4.0]))
        feeds = bool(severity) and planted is None and at_s > wanted_s
        held_s = 4.5 if feeds else held_s
        hz = root * 2 ** (SCALE[int(random.integers(7))] / 12) * float(random.choice([1, 2]))
        voices = [1.0] if feeds or random.random() < 0.5 else [1.0, 1.5, 2.0]
        piece = sum((plucked(random, hz * voice, held_s) for voice in voices), np.zeros(round(held_s * RATE_HZ)))
        if not feeds and random.random() < 0.15:
            piece = piece * np.linspace(0, 1, piece.size) ** 1.5
        start = round(at_s * RATE_HZ)
        out[start : start + piece.size] += 0.4 * piece
        if feeds:
            tone, begins_s = feeding_tone(random, hz, held_s, severity)
            tones[start : start + tone.size] += tone
            planted = ("feedback", at_s + begins_s, at_s + held_s)
        at_s += held_s + float(random.choice([0.0, 0.0, 0.1, 0.6]))
    # What comes back through the room drives the amplifier with everything else.
    sound = in_room(random, at_level(driven(out + tones, drive), -20.0), float(random.uniform(-72, -55)))
    sounds = {"gtr": Audio.of(sound[np.newaxis], RATE_HZ)}
    return Take(sounds=sounds, roles={"gtr": "electric_guitar"}, planted=planted)


def feeding_tone(random: Random, hz: float, length_s: float, severity: str) -> tuple[Signal, float]:
    """A partial that grows until the amplifier holds it, and from when on."""
    tone_hz = hz * float(random.integers(2, 7))
    while tone_hz > 1800:
        tone_hz /= 2
    begins_s = float(random.uniform(0.8, 1.6))
    times = np.arange(round(length_s * RATE_HZ)) / RATE_HZ
    rate_db = float(random.uniform(18, 40) if severity == "clear" else random.uniform(12, 18))
    ceiling = float(random.uniform(0.6, 1.2) if severity == "clear" else random.uniform(0.25, 0.45))
    grown = np.minimum(0.004 * 10 ** (rate_db * np.maximum(times - begins_s, 0) / 20), ceiling)
    grown = np.where(times < begins_s, 0.0, grown) * np.minimum(1, times[::-1] / 0.08)
    return grown * np.sin(2 * np.pi * tone_hz * times), begins_s


# ---- time


def band_take(random: Random, kind: str = "", severity: str = "") -> Take:
    """Drums, bass and guitar of 44 s, or a piano by itself, whose tempo drifts as people's does; bent where planted."""
    length_s = 44.0
    song = parts.song(random, length_s)
    usual_s = song.beat_s
    count = int((length_s - 1.5) / usual_s)
    drift = np.cumsum(random.normal(0, 0.0012, count))
    lengths = usual_s * (1.0 + np.clip(drift - drift.mean(), -0.012, 0.012))
    planted: tuple[str, float, float] | None = None
    if kind:
        clear = severity == "clear"
        first = int(random.integers(count // 3, count // 2))
        if kind == "rubato":
            span = int(random.integers(3, 7))
            by = float(random.uniform(0.13, 0.3) if clear else random.uniform(0.08, 0.12))
            lengths[first : first + span] *= 1.0 + by * np.sin(np.pi * (np.arange(span) + 1) / (span + 1)) ** 0.5
        else:
            span = int(random.integers(8, 17))
            by = float(random.uniform(0.04, 0.07) if clear else random.uniform(0.028, 0.038))
            lengths[first : first + span] /= 1.0 + by
        begins = 0.2 + np.concatenate([[0.0], np.cumsum(lengths)])
        planted = (kind, float(begins[first]), float(begins[min(first + span, count)]))
    times = 0.2 + np.concatenate([[0.0], np.cumsum(lengths)])
    times = times[times < length_s - 1.0]
    played = times + random.normal(0, 0.005, times.size)
    sounds = band_sounds(random, song, played)
    roles = {"kick": "kick", "snare": "snare", "hats": "hats", "bass": "bass", "gtr": "acoustic_guitar"}
    made = {
        name: Audio.of(parts.with_floor(random, sound, -78.0)[np.newaxis], parts.RATE_HZ)
        for name, sound in sounds.items()
    }
    return Take(sounds=made, roles={name: roles[name] for name in made}, planted=planted)


def band_sounds(random: Random, song: parts.Song, beats: Signal) -> dict[str, Signal]:
    """What each plays on beats that lie anywhere."""
    halves = np.sort(np.concatenate([beats, (beats[:-1] + beats[1:]) / 2]))
    hat = sosfilt(butter(2, 6_000, "high", fs=parts.RATE_HZ, output="sos"), random.standard_normal(4_000))
    hat *= np.exp(-np.arange(4_000) / 900)
    snare = random.standard_normal(9_000) * np.exp(-np.arange(9_000) / 2_400)
    snare += np.sin(2 * np.pi * 190 * np.arange(9_000) / parts.RATE_HZ) * np.exp(-np.arange(9_000) / 2_000)
    chords = [(0, 2, 4), (3, 5, 7), (4, 6, 8), (5, 7, 9)]
    strums = [
        (at + 0.008 * number, parts.string(random, song.hz(degree), 1.6 * song.beat_s))
        for place, at in enumerate(beats[::2])
        for number, degree in enumerate(chords[place // 2 % 4])
    ]
    return {
        "kick": parts.kick(random, song, beats[::2]),
        "snare": laid(song, [(at, random.uniform(0.8, 1) * snare) for at in beats[1::2]]),
        "hats": laid(song, [(at + random.normal(0, 0.003), random.uniform(0.5, 1) * hat) for at in halves]),
        "bass": parts.bass(random, song, beats),
        "gtr": laid(song, strums),
    }


def laid(song: parts.Song, notes: list[tuple[float, Signal]]) -> Signal:
    """Pieces at their places."""
    out = np.zeros(song.length)
    for at_s, note in notes:
        start = max(0, round(at_s * parts.RATE_HZ))
        kept = note[: max(0, song.length - start)]
        out[start : start + kept.size] += kept
    return parts.levelled(out)


# ---- hearing


def heard(take: Take) -> tuple[Moment, ...]:
    """The moments that the product hears."""
    recordings = recordings_of(take.sounds, roles=take.roles)
    pitch = intonation(recordings)
    return find_moments(recordings, pitch, hear_timeline(recordings).sure_beats_s)


PLANTED: Mapping[str, Callable[[Random, str], Take]] = {
    "voice_break": lambda random, severity: voice_take(random, "voice_break", severity),
    "laugh": lambda random, severity: voice_take(random, "laugh", severity),
    "before": lambda random, severity: voice_take(random, "before", severity),
    "feedback": lambda random, severity: guitar_take(random, severity),
    "rubato": lambda random, severity: band_take(random, "rubato", severity),
    "push": lambda random, severity: band_take(random, "push", severity),
}
CLEAN: Mapping[str, Callable[[Random], Take]] = {
    "voice": voice_take,
    "speech and rap": spoken_take,
    "guitar": guitar_take,
    "band": band_take,
}


def is_there(moment: Moment, planted: tuple[str, float, float]) -> bool:
    """Whether a moment lies where something was planted, and is called that."""
    what, start_s, end_s = planted
    return moment.what == what and moment.start_s <= end_s + NEAR_S and moment.end_s >= start_s - NEAR_S


def real_takes() -> Iterator[tuple[str, Take]]:
    """Real voices and instruments on which nothing was noticed by those who listened to them."""
    for path in sorted((FOLDER / "voices").iterdir()):
        audio = io.read(path, Work())
        role = "speech" if "speech" in path.stem else "winds" if "-" in path.stem else "lead_vocal"
        yield path.stem, Take(sounds={path.stem: resample(audio, RATE_HZ)}, roles={path.stem: role})


def measure(count: int = COUNT, first_seed: int = FIRST_SEED) -> str:
    """The tables."""
    told: list[tuple[Moment, bool]] = []
    rows = []
    for kind, plant in PLANTED.items():
        cells, others = [], 0
        for severity in SEVERITIES:
            hits = 0
            for seed in range(first_seed, first_seed + count):
                take = plant(np.random.default_rng(seed), severity)
                assert take.planted is not None
                found = heard(take)
                right = [is_there(moment, take.planted) for moment in found]
                told += zip(found, right, strict=True)
                hits += any(right)
                others += len(found) - sum(right)
            cells.append(f"{hits / count:.2f}")
        rows.append(f"| {kind.replace('_', ' ')} | {' | '.join(cells)} | {others} |")
        print(rows[-1], file=sys.stderr, flush=True)
    lines = ["## Moments", f"{count} takes of each kind and severity.", "", "| planted | subtle | clear | others |"]
    return "\n".join(
        [
            *lines,
            "|---|---|---|---|",
            *rows,
            "",
            *clean_rows(min(CLEAN_TAKES, 2 * count), first_seed, told),
            "",
            *certainty(told),
        ]
    )


def clean_rows(count: int, first_seed: int, told: list[tuple[Moment, bool]]) -> Iterator[str]:
    """What is said of takes on which there is nothing."""
    yield "| nothing planted | takes | moments told |"
    yield "|---|---|---|"
    for name, make in CLEAN.items():
        found = [m for seed in range(first_seed, first_seed + count) for m in heard(make(np.random.default_rng(seed)))]
        told += [(moment, False) for moment in found]
        yield f"| {name} | {count} | {spelled(found)} |"
    if FOLDER.is_dir():
        takes = list(real_takes())
        found = [moment for _, take in takes for moment in heard(take)]
        told += [(moment, False) for moment in found]
        yield f"| real voices and instruments | {len(takes)} | {spelled(found)} |"


def spelled(found: list[Moment]) -> str:
    """How many of what."""
    kinds = sorted({moment.what for moment in found})
    counted = ", ".join(f"{sum(m.what == kind for m in found)} {kind.replace('_', ' ')}" for kind in kinds)
    return counted or "0"


def certainty(told: list[tuple[Moment, bool]]) -> Iterator[str]:
    """How sure it was, and how often it was right."""
    yield "| our confidence | told | right |"
    yield "|---|---|---|"
    for name, low, high in (("confident", 0.8, 1.1), ("perhaps", 0.5, 0.8), ("not sure", 0.0, 0.5)):
        right = [is_right for moment, is_right in told if low <= moment.confidence < high]
        yield f"| {name} | {len(right)} | {f'{np.mean(right):.3f}' if right else '-'} |"


if __name__ == "__main__":
    print(measure(*map(int, sys.argv[1:])))
