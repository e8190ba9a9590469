"""A small PNG writer."""

import struct
import zlib

import numpy as np
from numpy.typing import NDArray

from tapehand.pictures.palette import HEAT_ANCHORS


def png(pixels: NDArray[np.uint8]) -> bytes:
    """A PNG file of ``pixels`` ``(rows, columns, 3)``: red, green, blue, top row first."""
    rows, columns, _colours = pixels.shape
    header = struct.pack(">IIBBBBB", columns, rows, 8, 2, 0, 0, 0)
    # Each row is told as its difference to the one above (filter 2), which suits pictures that are smooth downwards.
    above = np.zeros_like(pixels)
    above[1:] = pixels[:-1]
    lines = np.full((rows, 1 + 3 * columns), 2, dtype=np.uint8)
    lines[:, 1:] = (pixels - above).reshape(rows, -1)
    body = zlib.compress(lines.tobytes(), 9)
    return b"\x89PNG\r\n\x1a\n" + _chunk(b"IHDR", header) + _chunk(b"IDAT", body) + _chunk(b"IEND", b"")


def heat(shares: NDArray[np.floating]) -> NDArray[np.uint8]:
    """Colours ``(..., 3)`` of shares 0 (silence) to 1 (full), from dark to light along the palette's anchors."""
    places = np.linspace(0.0, 1.0, len(HEAT_ANCHORS))
    table = np.stack(
        [np.interp(np.linspace(0, 1, 256), places, [anchor[part] for anchor in HEAT_ANCHORS]) for part in range(3)],
        axis=1,
    )
    steps = np.rint(np.clip(shares, 0.0, 1.0) * 255).astype(np.intp)
    colours: NDArray[np.uint8] = np.rint(table).astype(np.uint8)[steps]
    return colours


def _chunk(name: bytes, body: bytes) -> bytes:
    return struct.pack(">I", len(body)) + name + body + struct.pack(">I", zlib.crc32(name + body))
