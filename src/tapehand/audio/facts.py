"""What an audio file claims to be, and how far it kept its word."""

from dataclasses import dataclass
from pathlib import Path
from typing import Final, Literal, NamedTuple

from tapehand.units import samples_to_seconds

DamageReason = Literal["decoder_stopped", "shorter", "longer", "end_missing", "checksum"]

LOSSLESS_SUBTYPES: Final = ("PCM_", "FLOAT", "DOUBLE", "ALAC_")


class NotReadable(Exception):
    """libsndfile does not take the file, or takes it as something that is none of ours."""


class Told(NamedTuple):
    """What libsndfile says about a file. ``length_samples`` is its own reading of the header."""

    container: str
    subtype: str
    rate_hz: int
    channels: int
    length_samples: int

    @property
    def is_lossy(self) -> bool:
        """Whether the coding lost something of the original."""
        return not self.subtype.startswith(LOSSLESS_SUBTYPES)


@dataclass(frozen=True, slots=True, kw_only=True)
class FileFacts:
    """What an audio file says about itself.

    Parameters
    ----------
    container : ``WAV``, ``RF64``, ``FLAC``, ``MP3``, ``M4A`` ...
    subtype : libsndfile's name of the coding (``PCM_24``, ``VORBIS``) or ffmpeg's (``aac``).
    announced_samples : length per channel by the header; None where it says nothing. A claim, not a fact.
    end_missing : the container shows that its end was cut off.
    lossy : whether the coding lost something of the original.
    """

    path: Path
    container: str
    subtype: str
    rate_hz: int
    channels: int
    announced_samples: int | None
    end_missing: bool
    lossy: bool
    decoder: Literal["tapehand", "libsndfile", "ffmpeg"]

    @property
    def announced_s(self) -> float | None:
        """The announced length in seconds."""
        return None if self.announced_samples is None else samples_to_seconds(self.announced_samples, self.rate_hz)


@dataclass(frozen=True, slots=True, kw_only=True)
class Damage:
    """A file gave less than, or something other than, it announced.

    Parameters
    ----------
    reason : ``decoder_stopped`` inside the file, ``shorter`` or ``longer`` than announced, ``end_missing`` (the
        container's last mark), ``checksum`` (the sound is not what the encoder was given).
    """

    decoded_samples: int
    announced_samples: int | None
    reason: DamageReason

    @property
    def amount(self) -> str:
        """``"N of M"`` in samples; M is ``?`` where the file does not say."""
        return f"{self.decoded_samples} of {'?' if self.announced_samples is None else self.announced_samples}"
