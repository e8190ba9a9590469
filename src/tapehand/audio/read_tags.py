"""Tags of any file."""

import os
from pathlib import Path

from tapehand.audio.aiff_tags import aiff_tags
from tapehand.audio.headers import container_by_content, id3_bytes
from tapehand.audio.id3 import LARGEST_TAG_BYTES, id3_tags
from tapehand.audio.refusals import open_regular
from tapehand.audio.tags import Tags
from tapehand.audio.vorbis_comments import flac_tags, ogg_tags
from tapehand.audio.wav_tags import wav_tags


def read_tags(path: Path) -> Tags:
    """What the file at ``path`` says beside its sound: WAV, AIFF, FLAC, Ogg and MP3; empty for everything else.

    What is ill-formed is left out and noted, never an error.

    Raises
    ------
    InputError
        Missing, a folder, a special file, not permitted, empty.
    """
    descriptor = open_regular(Path(path))
    try:
        match container_by_content(os.pread(descriptor, 64, 0)):
            case "WAV":
                return wav_tags(descriptor)
            case "AIFF":
                return aiff_tags(descriptor)
            case "FLAC":
                return flac_tags(descriptor)
            case "OGG":
                return ogg_tags(descriptor)
            case "MP3":
                size = id3_bytes(os.pread(descriptor, 10, 0))
                return id3_tags(os.pread(descriptor, min(size, LARGEST_TAG_BYTES), 0))
            case _:
                return Tags()
    except OSError:
        return Tags(notes=("its tags could not be read",))
    finally:
        os.close(descriptor)
