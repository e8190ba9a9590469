"""Tags in WAV chunks: ``bext`` (EBU Tech 3285), ``iXML``, ``axml`` with the ISRC (EBU Tech 3352), ``cue `` with its
labels, ``LIST INFO``, and an ``id3 `` chunk where a program left one.

In ``INFO`` the name ``ISRC`` means the source of the sound, not the recording code; it is read as ``SOURCE``.
"""

import os
import re
import struct
from collections.abc import Iterator, Mapping
from typing import Final, NamedTuple

from tapehand.audio import ixml
from tapehand.audio.headers import chunks
from tapehand.audio.id3 import id3_tags
from tapehand.audio.tags import Broadcast, BroadcastLoudness, Marker, Tags, plain_isrc

LARGEST_CHUNK_BYTES: Final = 1 << 22
MOST_MARKERS: Final = 10_000
BEXT: Final = struct.Struct("<256s32s32s10s8sIIH64s5h180x")
LOUDNESS_BYTES: Final = slice(412, 422)
UNSET: Final = 0x7FFF
CUE: Final = struct.Struct("<II4sIII")
LARGEST_POSITION: Final = 0xFFFFFFFF
ISRC_IN_AXML: Final = re.compile(r"ISRC:?\s*([A-Za-z]{2}-?[A-Za-z0-9]{3}-?[0-9]{2}-?[0-9]{5})")
INFO_NAMES: Final[Mapping[bytes, str]] = {
    b"INAM": "TITLE",
    b"IART": "ARTIST",
    b"IPRD": "ALBUM",
    b"ITRK": "TRACKNUMBER",
    b"ICRD": "DATE",
    b"IGNR": "GENRE",
    b"ICMT": "COMMENT",
    b"ICOP": "COPYRIGHT",
    b"IENG": "ENGINEER",
    b"ISFT": "ENCODER",
    b"ISRC": "SOURCE",
}
INFO_CODES: Final = {name: code for code, name in INFO_NAMES.items()}
AXML: Final = """<?xml version="1.0" encoding="UTF-8"?>
<ebucore:ebuCoreMain xmlns:dc="http://purl.org/dc/elements/1.1/" xmlns:ebucore="urn:ebu:metadata-schema:ebuCore_2012">
<ebucore:coreMetadata>
<ebucore:identifier typeLabel="GUID" typeDefinition="Globally Unique Identifier" formatLabel="ISRC" \
formatDefinition="International Standard Recording Code">
<dc:identifier>ISRC:{isrc}</dc:identifier>
</ebucore:identifier>
</ebucore:coreMetadata>
</ebucore:ebuCoreMain>
"""


def wav_tags(descriptor: int) -> Tags:
    """The tags of an open WAV file."""
    found = _Found()
    for chunk in chunks(descriptor):
        if chunk.name not in _READERS:
            continue
        if chunk.size > LARGEST_CHUNK_BYTES:
            found.notes.append(f"its {chunk.name.decode().strip()} chunk is too large and was not read")
            continue
        payload = os.pread(descriptor, chunk.size, chunk.start)
        try:
            _READERS[chunk.name](found, payload)
        except (struct.error, ValueError, IndexError):
            found.notes.append(f"its {chunk.name.decode().strip()} chunk is damaged and was not read")
    return found.tags()


def tag_chunks(tags: Tags) -> bytes:
    """The chunks that say ``tags``, to stand before the sound; texts that ``INFO`` has no name for are left out."""
    payloads = [
        (b"bext", _bext(tags.broadcast) if tags.broadcast else b""),
        (b"iXML", tags.ixml.encode("utf-8", "replace")),
        (b"axml", AXML.format(isrc=tags.isrc).encode() if tags.isrc else b""),
        (b"cue ", _cue(tags.markers)),
        (b"LIST", _labels(tags.markers)),
        (b"LIST", _info(tags.texts)),
    ]
    return b"".join(_chunk(name, payload) for name, payload in payloads if payload)


# Reading -------------------------------------------------------------------------------------------------------------


class _Cue(NamedTuple):
    number: int
    position_samples: int


