"""Play the notes of a region: the one call that turns notes, patch and seed into Audio."""

import math
import threading
import zlib
from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from tapehand.audio.buffer import Audio
from tapehand.errors import InputError
from tapehand.instruments.chance import mixed
from tapehand.instruments.patch import Ensemble
from tapehand.instruments.roster import Instrument, Piece, instrument
from tapehand.instruments.stroke import NEVER, Leg, Stroke
from tapehand.instruments.voicing import voiced
from tapehand.kernels import synth
from tapehand.music.notes import Note
from tapehand.music.time import TempoMap
from tapehand.song.region import NoteRegion, Patch

Voiced = NDArray[np.float32]
RATES_HZ: Final = (22_050, 192_000)
#: Velocities that share a timbre; the level follows each velocity exactly.
TIMBRE_STEP: Final = 16
#: Notes are held in steps of this length, so that repeated notes are found again in the cache.
GATE_STEP_S: Final = 0.001
#: A glide that starts within this many ticks after the note before joins it without a new attack.
LEGATO_TICKS: Final = 120
CUT_S: Final = 0.006
CACHE_BYTES: Final = 192 * 1024 * 1024


@dataclass(frozen=True, slots=True, kw_only=True)
class Cue:
    """A stroke with its place: when it starts, how loud, and where something cuts it off."""

    piece: Piece
    stroke: Stroke
    start_samples: int
    gain: float
    cut_samples: int | None


def play(region: NoteRegion, grid: TempoMap, rate_hz: int) -> Audio:
    """The sound of a region: stereo, sample 0 at the region's start, its tail included.

    Each note's chance comes from the region's seed, its place and its pitch, so that changing one note leaves what
    the others play as it was. Notes that begin outside the region do not sound; a note is let go at the region's end.

    Parameters
    ----------
    region : notes, patch and seed.
    grid : the song's tempo map; the region's place in it decides the times.
    rate_hz : 22050..192000.

    Raises
    ------
    InputError : ``instruments.unknown``, ``instruments.no_setting``, ``instruments.setting_range``,
        ``instruments.no_piece``, ``instruments.rate``, ``instruments.note``.
    """
    if not RATES_HZ[0] <= rate_hz <= RATES_HZ[1]:
        raise InputError("instruments.rate", f"Instruments play at {RATES_HZ[0]} to {RATES_HZ[1]} Hz, not {rate_hz}")
    played = instrument(region.patch)
    clock = _Clock(region, grid, rate_hz)
    length = clock.samples_at(region.length_ticks)
    cues = _cues(played, region, clock)
    voices = [_cut(_cached(region.patch, cue), cue, rate_hz) for cue in cues]
    ends = [cue.start_samples + voice.shape[1] for cue, voice in zip(cues, voices, strict=True)]
    echo = math.ceil(played.ensemble.chorus_s * rate_hz) + 4 if played.ensemble.chorus else 0
    total = np.zeros((2, max([length, *(end + echo for end in ends)])), dtype=np.float32)
    for cue, voice in zip(cues, voices, strict=True):
        for side in (0, 1):
            place = total[side, cue.start_samples : cue.start_samples + voice.shape[1]]
            synth.add_voice(place, voice[side], cue.gain)
    _apply_ensemble(total, played.ensemble, rate_hz)
    return Audio(total, rate_hz)


class _Clock:
    """Sample positions, from the region's start, of ticks in it."""

    def __init__(self, region: NoteRegion, grid: TempoMap, rate_hz: int) -> None:
        self.rate_hz = rate_hz
        self._grid = grid
        self._start_tick = region.start_tick
        self._start_samples = grid.samples_at(region.start_tick, rate_hz)
        self._known: dict[int, int] = {}

    def samples_at(self, tick: int) -> int:
        if tick not in self._known:
            position = self._grid.samples_at(self._start_tick + tick, self.rate_hz)
            self._known[tick] = position - self._start_samples
        return self._known[tick]


def _cues(played: Instrument, region: NoteRegion, clock: _Clock) -> list[Cue]:
    notes = sorted(note for note in region.notes if _checked(note).start_tick < region.length_ticks)
    groups = _phrases(notes) if played.facts.mono else [(note,) for note in notes]
    cues = []
    for index, group in enumerate(groups):
        piece = played.piece_for(group[0].pitch)
        cut_tick = _cut_tick(piece, groups, index, played.facts.mono)
        before = groups[index - 1][-1] if index and played.facts.mono else None
        cues.append(_cue(piece, region, clock, group, before, cut_tick))
    return cues


def _checked(note: Note) -> Note:
    if note.start_tick < 0 or note.length_ticks < 1 or not 0 <= note.pitch <= 127 or not 1 <= note.velocity <= 127:
        raise InputError("instruments.note", f"This is no playable note: {note}")
    return note


def _phrases(notes: Sequence[Note]) -> list[tuple[Note, ...]]:
    """Notes in groups: each that glides on from a note still held joins it. Of notes that start together, the top."""
    single = [
        n for n, after in zip(notes, [*notes[1:], None], strict=True) if not after or after.start_tick > n.start_tick
    ]
    groups: list[tuple[Note, ...]] = []
    for note in single:
        joins = groups and note.glide_ticks > 0 and note.start_tick <= groups[-1][-1].end_tick + LEGATO_TICKS
        if joins:
            groups[-1] = (*groups[-1], note)
        else:
            groups.append((note,))
    return groups


