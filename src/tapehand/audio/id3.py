"""ID3v2 (2.2, 2.3, 2.4; id3.org), read only: the texts, comments and the ISRC of MP3 files."""

import zlib
from collections.abc import Iterator
from typing import Final, NamedTuple

from tapehand.audio.headers import id3_bytes
from tapehand.audio.tags import Tags, plain_isrc

LARGEST_TAG_BYTES: Final = 1 << 24
ENCODINGS: Final = {0: "latin-1", 1: "utf-16", 2: "utf-16-be", 3: "utf-8"}
NAMES: Final = {
    "TIT2": "TITLE",
    "TT2": "TITLE",
    "TPE1": "ARTIST",
    "TP1": "ARTIST",
    "TPE2": "ALBUMARTIST",
    "TP2": "ALBUMARTIST",
    "TALB": "ALBUM",
    "TAL": "ALBUM",
    "TRCK": "TRACKNUMBER",
    "TRK": "TRACKNUMBER",
    "TPOS": "DISCNUMBER",
    "TPA": "DISCNUMBER",
    "TDRC": "DATE",
    "TYER": "DATE",
    "TYE": "DATE",
    "TCON": "GENRE",
    "TCO": "GENRE",
    "TCOM": "COMPOSER",
    "TCM": "COMPOSER",
    "TCOP": "COPYRIGHT",
    "TCR": "COPYRIGHT",
    "TBPM": "BPM",
    "TBP": "BPM",
    "TKEY": "INITIALKEY",
    "TKE": "INITIALKEY",
    "TSSE": "ENCODER",
    "TSS": "ENCODER",
}
CODES: Final = ("TSRC", "TRC")
COMMENTS: Final = ("COMM", "COM")
OWN_NAMES: Final = ("TXXX", "TXX")


class _Frame(NamedTuple):
    name: str
    body: bytes


def id3_tags(tag: bytes) -> Tags:
    """The tags of an ID3v2 tag (its head included, the rest of the file may follow); none where there is no tag."""
    version, flags = (tag[3], tag[5]) if id3_bytes(tag[:10]) else (0, 0)
    if version not in (2, 3, 4):
        return Tags()
    texts: list[tuple[str, str]] = []
    isrc, notes = "", []
    for frame in _frames(tag[10 : min(id3_bytes(tag[:10]), LARGEST_TAG_BYTES)], version, flags):
        try:
            told = list(_told(frame))
        except (ValueError, LookupError):
            notes.append(f"its ID3 frame {frame.name} is damaged and was not read")
            continue
        isrc = isrc or next((plain_isrc(text) for name, text in told if name == "ISRC"), "")
        texts.extend((name, text) for name, text in told if name != "ISRC")
    return Tags(texts=tuple(texts), isrc=isrc, notes=tuple(notes))


def _frames(body: bytes, version: int, flags: int) -> Iterator[_Frame]:
    if flags & 0x80 and version < 4:
        body = _resynchronised(body)
    if flags & 0x40 and version > 2:
        size = _number(body[:4], 7 if version == 4 else 8)
        body = body[size if version == 4 else size + 4 :]
    name_bytes, size_bytes, head_bytes = (3, 3, 6) if version == 2 else (4, 4, 10)
    position = 0
    while position + head_bytes <= len(body) and body[position] != 0:
        head = body[position : position + head_bytes]
        size = _number(head[name_bytes : name_bytes + size_bytes], 7 if version == 4 else 8)
        content = body[position + head_bytes : position + head_bytes + size]
        position += head_bytes + size
        plain = _plain(content, head[9] if version > 2 else 0, version, flags)
        if plain is not None:
            yield _Frame(head[:name_bytes].decode("latin-1"), plain)


def _plain(content: bytes, form: int, version: int, flags: int) -> bytes | None:
    """A frame's body as it was before it was packed; None where it is encrypted or cannot be unpacked."""
    if version == 4:
        packed, encrypted, grouped, counted = form & 0x08, form & 0x04, form & 0x40, form & 0x01
        if form & 0x02 or flags & 0x80:
            content = _resynchronised(content)
    else:
        packed, encrypted, grouped, counted = form & 0x80, form & 0x40, form & 0x20, form & 0x80
    if encrypted:
        return None
    content = content[(1 if grouped else 0) + (4 if counted else 0) :]
    if not packed:
        return content
    try:
        return zlib.decompressobj().decompress(content, LARGEST_TAG_BYTES)
    except zlib.error:
        return None


def _told(frame: _Frame) -> Iterator[tuple[str, str]]:
    if frame.name in COMMENTS:
        description, *rest = _parts(frame.body[:1] + frame.body[4:])
        if rest and not description:
            yield "COMMENT", rest[0]
    elif frame.name in OWN_NAMES:
        name, *values = _parts(frame.body)
        yield from ((name.upper(), value) for value in values if name and value)
    elif frame.name in CODES or frame.name in NAMES:
        name = "ISRC" if frame.name in CODES else NAMES[frame.name]
        yield from ((name, text) for text in _parts(frame.body) if text)


def _parts(body: bytes) -> list[str]:
    """The texts of a frame, which NULs part; the first byte names their encoding."""
    encoding = ENCODINGS[body[0]]
    wide = encoding.startswith("utf-16")
    raw = body[1 : len(body) - (len(body) - 1) % 2] if wide else body[1:]
    parts = _wide_parts(raw) if wide else raw.split(b"\0")
    order = "utf-16-be" if encoding == "utf-16-be" or raw[:2] == b"\xfe\xff" else "utf-16-le"
    texts = [part.decode(order if wide else encoding).lstrip("\ufeff").strip() for part in parts]
    return texts[:-1] if len(texts) > 1 and not texts[-1] else texts


def _wide_parts(raw: bytes) -> list[bytes]:
    units = [raw[i : i + 2] for i in range(0, len(raw), 2)]
    parts, part = [], b""
    for unit in units:
        if unit == b"\0\0":
            parts.append(part)
            part = b""
        else:
            part += unit
    return [*parts, part]


def _resynchronised(body: bytes) -> bytes:
    return body.replace(b"\xff\x00", b"\xff")


def _number(digits: bytes, bits: int) -> int:
    number = 0
    for digit in digits:
        number = number << bits | digit & ((1 << bits) - 1)
    return number
