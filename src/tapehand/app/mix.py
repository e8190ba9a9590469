"""A folder of stems becomes a song with a mix proposal, its options as files and, if the caller decides, a mix."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

from tapehand.app.audition import Heard, at_place, write_options
from tapehand.app.decide import decide, option_named
from tapehand.app.deliver import note_rendered, write_mix_and_stems
from tapehand.app.inbox import findings_plain, questions
from tapehand.app.propose import propose
from tapehand.app.songs import create_from_stems
from tapehand.app.studio import Studio
from tapehand.app.view import song_of, view_of
from tapehand.audio.atomic_folder import AtomicFolder
from tapehand.ports.song_store import SongStore
from tapehand.song.brief import Brief
from tapehand.song.fold import Filed, SongState
from tapehand.song.mixer import net_gain_db
from tapehand.song.op import apply_all
from tapehand.song.proposal import Option
from tapehand.song.song import Song, Track
from tapehand.units import finite_or_none
from tapehand.work import Work

SONG: Final = "song.tapehand"
OPTIONS: Final = "options"
MIX: Final = "mix.wav"
# Findings that say why a track takes no part in a mix.
SKIPPING: Final = ("silent",)


def mix_folder(
    studio: Studio,
    folder: Path,
    out: Path,
    *,
    by: str,
    accept: str | None = None,
    brief: Brief | None = None,
    seed: int = 0,
    work: Work,
) -> dict[str, Any]:
    """Import ``folder`` into ``out``/song.tapehand, propose a mix, render its options; the ``Mix.1`` record.

    ``accept`` is the caller's decision: an option, or ``"recommended"``; then ``out``/mix.wav is rendered too. ``out``
    appears whole or not at all.

    Raises
    ------
    InputError
        The folder cannot be used, or there is no such option.
    OutputError
        ``out`` is taken, cannot be written, or the disk is full.
    Cancelled
        ``work`` was cancelled.
    """
    out = Path(out)
    listed = studio.list_stems(Path(folder), work)
    name = Path(folder).absolute().name
    with AtomicFolder(out) as target:
        building = target.building
        with create_from_stems(studio, listed, building / SONG, name=name, by=by, work=work) as store:
            filed = propose(studio, store, "mixing", brief or Brief(), seed=seed, work=work)
            chosen = None if accept is None else option_named(filed.proposal, accept)
            proposed = store.state()
            heard = audition(studio, store, filed, building, work)
            if chosen is not None:
                decide(store, filed.number, "accept", by=by, option=chosen.id)
                write_mix(studio, store, building / MIX, by=by, work=work)
    paths = [str(stem.path) for stem in listed.stems]
    record = mix_record(proposed, filed, [at_place(each, building, out) for each in heard], paths, out)
    return {**record, "mix": str(out / MIX)} if chosen is not None else record


def audition(studio: Studio, store: SongStore, filed: Filed, folder: Path, work: Work) -> list[Heard]:
    """The options of a proposal as matched files in ``folder``/options."""
    options = folder / OPTIONS
    options.mkdir()
    return write_options(view_of(studio, store), filed.proposal, options, work=work)


def write_mix(studio: Studio, store: SongStore, path: Path, *, by: str, work: Work) -> None:
    """Render the song as it stands, before its master chain, and note it in the log."""
    write_mix_and_stems(view_of(studio, store).renderer(work=work), path, {})
    note_rendered(studio, store, path, by=by)


def mix_record(
    state: SongState, filed: Filed, heard: Sequence[Heard], paths: Sequence[str], out: Path
) -> dict[str, Any]:
    """The ``Mix.1`` object of the JSON interface, without ``mix``; ``state`` is the song as the proposal met it."""
    song, proposal = song_of(state), filed.proposal
    starting_point = proposal.option(proposal.recommended) if proposal.recommended else proposal.options[0]
    tracks = apply_all(song, starting_point.ops).tracks
    silent = {one.track: one.kind for scope in state.findings.values() for one in scope if one.kind in SKIPPING}
    return {
        "schema": "Mix.1",
        "song": str(out / SONG),
        "tracks": [_track(track, path, silent.get(track.id)) for track, path in zip(tracks, paths, strict=True)],
        "findings": findings_plain(questions(state)),
        "proposal": {
            "id": filed.number,
            "recommended": proposal.recommended,
            "recommended_because": proposal.recommended_because,
            "options": [_option(song, each) for each in heard],
        },
    }


def _track(track: Track, path: str, skipped: str | None) -> dict[str, Any]:
    return {
        "name": track.name,
        "path": path,
        "role": track.role,
        "role_confidence": track.role_confidence,
        "group": track.group,
        "skipped": skipped,
    }


def _option(song: Song, heard: Heard) -> dict[str, Any]:
    option = heard.option
    mixed = apply_all(song, option.ops)
    return {
        "id": option.id,
        "name": option.name,
        "path": str(heard.path),
        "why": option.why,
        "integrated_lufs": finite_or_none(heard.integrated_lufs),
        "true_peak_dbtp": finite_or_none(heard.true_peak_dbtp),
        "match_gain_db": heard.match_gain_db,
        "moves": [_move(track, option) for track in mixed.tracks],
    }


def _move(track: Track, option: Option) -> dict[str, Any]:
    strip = track.strip
    return {
        "track": track.name,
        "gain_db": finite_or_none(net_gain_db(strip)),
        "muted": strip.mute,
        "pan": strip.pan,
        "polarity": strip.polarity,
        "delay_samples": strip.delay_samples,
        "reasons": [reason.text for reason in option.reasons if reason.target == track.id],
    }
