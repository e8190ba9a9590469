"""What was heard of one recording as plain bytes: to be kept, or passed between processes, and read back as it was.

A head (``MAGIC``, the length of the text, its checksum), the text in JSON, then the two arrays of ``Compact``. What a
noun's fields are is read from their annotations, so that a new field of a finding's scan is kept without a word here.
Nothing is executed or imported by what the bytes say.
"""

import json
import struct
import types
import zlib
from collections.abc import Mapping
from dataclasses import dataclass, fields, is_dataclass
from functools import cache
from typing import Any, Final, Literal, Union, cast, get_args, get_origin, get_type_hints

import numpy as np
from numpy.typing import NDArray

from tapehand.audio.facts import Damage
from tapehand.listening.heard_track import HeardTrack, named_role
from tapehand.listening.recording_faults import RecordingFaults
from tapehand.listening.recordings import BAND_EDGES_HZ, Compact
from tapehand.listening.roles import RoleGuess
from tapehand.listening.sources import Recording

MAGIC: Final = b"TPHEARD1"
HEAD: Final = struct.Struct("<8sII")
# Every array begins where any number may lie.
ALIGNMENT: Final = 8


class NoRecord(ValueError):
    """Bytes that are no record, or not the whole of one: what they held has to be heard again."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Told:
    """Everything but the arrays."""

    guess: RoleGuess
    faults: RecordingFaults
    channels: int
    length_samples: int
    damage: Damage | None
    is_lossy: bool
    coded_samples: int
    coding_gain: float
    frames: int
    frames_per_s: float


def packed(heard: HeardTrack) -> bytes:
    """A record of what was heard; nothing in it says which recording it was."""
    compact = heard.compact
    told = _Told(
        guess=heard.guess,
        faults=heard.faults,
        channels=heard.channels,
        length_samples=heard.length_samples,
        damage=heard.damage,
        is_lossy=heard.is_lossy,
        coded_samples=compact.coded.size,
        coding_gain=compact.coding_gain,
        frames=compact.bands.shape[0],
        frames_per_s=compact.frames_per_s,
    )
    text = json.dumps(plain(told), separators=(",", ":")).encode()
    parts = [HEAD.pack(MAGIC, len(text), zlib.crc32(text)), text]
    for array in (compact.coded, compact.bands):
        parts += [bytes(-sum(map(len, parts)) % ALIGNMENT), array.tobytes()]
    return b"".join(parts)


def unpacked(record: bytes | memoryview, recording: Recording) -> HeardTrack:
    """What was heard of ``recording``, equal to the last bit; its role by its name where that says enough.

    Raises ``NoRecord`` for anything but the whole of a record.
    """
    try:
        told, compact = _read(memoryview(record))
    except (struct.error, ValueError, KeyError, TypeError, AttributeError) as error:
        raise NoRecord(f"no record of what was heard: {error}") from None
    named = named_role(recording)
    return HeardTrack(
        recording=recording,
        guess=told.guess if named.asks else named,
        faults=told.faults,
        compact=compact,
        channels=told.channels,
        length_samples=told.length_samples,
        damage=told.damage,
        is_lossy=told.is_lossy,
    )


def _read(record: memoryview) -> tuple[_Told, Compact]:
    magic, text_bytes, checksum = HEAD.unpack_from(record)
    text = bytes(record[HEAD.size : HEAD.size + text_bytes])
    if magic != MAGIC or zlib.crc32(text) != checksum:
        raise ValueError("its head is not what was written")
    told = cast("_Told", of_plain(_Told, json.loads(text)))
    coded, place = _array(record, HEAD.size + text_bytes, np.int16, told.coded_samples)
    bands, place = _array(record, place, np.float32, told.frames * (len(BAND_EDGES_HZ) - 1))
    if place != len(record):
        raise ValueError("it is of another length")
    compact = Compact(
        coded=coded,
        coding_gain=told.coding_gain,
        bands=bands.reshape(told.frames, -1) if told.frames else bands.reshape(0, len(BAND_EDGES_HZ) - 1),
        frames_per_s=told.frames_per_s,
    )
    return told, compact


def _array(record: memoryview, place: int, kind: type[np.generic], count: int) -> tuple[NDArray[Any], int]:
    """An array that looks into the record, and where it ends."""
    place += -place % ALIGNMENT
    array = np.frombuffer(record, kind, count, place)
    return array, place + array.nbytes


def plain(noun: Any) -> Any:
    """A frozen noun as lists, texts and numbers, its fields in their order."""
    if is_dataclass(noun):
        return [plain(getattr(noun, each.name)) for each in fields(noun)]
    if isinstance(noun, (tuple, list)):
        return [plain(each) for each in noun]
    return noun.item() if isinstance(noun, np.generic) else noun


def of_plain(kind: Any, value: Any) -> Any:
    """The noun of type ``kind`` that ``plain`` made ``value`` of. Raises ValueError, TypeError or KeyError."""
    origin, inner = get_origin(kind), get_args(kind)
    if is_dataclass(kind):
        hints = _hints(cast("type", kind))
        return cast("type", kind)(
            **{name: of_plain(hint, each) for (name, hint), each in zip(hints.items(), value, strict=True)}
        )
    if origin in (Union, types.UnionType):
        return None if value is None else of_plain(next(each for each in inner if each is not types.NoneType), value)
    if origin is tuple:
        kinds = [inner[0]] * len(value) if len(inner) == 2 and inner[1] is Ellipsis else inner
        return tuple(of_plain(each, one) for each, one in zip(kinds, value, strict=True))
    if origin is Literal:
        return _checked(value, value in inner)
    return _checked(value, isinstance(value, (int, float) if kind is float else kind))


@cache
def _hints(kind: type) -> Mapping[str, Any]:
    """Fields and their types, in the order of the fields."""
    known = get_type_hints(kind)
    return {each.name: known[each.name] for each in fields(kind)}


def _checked(value: Any, fits: bool) -> Any:
    if not fits:
        raise ValueError(f"{value!r} does not belong there")
    return value
