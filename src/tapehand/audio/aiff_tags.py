"""Marks and texts in the chunks of AIFF and AIFF-C files (Apple, AIFF 1.3, 1989)."""

import os
import struct
from collections.abc import Iterator, Mapping
from typing import Final

from tapehand.audio.headers import chunks
from tapehand.audio.id3 import id3_tags
from tapehand.audio.tags import Marker, Tags

LARGEST_CHUNK_BYTES: Final = 1 << 22
TEXTS: Final[Mapping[bytes, str]] = {b"NAME": "TITLE", b"AUTH": "ARTIST", b"(c) ": "COPYRIGHT", b"ANNO": "COMMENT"}


def aiff_tags(descriptor: int) -> Tags:
    """The tags of an open AIFF file; what is damaged is left out and noted."""
    texts: list[tuple[str, str]] = []
    markers: tuple[Marker, ...] = ()
    notes: list[str] = []
    isrc = ""
    for chunk in chunks(descriptor, ">"):
        if chunk.name not in (*TEXTS, b"MARK", b"ID3 ") or chunk.size > LARGEST_CHUNK_BYTES:
            continue
        payload = os.pread(descriptor, chunk.size, chunk.start)
        if chunk.name == b"MARK":
            try:
                markers = tuple(_marks(payload))
            except struct.error:
                notes.append("its MARK chunk is damaged and was not read")
        elif chunk.name == b"ID3 ":
            known = id3_tags(payload)
            texts += known.texts
            isrc = known.isrc
        else:
            texts.append((TEXTS[chunk.name], _text(payload)))
    return Tags(texts=tuple(texts), isrc=isrc, markers=markers, notes=tuple(notes))


def _marks(payload: bytes) -> Iterator[Marker]:
    """A count, then for each mark its number, its place, and its name with its length before it, padded to even."""
    place = 2
    for _ in range(struct.unpack_from(">H", payload)[0]):
        _number, position_samples, length = struct.unpack_from(">HIB", payload, place)
        name = payload[place + 7 : place + 7 + length]
        yield Marker(position_samples=position_samples, name=_text(name))
        place += 7 + length + (length + 1) % 2


def _text(raw: bytes) -> str:
    """Up to the first NUL; UTF-8 where it is that, else Mac Roman, in which every byte is a letter."""
    ended = raw.split(b"\0", 1)[0]
    try:
        return ended.decode("utf-8").rstrip()
    except UnicodeDecodeError:
        return ended.decode("mac-roman").rstrip()
