"""What a second opinion is worth: our notes on clips whose pitch is known, before and after somebody else was asked.

``python -m bench.listening.opinions [COUNT] [FIRST_SEED]``; needs the extra ``tapehand[swift-f0]``. Clips are those of
the pitch bench with noise at 20, 10 and 0 dB, and the odd voices.
"""

import sys
from collections.abc import Iterator

import numpy as np

from bench.listening.odd_voices import HOP_S, SINGLE
from bench.listening.pitch import Signal, clip, noisy
from tapehand.audio import Audio
from tapehand.listening.attacks import attack_times_s
from tapehand.listening.notes import Note, notes_of
from tapehand.listening.pitch import track_pitch
from tapehand.listening.recordings import compact_of
from tapehand.listening.second_opinion import settings, with_second_opinion
from tapehand.listening.swift_f0 import SwiftF0Tracker, installed_version

COUNT = 12
FIRST_SEED = 500
RIGHT_CENTS = 50.0
Judged = tuple[Note, Note, bool]


def sounds(count: int, first_seed: int) -> Iterator[tuple[Audio, Signal]]:
    """Sounds with their pitch every 10 ms."""
    for seed in range(first_seed, first_seed + count):
        made = clip(seed)
        for snr_db in (20, 10, 0):
            yield noisy(made, snr_db, seed), made.hz
        for voice in SINGLE.values():
            odd = voice(np.random.default_rng(seed))
            yield odd.sound, odd.hz


def judged(audio: Audio, hz: Signal) -> Iterator[Judged]:
    """Each note before and after the second opinion, and whether its centre is right."""
    compact = compact_of(audio)
    notes = notes_of(track_pitch(compact.mono), attack_times_s(compact))
    told = with_second_opinion(notes, compact.mono, SwiftF0Tracker())
    for before, after in zip(notes, told, strict=True):
        true = hz[round(before.start_s / HOP_S) : round(before.end_s / HOP_S)]
        true = true[true > 0]
        off = abs(1200 * np.log2(before.centre_hz / np.median(true))) if true.size else np.inf
        yield before, after, bool(off < RIGHT_CENTS)


def measure(count: int = COUNT, first_seed: int = FIRST_SEED) -> str:
    """The table."""
    rows = [row for audio, hz in sounds(count, first_seed) for row in judged(audio, hz)]
    asked = [row for row in rows if row[0].confidence < settings()["asked_below"]]
    kinds = {
        "agreed": [row for row in asked if row[1].confidence > row[0].confidence],
        "heard nothing": [row for row in asked if _ratio(row) == settings()["unheard"]],
        "heard another": [row for row in asked if _ratio(row) == settings()["disagreed"]],
    }
    lines = [
        "## A second opinion on pitch",
        f"{SwiftF0Tracker().name}, asked about {len(asked)} of {len(rows)} notes; right: within 50 cents of the truth.",
        "",
        "| notes | how many | right |",
        "|---|---|---|",
        f"| not asked about | {len(rows) - len(asked)} | {_share(set_of(rows, asked)):.3f} |",
        f"| asked about | {len(asked)} | {_share(asked):.3f} |",
    ]
    lines += [f"| it {name} | {len(chosen)} | {_share(chosen):.3f} |" for name, chosen in kinds.items()]
    lines += ["", "| confidence | alone: notes | right | with it: notes | right |", "|---|---|---|---|---|"]
    for name, low, high in (("0.8-1", 0.8, 1.01), ("0.6-0.8", 0.6, 0.8), ("0.3-0.6", 0.3, 0.6), ("0-0.3", 0.0, 0.3)):
        alone = [row for row in rows if low <= row[0].confidence < high]
        with_it = [row for row in rows if low <= row[1].confidence < high]
        lines.append(f"| {name} | {len(alone)} | {_share(alone):.3f} | {len(with_it)} | {_share(with_it):.3f} |")
    return "\n".join(lines)


def set_of(rows: list[Judged], without: list[Judged]) -> list[Judged]:
    """The others."""
    left_out = {id(row) for row in without}
    return [row for row in rows if id(row) not in left_out]


def _ratio(row: Judged) -> float:
    return round(row[1].confidence / max(row[0].confidence, 1e-9), 6)


def _share(rows: list[Judged]) -> float:
    return float(np.mean([right for *_, right in rows])) if rows else float("nan")


if __name__ == "__main__":
    if installed_version() is None:
        sys.exit("Nobody to ask: pip install 'tapehand[swift-f0]'")
    print(measure(*map(int, sys.argv[1:])))
