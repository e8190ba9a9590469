"""The session as a whole: who takes part, how it came in, and the balance that every option starts from."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from tapehand.engines.mixing.balance import Balance, Voice, solve_balance
from tapehand.engines.mixing.heard import HeardTrack
from tapehand.engines.mixing.outlook import Outlook, outlook
from tapehand.engines.mixing.related import Shift, shifts
from tapehand.engines.mixing.settings import lead_target_db
from tapehand.song.song import Song
from tapehand.units import SILENCE_DB, db_to_gain


@dataclass(frozen=True, slots=True, kw_only=True)
class Session:
    """Everything the options have in common.

    Parameters
    ----------
    heard : every track, silent ones included.
    mixed : those that sound and belong into the mix.
    faders_db : where the faders stand now; levels that came in are heard through them.
    came_in : figures of the sum as it came in, through all faders as they stand.
    genre : the genre whose usual lead level is used.
    amount : share 0..1 of each move that is proposed.
    """

    song: Song
    heard: tuple[HeardTrack, ...]
    mixed: tuple[HeardTrack, ...]
    voices: tuple[Voice, ...]
    faders_db: Mapping[str, float]
    came_in: Outlook
    balance: Balance
    shifts: Mapping[str, Shift]
    genre: str
    target_db: float
    amount: float

    @property
    def has_voice(self) -> bool:
        """Whether somebody leads with the voice."""
        return any(voice.is_lead for voice in self.voices)


def session_of(song: Song, heard: tuple[HeardTrack, ...], genre: str | None, amount: float) -> Session | None:
    """The session; None where no track sounds and belongs into a mix."""
    mixed = tuple(track for track in heard if takes_part(track))
    if not mixed:
        return None
    faders_db = {track.id: track.strip.fader_db for track in mixed}
    voices = tuple(_voice(track) for track in mixed)
    heard_db = {key: fader_db + song.mix.fader_db for key, fader_db in faders_db.items()}
    came_in = outlook(mixed, heard_db, heard_db, {track.id: track.strip.pan for track in mixed})
    target_db, known_genre = lead_target_db(genre)
    return Session(
        song=song,
        heard=heard,
        mixed=mixed,
        voices=voices,
        faders_db=faders_db,
        came_in=came_in,
        balance=solve_balance(voices, target_db, came_in.peak_dbfs),
        shifts=shifts(mixed, song.rate_hz),
        genre=known_genre,
        target_db=target_db,
        amount=amount,
    )


def takes_part(track: HeardTrack) -> bool:
    """Whether a track is mixed: it sounds, nobody switched it off, and it is music."""
    off = track.strip.mute or track.strip.fader_db == SILENCE_DB
    return not (track.is_silent or off or track.reason_to_mute is not None)


def unsure(tracks: Sequence[HeardTrack]) -> tuple[HeardTrack, ...]:
    """Tracks whose role a person should be asked for."""
    return tuple(track for track in tracks if track.guess.asks and not track.is_silent)


def _voice(track: HeardTrack) -> Voice:
    fader_db = track.strip.fader_db
    return Voice(
        id=track.id,
        role=track.role,
        confidence=track.guess.confidence,
        group=track.group,
        loudness_lufs=track.activity.integrated_lufs + fader_db,
        peak_dbfs=track.activity.peak_dbfs + fader_db,
        powers=track.activity.powers * db_to_gain(fader_db) ** 2,
        active=track.activity.active,
    )
