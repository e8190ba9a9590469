"""Vorbis comments (xiph.org), as FLAC and Ogg carry them: read from both, written into FLAC (RFC 9639, section 8.6)."""

import os
import struct
from collections.abc import Iterator
from typing import Final, NamedTuple

from tapehand.audio.tags import Tags, plain_isrc

VENDOR: Final = b"tapehand"
COMMENT_BLOCK: Final = 4
PADDING_BLOCK: Final = 1
LARGEST_BLOCK_BYTES: Final = (1 << 24) - 1
OGG_HEADER_BYTES: Final = 1 << 20
MOST_COMMENTS: Final = 10_000
MOST_BLOCKS: Final = 1_000
COPY_BYTES: Final = 1 << 20


class Block(NamedTuple):
    """A metadata block of a FLAC file: ``start`` is the position of its four-byte head, ``size`` that of its body."""

    kind: int
    start: int
    size: int


def flac_tags(descriptor: int) -> Tags:
    """The tags of an open FLAC file."""
    for block in flac_blocks(descriptor):
        if block.kind == COMMENT_BLOCK:
            return parsed(os.pread(descriptor, block.size, block.start + 4))
    return Tags()


def ogg_tags(descriptor: int) -> Tags:
    """The tags of an open Ogg file: Vorbis or Opus."""
    payload = _ogg_payload(os.pread(descriptor, OGG_HEADER_BYTES, 0))
    for mark in (b"\x03vorbis", b"OpusTags"):
        place = payload.find(mark)
        if place >= 0:
            return parsed(payload[place + len(mark) :])
    return Tags()


def parsed(payload: bytes) -> Tags:
    """The tags of a comment block."""
    texts: list[tuple[str, str]] = []
    isrc, note = "", ""
    try:
        for comment in _comments(payload):
            name, _, text = comment.decode("utf-8", "replace").partition("=")
            if name.upper() == "ISRC":
                isrc = isrc or plain_isrc(text)
            elif name and text:
                texts.append((name.upper(), text))
    except (struct.error, ValueError):
        note = "its comments are damaged and were not read to their end"
    return Tags(texts=tuple(texts), isrc=isrc, notes=(note,) if note else ())


def comment_block(tags: Tags) -> bytes:
    """The body of a comment block; what does not fit 16 MB is left out."""
    lines = [*tags.texts, *([("ISRC", tags.isrc)] if tags.isrc else [])]
    comments = [f"{name}={text}".encode("utf-8", "replace") for name, text in lines]
    kept: list[bytes] = []
    room = LARGEST_BLOCK_BYTES - 8 - len(VENDOR)
    for comment in comments:
        room -= 4 + len(comment)
        if room < 0:
            break
        kept.append(struct.pack("<I", len(comment)) + comment)
    return struct.pack("<I", len(VENDOR)) + VENDOR + struct.pack("<I", len(kept)) + b"".join(kept)


def flac_blocks(descriptor: int) -> Iterator[Block]:
    """The metadata blocks of an open FLAC file."""
    position = 4
    for _ in range(MOST_BLOCKS if os.pread(descriptor, 4, 0) == b"fLaC" else 0):
        head = os.pread(descriptor, 4, position)
        if len(head) < 4:
            return
        yield Block(head[0] & 0x7F, position, int.from_bytes(head[1:], "big"))
        if head[0] & 0x80:
            return
        position += 4 + int.from_bytes(head[1:], "big")


def put_into_flac(descriptor: int, tags: Tags) -> None:
    """Give an open, finished FLAC file these comments instead of its own; its sound moves, and nothing else changes."""
    blocks = list(flac_blocks(descriptor))
    sound_start = blocks[-1].start + 4 + blocks[-1].size
    kept = [
        (block.kind, os.pread(descriptor, block.size, block.start + 4))
        for block in blocks
        if block.kind not in (COMMENT_BLOCK, PADDING_BLOCK)
    ]
    bodies = [*kept, (COMMENT_BLOCK, comment_block(tags))]
    start = b"fLaC"
    for number, (kind, body) in enumerate(bodies, start=1):
        last = 0x80 if number == len(bodies) else 0
        start += bytes([kind | last]) + len(body).to_bytes(3, "big") + body
    _move(descriptor, sound_start, len(start))
    os.pwrite(descriptor, start, 0)


def _move(descriptor: int, start: int, target: int) -> None:
    """Everything from ``start`` on begins at ``target`` afterwards; the file grows or shrinks with it."""
    end = os.fstat(descriptor).st_size
    pieces = [(place, min(COPY_BYTES, end - place)) for place in range(start, end, COPY_BYTES)]
    for place, size in reversed(pieces) if target > start else pieces:
        payload = memoryview(os.pread(descriptor, size, place))
        goal = place + target - start
        while payload:
            written = os.pwrite(descriptor, payload, goal)
            payload, goal = payload[written:], goal + written
    os.ftruncate(descriptor, end + target - start)


def _comments(payload: bytes) -> Iterator[bytes]:
    vendor_bytes = struct.unpack_from("<I", payload)[0]
    count = struct.unpack_from("<I", payload, 4 + vendor_bytes)[0]
    position = 8 + vendor_bytes
    for _ in range(min(count, MOST_COMMENTS)):
        size = struct.unpack_from("<I", payload, position)[0]
        comment = payload[position + 4 : position + 4 + size]
        if len(comment) < size:
            raise ValueError("cut off")
        yield comment
        position += 4 + size


def _ogg_payload(start: bytes) -> bytes:
    """What the first pages of an Ogg file carry, page heads taken out (RFC 3533, section 6)."""
    payload, place = b"", 0
    while start[place : place + 4] == b"OggS" and len(start) >= place + 27:
        segments = start[place + 27 : place + 27 + start[place + 26]]
        body = place + 27 + len(segments)
        payload += start[body : body + sum(segments)]
        place = body + sum(segments)
    return payload
