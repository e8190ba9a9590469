"""Why a file cannot be used: the sentences, and the checks that need no decoder."""

import errno
import os
import stat
from pathlib import Path

from tapehand.audio.buffer import MAXIMUM_RATE_HZ, MINIMUM_RATE_HZ
from tapehand.audio.facts import FileFacts
from tapehand.errors import InputError, OutputError
from tapehand.units import samples_to_seconds

MAXIMUM_CHANNELS = 64


def open_regular(path: Path) -> int:
    """A descriptor of a regular, non-empty file, taken without ever waiting on a pipe or device.

    Raises
    ------
    InputError
        Missing, a folder, a special file, not permitted, empty.
    """
    flags = os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_CLOEXEC", 0) | getattr(os, "O_BINARY", 0)
    try:
        status = path.stat()
        if stat.S_ISDIR(status.st_mode):
            raise IsADirectoryError(errno.EISDIR, "is a folder")
        if not stat.S_ISREG(status.st_mode):
            raise bad_file(
                path, "audio.special_file", "is not a regular file but a pipe or device", hint="Name an audio file"
            )
        descriptor = os.open(path, flags)
    except (OSError, ValueError) as error:
        raise unreadable(path, error) from None
    if os.fstat(descriptor).st_size == 0:
        os.close(descriptor)
        raise bad_file(path, "audio.empty_file", "is empty: 0 bytes", hint="Export or copy it again")
    return descriptor


def bad_file(path: Path, code: str, what: str, hint: str = "Export it again as WAV or FLAC") -> InputError:
    """The error for the file at ``path``: its name, then ``what``."""
    return InputError(code, f"{path.name} {what}", where=str(path), hint=hint)


def not_audio(path: Path, content: str | None) -> InputError:
    """The error for a file that no decoder takes; ``content`` is what its first bytes look like."""
    if content is None:
        return bad_file(path, "audio.not_audio", "is not an audio file, whatever its name says", hint="Leave it out")
    return bad_file(path, "audio.not_audio", f"starts like {content} but cannot be decoded")


def ffmpeg_needed(path: Path, content: str) -> InputError:
    """The error for a file that only ffmpeg could read, where it is not installed."""
    return bad_file(
        path,
        "audio.ffmpeg_needed",
        f"is {content} of a kind that needs ffmpeg, which is not installed",
        hint="Install ffmpeg, or export the file as WAV or FLAC",
    )


def no_sound(path: Path) -> InputError:
    """The error for a file whose header is fine and whose body gives nothing."""
    return bad_file(path, "audio.no_sound", "holds no sound: not one sample could be decoded")


def refuse_unusable(facts: FileFacts) -> None:
    """Raise InputError for a rate or a number of channels outside what Tapehand works with."""
    if not MINIMUM_RATE_HZ <= facts.rate_hz <= MAXIMUM_RATE_HZ:
        raise bad_file(
            facts.path,
            "audio.rate_unsupported",
            f"claims a rate of {facts.rate_hz} Hz; Tapehand works with {MINIMUM_RATE_HZ} to {MAXIMUM_RATE_HZ} Hz",
        )
    if not 1 <= facts.channels <= MAXIMUM_CHANNELS:
        raise bad_file(
            facts.path,
            "audio.channels_unsupported",
            f"claims {facts.channels} channels; Tapehand works with 1 to {MAXIMUM_CHANNELS}",
        )


def not_finite(facts: FileFacts, position_samples: int, channel: int) -> InputError:
    """The error for a value that is no number; ``channel`` counts from 0."""
    time_s = samples_to_seconds(position_samples, facts.rate_hz)
    return InputError(
        "audio.not_finite",
        f"{facts.path.name} holds a value that is not a number (NaN or infinite) in channel {channel + 1} "
        f"at {time_s:.3f} s",
        where=str(facts.path),
        hint="Export it again; whatever made it lost its numbers there",
    )


def refuse_format(path: Path, channels: int, subtype: str) -> None:
    """Raise OutputError where the name's suffix says no format that we write, or one that cannot hold the sound."""
    suffix = path.suffix.lower()
    if suffix not in (".wav", ".flac"):
        raise OutputError(
            "output.format",
            f"{path.name} does not say a format that Tapehand writes",
            where=str(path),
            hint="End the name in .wav or .flac",
        )
    if suffix == ".flac" and (subtype == "FLOAT" or channels > 8):
        raise OutputError(
            "output.format",
            f"FLAC cannot hold {channels} channels of {subtype}",
            where=str(path),
            hint="End the name in .wav",
        )


def shrunk(path: Path, left_samples: int, length_samples: int) -> InputError:
    """The error for a file that was cut off while it was in use."""
    what = f"has become shorter while it was read: {left_samples} of {length_samples} samples are left"
    return bad_file(path, "audio.unreadable", what, hint="Wait until whatever writes it has finished, or restore it")


def unreadable(path: Path, error: OSError | ValueError) -> InputError:
    """The error for a file that the computer does not open or read."""
    if isinstance(error, (FileNotFoundError, NotADirectoryError)):
        if path.is_symlink():
            return bad_file(path, "audio.missing", "is a link to a file that is not there", hint="Repair the link")
        return bad_file(path, "audio.missing", "does not exist", hint="Check the name and the folder")
    if isinstance(error, IsADirectoryError):
        return bad_file(path, "audio.is_folder", "is a folder, not an audio file", hint="Name one file in it")
    if isinstance(error, PermissionError):
        return bad_file(path, "audio.no_permission", "may not be read", hint="Change its permissions or copy it")
    reason = error.strerror if isinstance(error, OSError) and error.strerror else "its name is not usable"
    return bad_file(path, "audio.unreadable", f"cannot be read: {reason.lower()}", hint="Check the disk and the link")
