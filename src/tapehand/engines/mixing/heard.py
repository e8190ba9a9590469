"""What the engine has heard of each track: its role, its course, its spectrum, and a small copy of it."""

from dataclasses import dataclass

from tapehand.audio import Audio
from tapehand.engines.mixing.settings import bounds, reason_to_mute
from tapehand.engines.mixing.thumbnail import Thumbnail, thumbnail
from tapehand.listening.activity import Activity, activity
from tapehand.listening.roles import RoleGuess, group_of, guess_role
from tapehand.listening.spectra import Spectra, spectra
from tapehand.ports.engine import SongView
from tapehand.song.mixer import Strip
from tapehand.song.song import Track
from tapehand.work import Work


@dataclass(frozen=True, slots=True, kw_only=True)
class HeardTrack:
    """One track as heard before any insert or fader."""

    id: str
    name: str
    guess: RoleGuess
    strip: Strip
    activity: Activity
    spectra: Spectra
    thumbnail: Thumbnail
    channels: int

    @property
    def role(self) -> str:
        """The role it is mixed as."""
        return self.guess.role

    @property
    def group(self) -> str:
        """The group of its role."""
        return self.guess.group

    @property
    def is_silent(self) -> bool:
        """Whether there is nothing to mix on it."""
        return self.activity.is_silent

    @property
    def reason_to_mute(self) -> str | None:
        """Why it does not belong into the mix; None when it does or when that is not sure."""
        return reason_to_mute(self.role) if not self.guess.asks else None

    @property
    def is_mono(self) -> bool:
        """One channel, or two that hold the same."""
        side_to_mid_db = self.activity.sums.side_to_mid_db
        narrow: float = bounds("placement")["mono_side_to_mid_db"]
        return self.channels == 1 or (side_to_mid_db is not None and side_to_mid_db < narrow)


def hear_tracks(view: SongView, work: Work) -> tuple[HeardTrack, ...]:
    """Every track of the song, read once, in the song's order."""
    tracks = view.state.tracks
    heard = []
    for number, track in enumerate(tracks):
        work.report("mix.listen", number, len(tracks))
        heard.append(hear_track(track, view.audio(track.id)))
    work.report("mix.listen", len(tracks), len(tracks))
    return tuple(heard)


def hear_track(track: Track, audio: Audio) -> HeardTrack:
    """One track."""
    course, bands = activity(audio), spectra(audio)
    return HeardTrack(
        id=track.id,
        name=track.name,
        guess=_role(track, course, bands),
        strip=track.strip,
        activity=course,
        spectra=bands,
        thumbnail=thumbnail(audio),
        channels=audio.channels,
    )


def _role(track: Track, course: Activity, bands: Spectra) -> RoleGuess:
    """What a person or an earlier listening has said stands; else a guess."""
    guess = guess_role(track.name, course, bands)
    if track.role == "unknown" or track.role_confidence < guess.confidence:
        return guess
    return RoleGuess(
        role=track.role,
        group=group_of(track.role),
        confidence=track.role_confidence,
        told_by="name",
        why="it is marked so in the song",
        side=guess.side,
    )
