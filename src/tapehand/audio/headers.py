"""What a file's own header announces, read without trusting it: nothing here allocates by a number from a file.

libsndfile quietly shortens the length of a cut-off file to what is there, so the announced length is read here and
compared with what was really decoded.
"""

import os
import struct
from collections.abc import Iterator
from typing import Final, NamedTuple

UNKNOWN_SIZES: Final = (0, 0xFFFFFFFF)
UNKNOWN_LENGTH_SAMPLES: Final = 1 << 62
OGG_SEARCH_BYTES: Final = 1 << 17
LARGEST_OGG_PAGE_SAMPLES: Final = 1 << 19
MP3_TAG_SEARCH_BYTES: Final = 1 << 12
# PCM, float, A-law, mu-law, extensible; and those whose header says how many samples a block holds: ADPCM and GSM.
PLAIN_WAV_TAGS: Final = (1, 3, 6, 7, 0xFFFE)
BLOCK_WAV_TAGS: Final = (0x02, 0x11, 0x31)
AIFF_IMA_BLOCK_SAMPLES: Final = 64
AU_SAMPLE_BYTES: Final = {1: 1, 2: 1, 3: 2, 4: 3, 5: 4, 6: 4, 7: 8, 27: 1}
# Far more than any real file has, and few enough to walk in no time where a file consists of empty ones.
MOST_CHUNKS: Final = 4_096

FFMPEG_DEMUXERS: Final = {
    "M4A": "mov",
    "AAC": "aac",
    "FLAC": "flac",
    "WAVPACK": "wv",
    "APE": "ape",
    "WMA": "asf",
    "MATROSKA": "matroska",
}


class Announcement(NamedTuple):
    """A header's claim: ``length_samples`` per channel (None: it says nothing), and whether the end is missing."""

    length_samples: int | None
    end_missing: bool = False


def container_by_content(start: bytes) -> str | None:
    """Name of the container that the first 64 bytes of a file belong to, whatever the file is called."""
    if start[4:8] == b"ftyp":
        return "M4A"
    if start[:4] in (b"RIFF", b"RIFX", b"RF64", b"BW64") and start[8:12] == b"WAVE":
        return "WAV"
    if start[:4] == b"FORM" and start[8:12] in (b"AIFF", b"AIFC"):
        return "AIFF"
    by_magic = {
        b"fLaC": "FLAC",
        b"OggS": "OGG",
        b"wvpk": "WAVPACK",
        b"MAC ": "APE",
        b"\x30\x26\xb2\x75": "WMA",
        b"\x1a\x45\xdf\xa3": "MATROSKA",
    }
    if start[:4] in by_magic:
        return by_magic[start[:4]]
    if len(start) > 2 and start[0] == 0xFF and start[1] & 0xF6 == 0xF0:
        return "AAC"
    if start[:3] == b"ID3" or (len(start) > 2 and start[0] == 0xFF and start[1] & 0xE0 == 0xE0):
        return "MP3"
    return None


def announcement(descriptor: int, container: str, decoder_length_samples: int) -> Announcement:
    """The claim of an open file; the decoder's word is used where it comes straight from the header."""
    told = decoder_length_samples if 0 < decoder_length_samples < UNKNOWN_LENGTH_SAMPLES else None
    try:
        match container:
            case "WAV" | "WAVEX" | "RF64":
                return _wav(descriptor)
            case "AIFF":
                return _aiff(descriptor)
            case "CAF":
                return _caf(descriptor)
            case "W64":
                return _w64(descriptor)
            case "AU":
                return _au(descriptor)
            case "OGG":
                return _ogg(descriptor)
            case "MP3":
                return Announcement(told if _has_mp3_length(descriptor) else None)
            case _:
                return Announcement(told)
    except (OSError, struct.error):
        return Announcement(None)


class Chunk(NamedTuple):
    """A piece of a RIFF or IFF file: ``size`` is what its head claims, ``start`` the position of its first byte."""

    name: bytes
    size: int
    start: int


def chunks(descriptor: int, order: str = "<") -> Iterator[Chunk]:
    """The chunks of an open RIFF (``<``) or IFF and RIFX (``>``) file, as far as there are heads."""
    position = 12
    for _ in range(MOST_CHUNKS):
        head = os.pread(descriptor, 8, position)
        if len(head) < 8:
            return
        name, size = struct.unpack(order + "4sI", head)
        yield Chunk(name, size, position + 8)
        position += 8 + size + size % 2


def _wav(descriptor: int) -> Announcement:
    order = ">" if os.pread(descriptor, 4, 0) == b"RIFX" else "<"
    coding, long_payload_bytes = None, None
    for chunk in chunks(descriptor, order):
        if chunk.name == b"fmt ":
            coding = _wav_coding(os.pread(descriptor, min(chunk.size, 20), chunk.start), order)
        elif chunk.name == b"ds64":
            long_payload_bytes = struct.unpack("<Q", os.pread(descriptor, 8, chunk.start + 8))[0]
        elif chunk.name == b"data":
            size = long_payload_bytes if chunk.size == 0xFFFFFFFF else chunk.size
            return Announcement(coding.length_samples(size) if coding and size else None)
    return Announcement(None)


