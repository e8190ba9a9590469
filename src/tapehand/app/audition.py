"""Hearing options fairly: same place, same loudness, nothing over full scale, as files for any player."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import chain, count
from pathlib import Path
from typing import Final

import numpy as np

from tapehand.app.studio import Studio
from tapehand.app.view import StoredView, view_of
from tapehand.audio import Audio, io
from tapehand.audio.atomic_folder import AtomicFolder
from tapehand.meters.loudness import integrated_lufs
from tapehand.meters.true_peak import true_peak_dbtp
from tapehand.ports.song_store import SongStore
from tapehand.song.op import SetMaster
from tapehand.song.proposal import Option, Proposal
from tapehand.song.region import Span
from tapehand.units import SILENCE_DB, db_to_gain
from tapehand.work import Work

GUARD_DBTP: Final = -1.0
LONGEST_NAME_BYTES: Final = 160
RESERVED_NAMES: Final = {"CON", "PRN", "AUX", "NUL", *(f"{port}{n}" for port in ("COM", "LPT") for n in range(1, 10))}
UNSAFE_IN_NAMES: Final = frozenset('/\\:*?"<>|')


@dataclass(frozen=True, slots=True, kw_only=True)
class Heard:
    """An option as a file: what it measured as rendered, and how much it was turned down to be compared."""

    option: Option
    path: Path
    integrated_lufs: float
    true_peak_dbtp: float
    match_gain_db: float


def hear(
    studio: Studio, store: SongStore, number: int, folder: Path, *, span: Span | None = None, work: Work
) -> list[Heard]:
    """Write every option of proposal ``number`` to ``folder``, matched in loudness; the song is not changed.

    Raises
    ------
    OutputError
        ``folder`` exists and is not empty, or cannot be written.
    """
    proposal = store.state().filed(number).proposal
    with AtomicFolder(folder) as target:
        heard = write_options(view_of(studio, store), proposal, target.building, span=span, work=work)
    return [at_place(each, target.building, Path(folder)) for each in heard]


def write_options(
    view: StoredView, proposal: Proposal, folder: Path, *, span: Span | None = None, work: Work
) -> list[Heard]:
    """Render every option over ``span`` (None is the whole song) and write it, matched, into an existing folder."""
    through_master = any(isinstance(op, SetMaster) for option in proposal.options for op in option.ops)
    renders = []
    for index, option in enumerate(proposal.options):
        share = work.child("audition.render", index / len(proposal.options), (index + 1) / len(proposal.options))
        renders.append(_rendered(view, option, span, through_master, share))
    levels = [integrated_lufs(render) for render in renders]
    peaks = [true_peak_dbtp(render) for render in renders]
    gains_db = match_gains_db(levels, peaks)
    heard = []
    for option, name, render, level, peak, gain_db in zip(
        proposal.options, file_names(proposal.options), renders, levels, peaks, gains_db, strict=True
    ):
        path = folder / name
        io.write(path, turned(render, gain_db), work=work)
        heard.append(Heard(option=option, path=path, integrated_lufs=level, true_peak_dbtp=peak, match_gain_db=gain_db))
    return heard


def match_gains_db(levels_lufs: Sequence[float], peaks_dbtp: Sequence[float]) -> list[float]:
    """Gains, all 0 dB or less, that bring everything to one loudness with every true peak at -1 dBTP or less.

    What is silent has no loudness to match and keeps its level.
    """
    loud = [level for level in levels_lufs if level > SILENCE_DB]
    target = min(loud, default=0.0)
    gains = [target - level if level > SILENCE_DB else 0.0 for level in levels_lufs]
    over_db = max((peak + gain - GUARD_DBTP for peak, gain in zip(peaks_dbtp, gains, strict=True)), default=0.0)
    return [gain - max(over_db, 0.0) for gain in gains]


def turned(audio: Audio, gain_db: float) -> Audio:
    """``audio`` at another level."""
    return audio if gain_db == 0.0 else Audio.of(audio.samples * np.float32(db_to_gain(gain_db)), audio.rate_hz)


def file_names(options: Sequence[Option]) -> list[str]:
    """A file name for each option from its own name, unlike the others."""
    names: list[str] = []
    for option in options:
        names.append(file_name(option.name, option.id, taken=names))
    return names


def file_name(name: str, identity: str, *, taken: Sequence[str]) -> str:
    """A ``.wav`` file name from a name that may hold anything, safe on every system and unlike those ``taken``."""
    kept = "".join(
        "-" if character in UNSAFE_IN_NAMES or not character.isprintable() else character for character in name
    )
    plain = kept.strip(" .-")
    while len(plain.encode()) > LONGEST_NAME_BYTES:
        plain = plain[:-1]
    if not plain or plain.split(".")[0].upper() in RESERVED_NAMES:
        plain = f"{plain} {identity}".strip()
    used = {other.casefold() for other in taken}
    candidates = chain([plain, f"{plain} ({identity})"], (f"{plain} ({identity}-{number})" for number in count(2)))
    return next(f"{each}.wav" for each in candidates if f"{each}.wav".casefold() not in used)


def at_place(heard: Heard, building: Path, folder: Path) -> Heard:
    """The same after the folder it was built in got its name."""
    return replace(heard, path=folder / heard.path.relative_to(building))


def _rendered(view: StoredView, option: Option, span: Span | None, through_master: bool, work: Work) -> Audio:
    renderer = view.renderer(option.ops, work)
    audio = renderer.master() if through_master else renderer.mix()
    return audio if span is None else audio.span(span.start_samples, span.end_samples)
