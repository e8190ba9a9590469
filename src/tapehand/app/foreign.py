"""A file of the same song from elsewhere (a bounce, a cloud mix, a colleague's version) as one more option.

It is copied in bit by bit, laid where the song is, and heard like any other option. Choosing it is a decision like any
other: the file comes onto a track of its own, and everything else is muted.
"""

import math
from dataclasses import replace
from pathlib import Path
from typing import Final

from tapehand.app.studio import Studio
from tapehand.app.view import song_of, view_of
from tapehand.audio import io
from tapehand.catalogue.loading import load
from tapehand.errors import Conflict, InputError
from tapehand.listening.same_song import SameSong, same_song
from tapehand.ports.song_store import SongStore
from tapehand.song.event import AudioAdded, OptionJoined
from tapehand.song.fold import Filed
from tapehand.song.mixer import MIX, Strip
from tapehand.song.op import (
    AddTrack,
    Op,
    SetAutomation,
    SetDelay,
    SetFader,
    SetInserts,
    SetMaster,
    SetMute,
    SetMuted,
    SetPan,
    SetPolarity,
)
from tapehand.song.proposal import Evidence, Option, Proposal
from tapehand.song.provenance import Provenance
from tapehand.song.region import AudioRegion
from tapehand.song.song import Song, Track
from tapehand.song.source import Source
from tapehand.units import gain_to_db
from tapehand.work import Work

FOREIGN: Final = "foreign"
# A mono track in the centre is turned down by the pan law; a finished mix is not to be.
CENTRE_MAKE_UP_DB: Final = gain_to_db(math.sqrt(2.0))
NEUTRAL_MIX_BUS: Final = (SetInserts, SetFader, SetPan, SetPolarity, SetDelay, SetMute, SetMuted, SetAutomation)


def join_foreign(studio: Studio, store: SongStore, number: int, path: Path, *, by: str, work: Work) -> Filed:
    """Put a file of the song beside the options of an open proposal, aligned to the sample; the song is not changed.

    Raises
    ------
    InputError
        ``foreign.other_song``: it does not sound like this song; ``foreign.drifts``: it does not keep time with it;
        ``foreign.channels``; ``proposal.unknown``; or as ``audio.io.read``.
    Conflict
        ``proposal.cannot_join``: the proposal was decided.
    """
    path = Path(path)
    state = store.state()
    filed = state.filed(number)
    if not filed.is_open:
        raise Conflict("proposal.cannot_join", f"Proposal {number} was decided already", where=path.name)
    sound = io.read(path, work)
    if sound.channels > 2:
        raise InputError("foreign.channels", f"{path.name} has {sound.channels} channels", where=str(path))
    song = song_of(state)
    lies = same_song(view_of(studio, store).renderer(work=work).mix(), sound)
    if lies is None:
        raise InputError(
            "foreign.other_song",
            f"{path.name} does not sound like {song.name}",
            where=str(path),
            hint="Only a version of this song can be compared with it.",
        )
    _refuse_drifting(lies, song, path)
    provenance = _provenance(studio, by)
    source = replace(store.media.add_file(path, sound), origin=FOREIGN, provenance=provenance)
    option = _option(song, filed.proposal, source, lies, path)
    joined = OptionJoined(number=number, option=option, provenance=provenance)
    after = store.append([AudioAdded(source=source), joined], actor=by, actor_kind="person", expected_head=state.head)
    return after.filed(number)


def _refuse_drifting(lies: SameSong, song: Song, path: Path) -> None:
    drift_ms = 1000.0 * lies.drift_samples / song.rate_hz
    if drift_ms > load("trials")["foreign"]["largest_drift_ms"]:
        raise InputError(
            "foreign.drifts",
            f"{path.name} does not keep time with {song.name}: it moves by {drift_ms:.1f} ms within the song",
            where=str(path),
            hint="Export it again without stretching or edits, at the song's tempo and sample rate.",
        )


def _provenance(studio: Studio, by: str) -> Provenance:
    return Provenance(
        engine=FOREIGN,
        version=studio.version,
        maker="human",
        settings=(("brought_by", by), ("made_with", "not said")),
        licence="not said",
    )


def _option(song: Song, proposal: Proposal, source: Source, lies: SameSong, path: Path) -> Option:
    late_ms = 1000.0 * lies.lag_samples / song.rate_hz
    drift_ms = 1000.0 * lies.drift_samples / song.rate_hz
    identity = _free(FOREIGN, [option.id for option in proposal.options])
    shift = f"{abs(late_ms):.1f} ms {'late' if late_ms > 0 else 'early'}, now aligned" if late_ms else "in time"
    return Option(
        id=identity,
        name=path.stem or identity,
        why=f"a file from elsewhere; it was {shift}",
        ops=foreign_ops(song, _track(song, source, lies, path), masters=_is_of_masters(proposal)),
        evidence=(
            Evidence(name="late against the song", unit="ms", before=late_ms, after=0.0),
            Evidence(name="drift within the song", unit="ms", before=drift_ms, after=drift_ms),
        ),
    )


def foreign_ops(song: Song, track: Track, *, masters: bool) -> tuple[Op, ...]:
    """What makes the song sound as that one track and nothing else: others muted, the mix bus out of the way."""
    ops: list[Op] = [SetMute(target=each.id, mute=True) for each in song.tracks if not each.strip.mute]
    ops.append(AddTrack(track=track))
    neutral = Strip()
    for kind in NEUTRAL_MIX_BUS:
        value = getattr(neutral, kind.FIELD)
        if getattr(song.mix, kind.FIELD) != value:
            ops.append(kind(target=MIX, **{kind.FIELD: value}))
    if masters:
        ops.append(SetMaster(master=()))
    return tuple(ops)


def _track(song: Song, source: Source, lies: SameSong, path: Path) -> Track:
    length = round(source.length_samples * song.rate_hz / source.rate_hz)
    skipped = max(lies.lag_samples, 0)
    region = AudioRegion(
        source=source.blob,
        start_samples=max(-lies.lag_samples, 0),
        length_samples=length - skipped,
        offset_samples=skipped,
        gain_db=CENTRE_MAKE_UP_DB if source.channels == 1 else 0.0,
    )
    identity = _free("x01", [owner.id for owner in song.owners])
    return Track(id=identity, name=path.stem, role="rough_mix", role_confidence=1.0, regions=(region,))


def _is_of_masters(proposal: Proposal) -> bool:
    return any(isinstance(op, SetMaster) for option in proposal.options for op in option.ops)


def _free(wanted: str, taken: list[str]) -> str:
    if wanted not in taken:
        return wanted
    return next(name for number in range(2, len(taken) + 3) if (name := f"{wanted}-{number}") not in taken)
