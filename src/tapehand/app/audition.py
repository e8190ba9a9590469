"""Hearing options fairly: same place, same loudness, nothing over full scale, as files for any player."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import chain, count
from pathlib import Path
from typing import Final

from tapehand.app.difference import Stretch, most_different
from tapehand.app.matching import as_long_as_each_other, matched, through_preview_master, with_soft_edges
from tapehand.app.studio import Studio
from tapehand.app.view import StoredView, view_of
from tapehand.audio import Audio, io
from tapehand.audio.atomic_folder import AtomicFolder
from tapehand.catalogue.loading import load
from tapehand.errors import InputError
from tapehand.ports.song_store import SongStore
from tapehand.song.op import SetMaster
from tapehand.song.proposal import Option, Proposal
from tapehand.song.region import Span
from tapehand.song.trial import AS_IT_STANDS
from tapehand.work import Work

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


@dataclass(frozen=True, slots=True, kw_only=True)
class Listening:
    """How to listen.

    Parameters
    ----------
    span : the stretch to hear; None is where the options differ most.
    whole : hear all of the song instead.
    preview_master : one same bus chain on everything that is heard.
    with_rough : hear the song as it stands as well.
    """

    span: Span | None = None
    whole: bool = False
    preview_master: bool = False
    with_rough: bool = False


WHERE_THEY_DIFFER: Final = Listening()


@dataclass(frozen=True, slots=True, kw_only=True)
class Audition:
    """The options as files, and which stretch of the song they are."""

    stretch: Stretch
    heard: tuple[Heard, ...]


def hear(
    studio: Studio, store: SongStore, number: int, folder: Path, *, how: Listening = WHERE_THEY_DIFFER, work: Work
) -> Audition:
    """Write every option of proposal ``number`` to ``folder``, matched in loudness; the song is not changed.

    Raises
    ------
    InputError
        ``proposal.unknown``, ``audition.outside``, ``audition.mastered``.
    OutputError
        ``folder`` exists and is not empty, or cannot be written.
    """
    proposal = store.state().filed(number).proposal
    with AtomicFolder(folder) as target:
        options, stretch, sounds = comparable(view_of(studio, store), proposal, how, work)
        heard = _write(options, sounds, target.building, work)
    return Audition(stretch=stretch, heard=tuple(at_place(each, target.building, Path(folder)) for each in heard))


def write_options(view: StoredView, proposal: Proposal, folder: Path, *, work: Work) -> list[Heard]:
    """Render every option over the whole song and write it, matched, into an existing folder."""
    options, _, sounds = comparable(view, proposal, Listening(whole=True), work)
    return _write(options, sounds, folder, work)


def comparable(
    view: StoredView, proposal: Proposal, how: Listening, work: Work
) -> tuple[tuple[Option, ...], Stretch, list[Audio]]:
    """What is compared, where, and its sounds: of one length, from the same sample on; not yet of one loudness.

    Raises InputError (``audition.outside``) for a stretch that is not in the song, (``audition.mastered``) for a
    preview master over options that are masters.
    """
    options = (rough_option(), *proposal.options) if how.with_rough else proposal.options
    mastered = any(isinstance(op, SetMaster) for option in options for op in option.ops)
    if mastered and how.preview_master:
        raise InputError(
            "audition.mastered", "These options are masters already", hint="Hear them without the preview master."
        )
    renders = as_long_as_each_other(_renders(view, options, mastered, work))
    stretch = _stretch(view, renders, how)
    if how.whole:
        sounds = renders
    else:
        fade_ms = load("trials")["region"]["fade_ms"]
        ends = stretch.span.start_samples, stretch.span.end_samples
        sounds = [with_soft_edges(render.span(*ends), fade_ms) for render in renders]
    return options, stretch, through_preview_master(sounds) if how.preview_master else sounds


def rough_option() -> Option:
    """The song as it stands, as something to compare with."""
    return Option(id=AS_IT_STANDS, name="As it stands", why="the song without this proposal", ops=())


def _renders(view: StoredView, options: Sequence[Option], mastered: bool, work: Work) -> list[Audio]:
    renders = []
    for index, option in enumerate(options):
        share = work.child("audition.render", index / len(options), (index + 1) / len(options))
        renderer = view.renderer(option.ops, share)
        renders.append(renderer.master() if mastered else renderer.mix())
    return renders


def _stretch(view: StoredView, renders: Sequence[Audio], how: Listening) -> Stretch:
    length = renders[0].length_samples
    if how.whole:
        return Stretch(span=Span(start_samples=0, end_samples=length), name="the whole song", why="asked for")
    if how.span is None:
        return most_different(view.state, renders)
    if not 0 <= how.span.start_samples < min(how.span.end_samples, length):
        raise InputError(
            "audition.outside",
            "That stretch is not in the song",
            hint=f"The song is {length / view.state.rate_hz:.1f} s long.",
        )
    end = min(how.span.end_samples, length)
    return Stretch(span=replace(how.span, end_samples=end), name="the stretch you named", why="asked for")


def _write(options: Sequence[Option], sounds: Sequence[Audio], folder: Path, work: Work) -> list[Heard]:
    heard = []
    for option, name, sound in zip(options, file_names(options), matched(sounds), strict=True):
        io.write(folder / name, sound.audio, work=work)
        heard.append(
            Heard(
                option=option,
                path=folder / name,
                integrated_lufs=sound.integrated_lufs,
                true_peak_dbtp=sound.true_peak_dbtp,
                match_gain_db=sound.match_gain_db,
            )
        )
    return heard


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