class _BlockCoding(NamedTuple):
    """Samples per channel come in blocks; plain PCM has blocks of one."""

    block_bytes: int
    block_samples: int

    def length_samples(self, payload_bytes: int) -> int:
        """What a payload holds; a started block of many samples counts, half a plain sample does not."""
        if self.block_samples == 1:
            return payload_bytes // self.block_bytes
        return -(-payload_bytes // self.block_bytes) * self.block_samples


def _wav_coding(fields: bytes, order: str) -> _BlockCoding | None:
    tag, block_bytes = struct.unpack_from(order + "H10xH", fields)
    if block_bytes == 0:
        return None
    if tag in PLAIN_WAV_TAGS:
        return _BlockCoding(block_bytes, 1)
    if tag in BLOCK_WAV_TAGS and len(fields) >= 20:
        return _BlockCoding(block_bytes, struct.unpack_from(order + "H", fields, 18)[0])
    return None


def _aiff(descriptor: int) -> Announcement:
    for chunk in chunks(descriptor, ">"):
        if chunk.name == b"COMM":
            fields = os.pread(descriptor, min(chunk.size, 22), chunk.start)
            coding = fields[18:22]
            count = struct.unpack_from(">I", fields, 2)[0]
            if coding == b"GSM ":
                return Announcement(None)
            return Announcement((count * AIFF_IMA_BLOCK_SAMPLES if coding == b"ima4" else count) or None)
    return Announcement(None)


def _caf(descriptor: int) -> Announcement:
    """Core Audio Format: packets of a fixed size, or a table that tells how many samples are valid."""
    block_bytes, block_samples, length_samples, position = 0, 0, None, 8
    for _ in range(MOST_CHUNKS):
        head = os.pread(descriptor, 12, position)
        if len(head) < 12:
            break
        name, size = struct.unpack(">4sq", head)
        if name == b"desc":
            block_bytes, block_samples = struct.unpack(">II", os.pread(descriptor, 8, position + 28))
        elif name == b"pakt":
            return Announcement(struct.unpack(">q", os.pread(descriptor, 8, position + 20))[0])
        elif name == b"data" and size >= 4 and block_bytes and block_samples:
            length_samples = (size - 4) // block_bytes * block_samples
        if size < 0:  # to the end of the file
            break
        position += 12 + size
    return Announcement(length_samples)


def _w64(descriptor: int) -> Announcement:
    """Sony Wave64: chunks named by sixteen bytes, with sizes of 64 bits that count their own head."""
    block_bytes, position = 0, 40
    for _ in range(MOST_CHUNKS):
        head = os.pread(descriptor, 24, position)
        if len(head) < 24:
            break
        name, size = struct.unpack("<4s12xQ", head)
        if name == b"fmt ":
            coding = _wav_coding(os.pread(descriptor, 20, position + 24), "<")
            block_bytes = coding.block_bytes if coding is not None and coding.block_samples == 1 else 0
        elif name == b"data" and size >= 24:
            return Announcement((size - 24) // block_bytes if block_bytes else None)
        position += max(24, size + -size % 8)
    return Announcement(None)


def _au(descriptor: int) -> Announcement:
    start = os.pread(descriptor, 24, 0)
    order = "<" if start[:4] == b"dns." else ">"
    size, coding, _rate_hz, channels = struct.unpack_from(order + "4I", start, 8)
    frame_bytes = AU_SAMPLE_BYTES.get(coding, 0) * channels
    return Announcement(None if size in UNKNOWN_SIZES or not frame_bytes else size // frame_bytes)


def _ogg(descriptor: int) -> Announcement:
    """A whole Ogg stream ends with a page marked as the last; in Vorbis that page tells the length of it all."""
    start = os.pread(descriptor, OGG_SEARCH_BYTES, 0)
    file_bytes = os.fstat(descriptor).st_size
    tail = os.pread(descriptor, OGG_SEARCH_BYTES, max(0, file_bytes - OGG_SEARCH_BYTES))
    last = _ogg_page(tail, tail.rfind(b"OggS"))
    if last is None or not last.is_last:
        return Announcement(None, end_missing=True)
    if b"\x01vorbis" not in start[:64] or _ogg_begins_late(start):
        return Announcement(None)
    return Announcement(last.position_samples)


class _OggPage(NamedTuple):
    is_last: bool
    position_samples: int
    end: int


def _ogg_page(stretch: bytes, place: int) -> _OggPage | None:
    """The page at ``place``, None where there is none or it is not all there (RFC 3533, section 6)."""
    if place < 0 or stretch[place : place + 4] != b"OggS" or len(stretch) < place + 27:
        return None
    flags, position_samples = struct.unpack_from("<Bq", stretch, place + 5)
    segments = stretch[place + 27 : place + 27 + stretch[place + 26]]
    end = place + 27 + stretch[place + 26] + sum(segments)
    return _OggPage(bool(flags & 4), position_samples, end) if end <= len(stretch) else None


def _ogg_begins_late(start: bytes) -> bool:
    """Whether the first page with sound already counts many samples, as in a recording of a running broadcast."""
    place = 0
    while (page := _ogg_page(start, place)) is not None:
        if page.position_samples > 0:
            return page.position_samples > LARGEST_OGG_PAGE_SAMPLES
        place = page.end
    return False


def _has_mp3_length(descriptor: int) -> bool:
    """Whether an encoder left its frame count (a Xing, Info or VBRI tag); without it a length is a guess."""
    start = os.pread(descriptor, MP3_TAG_SEARCH_BYTES, id3_bytes(os.pread(descriptor, 10, 0)))
    return any(tag in start for tag in (b"Xing", b"Info", b"VBRI"))


def id3_bytes(head: bytes) -> int:
    """Size of an ID3v2 tag by the first 10 bytes of a file; 0 where there is none."""
    if head[:3] != b"ID3" or len(head) < 10:
        return 0
    return 10 + ((head[6] & 0x7F) << 21 | (head[7] & 0x7F) << 14 | (head[8] & 0x7F) << 7 | head[9] & 0x7F)