class _Found:
    """What was gathered so far; cues and their labels meet at the end, in whatever order they came."""

    def __init__(self) -> None:
        self.notes: list[str] = []
        self.texts: list[tuple[str, str]] = []
        self.isrc = ""
        self.broadcast: Broadcast | None = None
        self.ixml = ""
        self.cues: list[_Cue] = []
        self.labels: dict[int, str] = {}
        self.lengths: dict[int, int] = {}

    def tags(self) -> Tags:
        markers = [
            Marker(
                position_samples=cue.position_samples,
                length_samples=self.lengths.get(cue.number, 0),
                name=self.labels.get(cue.number, ""),
            )
            for cue in sorted(self.cues, key=lambda cue: (cue.position_samples, cue.number))
        ]
        return Tags(
            texts=tuple(self.texts),
            isrc=self.isrc,
            broadcast=self.broadcast,
            ixml=self.ixml,
            markers=tuple(markers),
            notes=tuple(self.notes),
        )

    def read_bext(self, payload: bytes) -> None:
        fixed = payload[: BEXT.size].ljust(BEXT.size, b"\0")
        if len(payload) < 348:  # up to the version; older writers end there
            raise ValueError("too short")
        *texts, low, high, version, umid = BEXT.unpack(fixed)[:9]
        description, originator, reference, date, time_of_day = map(_text, texts)
        self.broadcast = Broadcast(
            description=description,
            originator=originator,
            originator_reference=reference,
            date=date,
            time_of_day=time_of_day,
            time_reference_samples=high << 32 | low,
            umid=umid if version >= 1 and any(umid) else b"",
            loudness=_loudness(fixed[LOUDNESS_BYTES]) if version >= 2 else None,
            coding_history=_text(payload[BEXT.size :]),
        )

    def read_ixml(self, payload: bytes) -> None:
        text = _xml_text(payload)
        if ixml.fields(text) is None:
            raise ValueError("no iXML")
        self.ixml = text

    def read_axml(self, payload: bytes) -> None:
        found = ISRC_IN_AXML.search(_xml_text(payload))
        self.isrc = plain_isrc(found[1]) if found else self.isrc

    def read_cue(self, payload: bytes) -> None:
        count = struct.unpack_from("<I", payload)[0]
        if count > MOST_MARKERS:
            raise ValueError("too many")
        for number in range(count):
            name, _order, _chunk, _start, _block, position = CUE.unpack_from(payload, 4 + number * CUE.size)
            self.cues.append(_Cue(name, position))

    def read_list(self, payload: bytes) -> None:
        kind = payload[:4]
        for name, content in _inner_chunks(payload[4:]):
            if kind == b"INFO":
                text = _text(content)
                if text:
                    self.texts.append((INFO_NAMES.get(name) or name.decode("latin-1"), text))
            elif kind == b"adtl" and name == b"labl" and len(content) >= 4:
                self.labels[struct.unpack_from("<I", content)[0]] = _text(content[4:])
            elif kind == b"adtl" and name == b"ltxt" and len(content) >= 8:
                number, length_samples = struct.unpack_from("<II", content)
                self.lengths[number] = length_samples

    def read_id3(self, payload: bytes) -> None:
        tags = id3_tags(payload)
        known = {name for name, _ in self.texts}
        self.texts.extend((name, text) for name, text in tags.texts if name not in known)
        self.isrc = self.isrc or tags.isrc
        self.notes.extend(tags.notes)


_READERS: Final = {
    b"bext": _Found.read_bext,
    b"iXML": _Found.read_ixml,
    b"axml": _Found.read_axml,
    b"cue ": _Found.read_cue,
    b"LIST": _Found.read_list,
    b"id3 ": _Found.read_id3,
    b"ID3 ": _Found.read_id3,
}


def _inner_chunks(payload: bytes) -> Iterator[tuple[bytes, bytes]]:
    position = 0
    while position + 8 <= len(payload):
        name, size = struct.unpack_from("<4sI", payload, position)
        yield name, payload[position + 8 : position + 8 + size]
        position += 8 + size + size % 2