def _cut_tick(piece: Piece, groups: Sequence[tuple[Note, ...]], index: int, mono: bool) -> int | None:
    start = groups[index][0].start_tick
    for group in groups[index + 1 :]:
        if mono or (group[0].start_tick > start and group[0].pitch in piece.choked_by):
            return group[0].start_tick
        if not piece.choked_by:
            return None
    return None


def _cue(
    piece: Piece,
    region: NoteRegion,
    clock: _Clock,
    group: tuple[Note, ...],
    before: Note | None,
    cut_tick: int | None,
) -> Cue:
    first, rate_hz = group[0], clock.rate_hz
    start = clock.samples_at(first.start_tick)
    held = max(clock.samples_at(min(group[-1].end_tick, region.length_ticks)) - start, 1)
    exact = piece.voice.stretched or piece.voice.reversed_time
    if not exact:
        held = max(round(held / (GATE_STEP_S * rate_hz)), 1) * round(GATE_STEP_S * rate_hz)
    free = piece.voice.one_shot and not exact
    take = mixed(region.seed, first.start_tick, first.pitch) % piece.voice.takes
    layer = (first.velocity - 1) // TIMBRE_STEP * TIMBRE_STEP + TIMBRE_STEP // 2
    stroke = Stroke(
        legs=_legs(group, before, clock),
        gate_samples=NEVER if free else held,
        velocity=layer / 127.0,
        take=mixed(zlib.crc32(f"{region.patch.instrument}/{piece.name}".encode()), take),
        rate_hz=rate_hz,
    )
    gain = math.pow(first.velocity / 127.0, piece.voice.velocity_curve)
    cut = None if cut_tick is None else clock.samples_at(cut_tick) - start
    return Cue(piece=piece, stroke=stroke, start_samples=start, gain=gain, cut_samples=cut)


def _legs(group: tuple[Note, ...], before: Note | None, clock: _Clock) -> tuple[Leg, ...]:
    start = clock.samples_at(group[0].start_tick)
    legs = []
    for note in group:
        at = clock.samples_at(note.start_tick)
        glide = clock.samples_at(note.start_tick + note.glide_ticks) - at if before is not None else 0
        from_pitch = float(note.pitch if before is None else before.pitch)
        legs.append(Leg(offset_samples=at - start, pitch=float(note.pitch), from_pitch=from_pitch, glide_samples=glide))
        before = note
    if legs[0].glide_samples == 0:
        legs[0] = Leg(offset_samples=0, pitch=legs[0].pitch, from_pitch=legs[0].pitch)
    return tuple(legs)


def _cut(voice: Voiced, cue: Cue, rate_hz: int) -> Voiced:
    """The voice as far as it sounds: faded out where the next note or a closing hat ends it."""
    fade = round(CUT_S * rate_hz)
    if cue.cut_samples is None or cue.cut_samples + fade >= voice.shape[1]:
        return voice
    short = voice[:, : cue.cut_samples + fade].copy()
    short[:, -fade:] *= np.arange(fade - 1, -1, -1, dtype=np.float32) / np.float32(fade)
    return short


class _Cache:
    """Voices made in this process, the longest unused thrown out first."""

    def __init__(self, limit_bytes: int) -> None:
        self._limit_bytes = limit_bytes
        self._held_bytes = 0
        self._voices: OrderedDict[tuple[Patch, str, Stroke], Voiced] = OrderedDict()
        self._lock = threading.Lock()

    def get(self, key: tuple[Patch, str, Stroke]) -> Voiced | None:
        with self._lock:
            if key in self._voices:
                self._voices.move_to_end(key)
            return self._voices.get(key)

    def put(self, key: tuple[Patch, str, Stroke], voice: Voiced) -> None:
        with self._lock:
            if key in self._voices or voice.nbytes > self._limit_bytes // 8:
                return
            self._voices[key] = voice
            self._held_bytes += voice.nbytes
            while self._held_bytes > self._limit_bytes:
                self._held_bytes -= self._voices.popitem(last=False)[1].nbytes


_CACHE: Final = _Cache(CACHE_BYTES)


def _cached(patch: Patch, cue: Cue) -> Voiced:
    key = (patch, cue.piece.name, cue.stroke)
    voice = _CACHE.get(key)
    if voice is None:
        voice = voiced(cue.piece.voice, cue.stroke)
        voice.flags.writeable = False
        _CACHE.put(key, voice)
    return voice


def _apply_ensemble(total: Voiced, ensemble: Ensemble, rate_hz: int) -> None:
    if ensemble.chorus:
        synth.apply_chorus(
            total,
            wet=ensemble.chorus,
            delay_samples=ensemble.chorus_delay_s * rate_hz,
            depth_samples=ensemble.chorus_depth_s * rate_hz,
            step=ensemble.chorus_hz / rate_hz,
            second_depth_samples=ensemble.shimmer_depth_s * rate_hz,
            second_step=ensemble.shimmer_hz / rate_hz,
        )
    if ensemble.tremolo:
        synth.apply_tremolo(
            total, depth=ensemble.tremolo, step=ensemble.tremolo_hz / rate_hz, ahead=ensemble.tremolo_ahead
        )
