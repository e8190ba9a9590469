"""Faults between recordings, planted and looked for: ``python -m bench.listening.between [SONGS]``.

Each song is eight clean parts of one tempo and key (``parts``). Into copies of it one fault at a time is planted, at
three severities; what is looked for is known from the planting alone. The clean songs count false questions. Seeds from
900 on; those below are for developing.
"""

import sys
import time
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray
from scipy.signal import resample_poly

from bench.listening import parts
from bench.listening.parts import RATE_HZ, Song
from tapehand.audio import Audio
from tapehand.listening.arrivals import related_pairs
from tapehand.listening.between import findings_between
from tapehand.listening.mic_pairs import mic_pairs
from tapehand.listening.recordings import Compact, ReadRecordings, Track, compact_of
from tapehand.song.finding import Finding

Signal = NDArray[np.float64]
Rng = np.random.Generator

FIRST_SEED = 900
SONGS = 17
LENGTH_S = 24.0
SEVERITIES = ("subtle", "clear", "gross")
ROLES = {
    "kick": "kick",
    "snare": "snare",
    "hats": "hats",
    "bass": "bass",
    "guitar": "electric_guitar",
    "keys": "keys",
    "pad": "pad",
    "voice": "lead_vocal",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Planted:
    """A session with one fault.

    Parameters
    ----------
    kinds : findings of which one has to come, on one of ``tracks``.
    source : the track that has to be named, if one has.
    measured : whether the lag of the track ``second`` is what has to be told; a question comes where it costs level.
    place_s : where, if it has a place; ``value`` and ``tolerance`` : its size, if it is looked at.
    """

    sounds: Mapping[str, Signal]
    kinds: tuple[str, ...]
    tracks: tuple[str, ...]
    source: str = ""
    measured: bool = False
    place_s: tuple[float, float] | None = None
    value: float | None = None
    tolerance: float = 0.0
    roles: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Clean:
    """A song's parts, and what planting needs to know of them."""

    song: Song
    sounds: Mapping[str, Signal]

    def with_sound(self, **sounds: Signal) -> dict[str, Signal]:
        """The parts, some replaced or added."""
        return {**self.sounds, **sounds}


def clean(seed: int) -> Clean:
    """Eight parts with the noise of their recording; half of the songs are programmed to the grid."""
    random = np.random.default_rng(seed)
    song = parts.song(random, LENGTH_S)
    played = 0.003 if seed % 2 else 0.0
    made = {
        "kick": parts.kick(random, song, spread_s=played),
        "snare": parts.snare(random, song, spread_s=played),
        "hats": parts.hats(random, song, spread_s=played),
        "bass": parts.bass(random, song, spread_s=2 * played),
        "guitar": parts.guitar(random, song),
        "keys": parts.keys(random, song),
        "pad": parts.pad(random, song),
        "voice": parts.voice(random, song),
    }
    return Clean(song=song, sounds={name: parts.with_floor(random, sound) for name, sound in made.items()})


def second_microphone(random: Rng, song: Clean, severity: int) -> Planted:
    """One source twice, the second farther away: how much of the direct sound is left makes it hard."""
    name = str(random.choice(["kick", "snare", "bass", "guitar", "keys", "voice"]))
    direct = (0.3, 0.55, 0.8)[severity]
    delay = int(random.integers(40, 350)) * int(random.choice([-1, 1]))
    far = parts.through(song.sounds[name], parts.room(random, 0.35, direct))
    second = parts.with_floor(random, parts.late(far, delay))
    return Planted(
        sounds=song.with_sound(second=second),
        kinds=("late_microphone",),
        tracks=("second", name),
        measured=True,
        value=delay,
        tolerance=1.0,
    )


def upside_down(random: Rng, song: Clean, severity: int) -> Planted:
    """The second microphone of a source turned over, close by."""
    name = str(random.choice(["kick", "snare", "bass", "guitar", "keys", "voice"]))
    direct = (0.35, 0.6, 0.85)[severity]
    far = parts.through(parts.coloured(random, song.sounds[name]), parts.room(random, 0.35, direct))
    second = parts.with_floor(random, -parts.late(far, int(random.integers(0, 12))))
    return Planted(sounds=song.with_sound(second=second), kinds=("upside_down",), tracks=("second", name))


def clock(random: Rng, song: Clean, severity: int) -> Planted:
    """A second recorder whose clock runs apart by 50, 100 or 250 ppm."""
    name = str(random.choice(["snare", "bass", "guitar", "keys", "voice"]))
    ppm = (50, 100, 250)[severity] * int(random.choice([-1, 1]))
    sound = parts.through(song.sounds[name], parts.room(random, 0.35, 0.7))
    second = parts.with_floor(random, _played_at(sound, 1.0 - 1e-6 * ppm))
    return Planted(
        sounds=song.with_sound(second=second),
        kinds=("clock_drift",),
        tracks=("second", name),
        value=float(abs(ppm)),
        tolerance=max(8.0, 0.06 * abs(ppm)),
    )


def _played_at(sound: Signal, speed: float) -> Signal:
    """Read at another speed, by windowed sinc between samples of four times the rate."""
    dense = resample_poly(sound, 4, 1)
    made: Signal = np.interp(np.arange(sound.size) * 4.0 * speed, np.arange(dense.size), dense, right=0.0)
    return made


def bleed(random: Rng, song: Clean, severity: int) -> Planted:
    """A rest of some seconds in which a neighbour is heard at -48, -34 or -22 dB."""
    target = str(random.choice(["voice", "guitar", "keys"]))
    source = str(random.choice([name for name in ("snare", "bass", "guitar", "keys", "voice") if name != target]))
    start_s, length_s = float(random.uniform(3, 10)), float(random.uniform(4, 9))
    times = np.arange(song.song.length) / RATE_HZ
    inside = (times >= start_s) & (times < start_s + length_s)
    gate = np.convolve(1.0 - inside, np.hanning(2_001) / 1_000, "same")
    level = 10.0 ** ((-48.0, -34.0, -22.0)[severity] / 20.0)
    heard = parts.through(parts.coloured(random, song.sounds[source]), parts.room(random, 0.3, 0.6))
    dry = song.sounds[target] * np.clip(gate, 0, 1)
    sound = parts.with_floor(random, dry + level * parts.late(heard, int(random.integers(30, 700))))
    return Planted(sounds=song.with_sound(**{target: sound}), kinds=("bleed",), tracks=(target,), source=source)


def copy(random: Rng, song: Clean, severity: int) -> Planted:
    """The same file again: shifted, quieter, upside down, or as it is."""
    name = str(random.choice(list(song.sounds)))
    shift = 0 if severity == 2 else int(random.integers(-40_000, 40_000))
    gain = 1.0 if severity == 2 else float(random.uniform(0.2, 0.9)) * int(random.choice([-1, 1]))
    second = parts.late(gain * song.sounds[name], shift)
    if severity == 0:
        second = second + 10 ** (-66 / 20) * parts.levelled(random.standard_normal(second.size), -20.0)
    return Planted(sounds=song.with_sound(second=second), kinds=("same_recording",), tracks=("second", name))


def pocket(random: Rng, song: Clean, severity: int) -> Planted:
    """A bass behind or ahead of the kick: 9, 14 or 28 ms, both to the grid."""
    late_s = (0.009, 0.014, 0.028)[severity] * int(random.choice([-1, 1]))
    bass = parts.bass(random, song.song, song.song.beats_s() + late_s)
    return Planted(
        sounds=song.with_sound(bass=parts.with_floor(random, bass), kick=parts.kick(random, song.song)),
        kinds=("pocket",),
        tracks=("bass",),
        value=abs(late_s) * 1000,
        tolerance=2.0,
    )


def layer(random: Rng, song: Clean, severity: int) -> Planted:
    """A second kick sample that strikes 9, 14 or 25 ms after the first."""
    late_s = (0.009, 0.014, 0.025)[severity]
    top = parts.kick(random, song.song, song.song.beats_s() + late_s)
    return Planted(
        sounds=song.with_sound(kick=parts.kick(random, song.song), top=parts.with_floor(random, top)),
        kinds=("layers_apart",),
        tracks=("top", "kick"),
        value=late_s * 1000,
        tolerance=2.0,
        roles={"top": "kick"},
    )


def loose(random: Rng, song: Clean, severity: int) -> Planted:
    """One hit late or early by 22, 32 or 45 ms in a played part."""
    times_s = song.song.beats_s() + 0.002 * random.standard_normal(song.song.beats_s().size)
    at = int(random.integers(4, times_s.size - 4))
    times_s[at] += (0.022, 0.032, 0.045)[severity] * int(random.choice([-1, 1]))
    part = parts.with_floor(random, parts.kick(random, song.song, times_s))
    place = float(times_s[at])
    return Planted(
        sounds=song.with_sound(kick=part), kinds=("loose_hits",), tracks=("kick",), place_s=(place - 0.02, place + 0.02)
    )


def part_off(random: Rng, song: Clean, severity: int) -> Planted:
    """Guitar, keys or pad off the others by 11, 16 or 30 cents."""
    name = str(random.choice(["guitar", "keys", "pad"]))
    cents = (11.0, 16.0, 30.0)[severity] * int(random.choice([-1, 1]))
    made = {"guitar": parts.guitar, "keys": parts.keys, "pad": parts.pad}[name](random, song.song, cents)
    return Planted(
        sounds=song.with_sound(**{name: parts.with_floor(random, made)}),
        kinds=("part_out_of_tune",),
        tracks=(name,),
        value=abs(cents),
        tolerance=3.0,
    )


def note_off(random: Rng, song: Clean, severity: int) -> Planted:
    """One held note of a voice off by 28, 36 or 44 cents."""
    at = int(random.integers(2, 8))
    cents = (28.0, 36.0, 44.0)[severity] * int(random.choice([-1, 1]))
    sound, notes = parts.voice_notes(random, song.song, 0, {at: cents})
    return Planted(
        sounds=song.with_sound(voice=parts.with_floor(random, sound)),
        kinds=("notes_beside_the_key",),
        tracks=("voice",),
        place_s=(notes[at][0] - 0.02, notes[at][0] + 0.02),
    )


def covered(random: Rng, song: Clean, severity: int) -> Planted:
    """A voice under noise-like guitars that are stronger by 4, 12 or 24 dB where it has to be heard."""
    pad = parts.levelled(parts.through(random.standard_normal(song.song.length), np.hanning(12)), -20.0)
    gain = 10.0 ** ((-8.0, 0.0, 12.0)[severity] / 20.0)
    return Planted(sounds=song.with_sound(pad=gain * pad), kinds=("masking",), tracks=("voice",))


def works_against_itself(random: Rng, song: Clean, severity: int) -> Planted:
    """A part made wide so far that it loses 7.5, 10 or 16 dB in mono: all of it, its lows, or what lies above them.

    The sides are the part itself turned over on one side, or a late copy that is added left and taken off right.
    """
    name = str(random.choice(["bass", "guitar", "keys", "pad", "voice"]))
    middle = song.sounds[name]
    bands = [band for band in ((20.0, 16_000.0), (20.0, 150.0), (150.0, 2_000.0)) if _share(middle, band) > 0.15]
    inside = _between(middle, bands[int(random.integers(len(bands)))])
    late = parts.late(inside, round(random.uniform(0.007, 0.025) * RATE_HZ)) if random.random() < 0.5 else inside
    loss = 10.0 ** ((7.5, 10.0, 16.0)[severity] / 10.0)
    side = late * np.sqrt((loss - 1.0) * float((inside**2).mean()) / float((late**2).mean()))
    sides = parts.levelled(np.stack([middle + side, middle - side]))
    wide = np.stack([parts.with_floor(random, each) for each in sides])
    return Planted(sounds=song.with_sound(**{name: wide}), kinds=("mono_loss",), tracks=(name,))


def _between(sound: Signal, band_hz: tuple[float, float]) -> Signal:
    lines, hz = np.fft.rfft(sound), np.fft.rfftfreq(sound.size, 1.0 / RATE_HZ)
    made: Signal = np.fft.irfft(np.where((hz >= band_hz[0]) & (hz < band_hz[1]), lines, 0.0), sound.size)
    return made


def _share(sound: Signal, band_hz: tuple[float, float]) -> float:
    return float((_between(sound, band_hz) ** 2).mean() / (sound**2).mean())


PLANTINGS: Mapping[str, Callable[[Rng, Clean, int], Planted]] = {
    "lag of a second microphone": second_microphone,
    "polarity": upside_down,
    "clock drift": clock,
    "bleed": bleed,
    "copies": copy,
    "bass and kick": pocket,
    "layers": layer,
    "loose hits": loose,
    "a part out of tune": part_off,
    "a note out of tune": note_off,
    "masking": covered,
    "mono": works_against_itself,
}


@dataclass(slots=True)
class Tally:
    """What became of the plantings of one kind and severity."""

    planted: int = 0
    found: int = 0
    others: int = 0
    missed: list[int] = field(default_factory=list)


def questions(
    sounds: Mapping[str, Signal], roles: Mapping[str, str], song: Song
) -> tuple[tuple[Finding, ...], float | None]:
    """Everything that is found, and the lag of the track ``second`` where there is one."""
    made = {name: track(sound, {**ROLES, **roles}.get(name, "unknown")) for name, sound in sounds.items()}
    session = ReadRecordings(rate_hz=RATE_HZ, tracks=made)
    lag = None
    if "second" in sounds:
        pairs = mic_pairs(session, related_pairs(session))
        lag = next((pair.lag.lag_samples for pair in pairs if pair.track == "second"), None)
    return findings_between(session, song.beats_s().tolist()), lag


def track(sound: Signal, role: str) -> Track:
    audio, compact = _heard(_Sound(sound))
    return Track(role=role, length_samples=audio.length_samples, compact=compact, read=audio.span)


class _Sound:
    """A sound by its identity, so that what stays in a session is summed up once."""

    def __init__(self, sound: Signal) -> None:
        self.sound = sound

    def __hash__(self) -> int:
        return id(self.sound)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, _Sound) and other.sound is self.sound


