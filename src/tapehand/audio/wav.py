"""WAV as we write it: no dates, no peak chunk, so that the same sound gives the same bytes; RF64 when it grows long.

Layout: RIFF header, a 28-byte ``JUNK`` chunk that becomes ``ds64`` beyond 4 GiB (EBU Tech 3306), ``fmt ``, ``fact`` for
float, tags where there are some, ``data``.
"""

import struct
from typing import Final, Literal, NamedTuple

Subtype = Literal["PCM_16", "PCM_24", "FLOAT"]

SAMPLE_BYTES: Final[dict[str, int]] = {"PCM_16": 2, "PCM_24": 3, "FLOAT": 4}
LARGEST_RIFF_BYTES: Final = 0xFFFFFFFF
PCM_TAG, FLOAT_TAG, EXTENSIBLE_TAG = 1, 3, 0xFFFE
SUBFORMAT_TAIL: Final = bytes.fromhex("000000001000800000aa00389b71")


class WavShape(NamedTuple):
    """What a WAV header has to say besides the length."""

    rate_hz: int
    channels: int
    subtype: Subtype

    @property
    def frame_bytes(self) -> int:
        """Bytes of one sample of all channels."""
        return self.channels * SAMPLE_BYTES[self.subtype]

    def file_bytes(self, length_samples: int, tag_chunks: bytes = b"") -> int:
        """Size of the whole file."""
        payload = length_samples * self.frame_bytes
        return len(header(self, 0, tag_chunks)) + payload + payload % 2


def header(shape: WavShape, length_samples: int, tag_chunks: bytes = b"") -> bytes:
    """Everything before the first sample; of one size for every length, so that it can be written again at the end.

    ``tag_chunks`` (see ``wav_tags``) stand between the format and the sound.
    """
    payload_bytes = length_samples * shape.frame_bytes
    body = _format_chunk(shape) + _fact_chunk(shape, length_samples) + tag_chunks
    riff_bytes = 4 + 36 + len(body) + 8 + payload_bytes + payload_bytes % 2
    if riff_bytes <= LARGEST_RIFF_BYTES:
        start = struct.pack("<4sI4s", b"RIFF", riff_bytes, b"WAVE") + struct.pack("<4sI28x", b"JUNK", 28)
        return start + body + struct.pack("<4sI", b"data", payload_bytes)
    start = struct.pack("<4sI4s", b"RF64", LARGEST_RIFF_BYTES, b"WAVE")
    sizes = struct.pack("<4sIQQQI", b"ds64", 28, riff_bytes, payload_bytes, length_samples, 0)
    return start + sizes + body + struct.pack("<4sI", b"data", LARGEST_RIFF_BYTES)


def _format_chunk(shape: WavShape) -> bytes:
    """Plain ``fmt `` up to stereo, as every reader knows it; the extensible form beyond, with no speaker assignment."""
    bits = 8 * SAMPLE_BYTES[shape.subtype]
    plain_tag = FLOAT_TAG if shape.subtype == "FLOAT" else PCM_TAG
    extensible = shape.channels > 2
    fields = struct.pack(
        "<HHIIHH",
        EXTENSIBLE_TAG if extensible else plain_tag,
        shape.channels,
        shape.rate_hz,
        shape.rate_hz * shape.frame_bytes,
        shape.frame_bytes,
        bits,
    )
    if extensible:
        fields += struct.pack("<HHIH", 22, bits, 0, plain_tag) + SUBFORMAT_TAIL
    elif plain_tag == FLOAT_TAG:
        fields += struct.pack("<H", 0)
    return struct.pack("<4sI", b"fmt ", len(fields)) + fields


def _fact_chunk(shape: WavShape, length_samples: int) -> bytes:
    if shape.subtype != "FLOAT":
        return b""
    return struct.pack("<4sII", b"fact", 4, min(length_samples, LARGEST_RIFF_BYTES))