def _loudness(fields: bytes) -> BroadcastLoudness | None:
    values = [None if value == UNSET else value / 100 for value in struct.unpack("<5h", fields)]
    if all(value is None for value in values):
        return None
    integrated, spread, peak, momentary, short = values
    return BroadcastLoudness(
        integrated_lufs=integrated,
        range_lu=spread,
        max_true_peak_dbtp=peak,
        max_momentary_lufs=momentary,
        max_short_term_lufs=short,
    )


def _text(raw: bytes) -> str:
    """Up to the first NUL; UTF-8 where it is that, else Latin-1, which everything is."""
    ended = raw.split(b"\0", 1)[0]
    try:
        return ended.decode("utf-8").rstrip()
    except UnicodeDecodeError:
        return ended.decode("latin-1").rstrip()


def _xml_text(payload: bytes) -> str:
    if payload[:2] in (b"\xff\xfe", b"\xfe\xff"):
        return payload.decode("utf-16").rstrip("\0").strip()
    return payload.rstrip(b"\0").decode("utf-8-sig").strip()


# Writing -------------------------------------------------------------------------------------------------------------


def _chunk(name: bytes, payload: bytes) -> bytes:
    return struct.pack("<4sI", name, len(payload)) + payload + b"\0" * (len(payload) % 2)


def _bext(broadcast: Broadcast) -> bytes:
    loudness = broadcast.loudness
    measured = (
        (None,) * 5
        if loudness is None
        else (
            loudness.integrated_lufs,
            loudness.range_lu,
            loudness.max_true_peak_dbtp,
            loudness.max_momentary_lufs,
            loudness.max_short_term_lufs,
        )
    )
    fixed = BEXT.pack(
        _fitting(broadcast.description, 256),
        _fitting(broadcast.originator, 32),
        _fitting(broadcast.originator_reference, 32),
        _fitting(broadcast.date, 10),
        _fitting(broadcast.time_of_day, 8),
        broadcast.time_reference_samples & 0xFFFFFFFF,
        broadcast.time_reference_samples >> 32 & 0xFFFFFFFF,
        1 if loudness is None else 2,
        broadcast.umid,
        *((0,) * 5 if loudness is None else map(_hundredths, measured)),
    )
    return fixed + broadcast.coding_history.encode("utf-8", "replace")


def _hundredths(value: float | None) -> int:
    return UNSET if value is None else max(-0x8000, min(UNSET - 1, round(value * 100)))


def _fitting(text: str, length_bytes: int) -> bytes:
    """As many whole characters as there is room for."""
    return text.encode("utf-8", "replace")[:length_bytes].decode("utf-8", "ignore").encode()


def _cue(markers: tuple[Marker, ...]) -> bytes:
    kept = _writable(markers)
    if not kept:
        return b""
    cues = (CUE.pack(number, at, b"data", 0, 0, at) for number, at in ((n, m.position_samples) for n, m in kept))
    return struct.pack("<I", len(kept)) + b"".join(cues)


def _labels(markers: tuple[Marker, ...]) -> bytes:
    inner = b""
    for number, marker in _writable(markers):
        if marker.name:
            name = struct.pack("<I", number) + marker.name.encode("utf-8", "replace").replace(b"\0", b"") + b"\0"
            inner += _chunk(b"labl", name)
        if marker.length_samples:
            length = min(marker.length_samples, LARGEST_POSITION)
            inner += _chunk(b"ltxt", struct.pack("<II4s4H", number, length, b"rgn ", 0, 0, 0, 0))
    return b"adtl" + inner if inner else b""


def _writable(markers: tuple[Marker, ...]) -> list[tuple[int, Marker]]:
    """Numbered from 1; the chunk counts samples in 32 bits, which is a day of 48 kHz."""
    within = (marker for marker in markers if 0 <= marker.position_samples <= LARGEST_POSITION)
    return list(enumerate(within, start=1))


def _info(texts: tuple[tuple[str, str], ...]) -> bytes:
    inner = b""
    for name, text in texts:
        code = INFO_CODES.get(name) or (name.encode("latin-1") if re.fullmatch(r"I[A-Z0-9]{3}", name) else None)
        if code is not None:
            inner += _chunk(code, text.encode("utf-8", "replace").replace(b"\0", b"") + b"\0")
    return b"INFO" + inner if inner else b""
