"""Pictures of bars: which tracks play in each, how loud it is, and with what spectrum."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from tapehand.listening.marks import Mark
from tapehand.listening.recordings import Compact
from tapehand.listening.roles import group_of

Levels = NDArray[np.float64]

NOTHING: Final = 1e-12
STEPS_PER_BAR: Final = 16
# Of the steps of a bar: what sounds on under the strokes, and the strokes.
UNDER_AND_OVER: Final = (3, 12)


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class Line:
    """One track, or the whole mix, as form hears it; ``spoken`` are its names, which may speak of sections."""

    role: str
    compact: Compact
    spoken: tuple[Mark, ...] = ()


@dataclass(frozen=True, slots=True, eq=False)
class Bars:
    """Pictures of all bars.

    ``playing`` (bars, tracks) 0..1; ``tone`` (bars, bands) in dB, ``steps`` (bars, 2 bands) of the soft and the loud
    steps inside each bar of a mix; ``level_db`` (bars,); ``voices`` and ``drums`` say
    which tracks are such; ``has_tracks`` is False for a mix.
    """

    playing: Levels
    tone: Levels
    steps: Levels
    level_db: Levels
    voices: NDArray[np.bool_]
    drums: NDArray[np.bool_]
    has_tracks: bool


def pictures(lines: Sequence[Line], bars_s: Levels, hearing: Mapping[str, Any]) -> Bars:
    """The pictures of the bars whose lines are ``bars_s``."""
    levels = np.stack([_bar_means(line.compact.levels[:, np.newaxis], line.compact, bars_s)[:, 0] for line in lines], 1)
    bands = np.zeros((bars_s.size - 1, lines[0].compact.bands.shape[1]))
    for line in lines:
        bands += _bar_means(line.compact.bands, line.compact, bars_s)
    groups = [group_of(line.role) for line in lines]
    total = bands.sum(axis=1)
    return Bars(
        playing=_playing(levels, hearing),
        tone=_decibels(bands + 1e-9 * float(total.max(initial=0.0))),
        level_db=np.where(total > NOTHING, _decibels(total), -np.inf),
        steps=_steps(lines[0].compact, bars_s) if len(lines) == 1 else np.zeros((bars_s.size - 1, 0)),
        voices=np.array([group == "vocals" for group in groups]),
        drums=np.array([group == "drums" for group in groups]),
        has_tracks=len(lines) > 1,
    )


def _bar_means(values: NDArray[np.float32], compact: Compact, bars_s: Levels) -> Levels:
    """Mean over each bar of values ``(frames, n)``; 0 after their end."""
    at = np.clip(np.rint(bars_s * compact.frames_per_s).astype(np.int64), 0, values.shape[0])
    sums = np.concatenate([np.zeros((1, values.shape[1])), np.cumsum(values, axis=0, dtype=np.float64)])
    means: Levels = (sums[at[1:]] - sums[at[:-1]]) / np.maximum(np.diff(at), 1)[:, np.newaxis]
    return means


def _playing(levels: Levels, hearing: Mapping[str, Any]) -> Levels:
    """How much each track plays in each bar against its own loud bars: 1 near them, 0 ``rest_db`` under them."""
    loud_db = _decibels(np.quantile(levels, 0.9, axis=0))
    loud_db = np.where(loud_db > hearing["silent_db"], loud_db, _decibels(levels.max(axis=0)))
    share = (_decibels(levels) - loud_db + hearing["rest_db"]) / (hearing["rest_db"] - hearing["full_db"])
    playing: Levels = np.clip(share, 0.0, 1.0) * (loud_db > hearing["silent_db"])
    return playing


def points_of(bars: Bars, hearing: Mapping[str, Any]) -> Levels:
    """Each bar as a point ``(bars, n)``; bars that sound alike lie near each other."""
    tone = _compared(bars.tone, hearing)
    if not bars.has_tracks:
        steps = _compared(bars.steps, hearing)
        return np.concatenate([tone * hearing["mix"]["tone_weight"], steps * hearing["mix"]["step_weight"]], axis=1)
    playing = bars.playing / math.sqrt(bars.playing.shape[1])
    return np.concatenate([playing, tone * hearing["tracks"]["tone_weight"]], axis=1)


def _compared(levels_db: Levels, hearing: Mapping[str, Any]) -> Levels:
    """Levels against their mean over the song, so that ``tone_db`` in all of them is a distance of one."""
    apart: Levels = np.clip((levels_db - levels_db.mean(axis=0)) / hearing["tone_db"], -2.0, 2.0)
    return apart / math.sqrt(levels_db.shape[1])


def _steps(compact: Compact, bars_s: Levels) -> Levels:
    """In each band the soft and the loud steps of each bar in dB, ``(bars, 2 bands)``."""
    shares = np.arange(STEPS_PER_BAR) / STEPS_PER_BAR
    steps_s = np.append((bars_s[:-1, np.newaxis] + shares * np.diff(bars_s)[:, np.newaxis]).reshape(-1), bars_s[-1])
    by_bar = np.sort(_bar_means(compact.bands, compact, steps_s).reshape(bars_s.size - 1, STEPS_PER_BAR, -1), axis=1)
    floor = NOTHING + 1e-6 * by_bar.max(axis=(0, 1))
    return np.concatenate([_decibels(by_bar[:, place] + floor) for place in UNDER_AND_OVER], axis=1)


def _decibels(power: Levels) -> Levels:
    decibels: Levels = 10.0 * np.log10(np.maximum(power, NOTHING))
    return decibels
