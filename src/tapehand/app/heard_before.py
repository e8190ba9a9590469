"""What was heard of single recordings before: found by their sound, whatever session or song they lie in now."""

from dataclasses import dataclass
from typing import Final

import numpy as np

from tapehand.listening.heard_record import NoRecord, packed, unpacked
from tapehand.listening.heard_track import HeardTrack, named_role
from tapehand.listening.sources import Recording
from tapehand.render.cache import LostRecord, RenderCache, content_key

FORMAT: Final = "HeardTrack.1"


@dataclass(frozen=True, slots=True)
class HeardBefore:
    """A ``listening.heard_track.Memory`` in a cache; ``ears`` names the code that hears."""

    cache: RenderCache
    ears: str

    def recall(self, recording: Recording) -> HeardTrack | None:
        """What the same ears heard of the same sound; None where nothing whole is kept."""
        records = self.cache.open(self._key(recording)) if recording.content else None
        if records is None:
            return None
        try:
            return unpacked(records.read(0)[0].data, recording)
        except (LostRecord, NoRecord, IndexError):
            return None

    def keep(self, heard: HeardTrack) -> None:
        """Remember it under its sound, where that is known."""
        if heard.recording.content and self.cache.keeps:
            with self.cache.keep(self._key(heard.recording)) as entry:
                entry.append([np.frombuffer(packed(heard), np.uint8)])

    def _key(self, recording: Recording) -> str:
        """A name counts only where it does not say enough, and the ear had to help."""
        named = named_role(recording)
        return content_key(FORMAT, self.ears, recording.rate_hz, recording.content, named if named.asks else None)