@lru_cache(maxsize=24)
def _heard(key: _Sound) -> tuple[Audio, Compact]:
    audio = Audio.of(np.atleast_2d(key.sound), RATE_HZ)
    return audio, compact_of(audio)


def is_found(planted: Planted, found: tuple[Finding, ...], lag: float | None) -> bool:
    """Whether one of the right kind came on the right track, with its place and size."""
    if planted.measured:
        return lag is not None and planted.value is not None and abs(lag - planted.value) <= planted.tolerance
    return any(fits(planted, each) for each in found)


def fits(planted: Planted, each: Finding) -> bool:
    """Whether a question is of the right kind, of the right track, with its source, place and size."""
    if each.kind not in planted.kinds or each.track not in planted.tracks or planted.source not in each.question:
        return False
    if planted.measured:
        return True
    if planted.value is not None and abs(abs(each.value or 0.0) - planted.value) > planted.tolerance:
        return False
    if planted.place_s is None:
        return True
    return each.start_s is not None and planted.place_s[0] <= each.start_s <= planted.place_s[1]


def seeds(count: int) -> Iterator[int]:
    """Of the songs that are measured."""
    yield from range(FIRST_SEED, FIRST_SEED + count)


def measure(count: int = SONGS, first_seed: int = FIRST_SEED) -> str:
    """The table, and how many false questions clean songs raise."""
    tallies: dict[tuple[str, int], Tally] = defaultdict(Tally)
    asked: list[Finding] = []
    noted = 0
    begun = time.process_time()
    for seed in range(first_seed, first_seed + count):
        song = clean(seed)
        found, _ = questions(song.sounds, {}, song.song)
        asked += [each for each in found if each.severity != "note"]
        noted += sum(each.severity == "note" for each in found)
        for number, (name, plant) in enumerate(PLANTINGS.items()):
            for severity in range(3):
                planted = plant(np.random.default_rng((seed, number, severity)), song, severity)
                heard, lag = questions(planted.sounds, planted.roles, song.song)
                tally = tallies[name, severity]
                tally.planted += 1
                if is_found(planted, heard, lag):
                    tally.found += 1
                else:
                    tally.missed.append(seed)
                tally.others += sum(each.severity != "note" and (each.kind not in planted.kinds) for each in heard)
    lines = [
        "## Faults between recordings",
        f"{count} clean songs of eight parts and {LENGTH_S:.0f} s: {len(asked)} false questions, {noted} notes"
        f" ({time.process_time() - begun:.0f} s CPU in all).",
        "",
        "| planted | subtle | clear | gross | other questions |",
        "|---|---|---|---|---|",
    ]
    for name in PLANTINGS:
        rows = [tallies[name, severity] for severity in range(3)]
        shares = " | ".join(f"{row.found / row.planted:.2f}" for row in rows)
        lines.append(f"| {name} | {shares} | {sum(row.others for row in rows)} |")
    for each in asked[:20]:
        print("false:", each.kind, each.track, each.question, file=sys.stderr)
    for (name, severity), tally in tallies.items():
        if tally.missed and severity:
            print("missed:", name, SEVERITIES[severity], tally.missed, file=sys.stderr)
    return "\n".join(lines)


if __name__ == "__main__":
    print(measure(*(int(word) for word in sys.argv[1:])))
