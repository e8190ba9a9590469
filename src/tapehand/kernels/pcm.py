"""Kernels between the bytes of PCM files and rows of float32."""

from typing import Final, Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray

from tapehand.errors import InternalError
from tapehand.kernels.library import Kernel, Parameter

_P = Parameter
_SPREAD = Kernel("pcm_spread", _P.U8, _P.INT, _P.INT, _P.INT, _P.F32_ROWS_OUT, _P.INT, _P.INT)
_WEAVE_FLOATS = Kernel("pcm_weave_floats", _P.F32, _P.INT, _P.INT, _P.INT, _P.INT, _P.U8_OUT)
_PACK = Kernel("pcm_pack", _P.F32, _P.INT, _P.INT, _P.U8_OUT)
_WEAVE_CODES = Kernel(
    "pcm_weave_codes", _P.F32, _P.INT, _P.INT, _P.INT, _P.INT, _P.I64, _P.INT, _P.INT, _P.INT, _P.U8_OUT, _P.I64_OUT
)

Coding = Literal["PCM_16", "PCM_24", "PCM_32", "FLOAT"]
CODE_BITS: Final[dict[str, int]] = {"PCM_16": 16, "PCM_24": 24, "PCM_32": 32, "FLOAT": 0}
CODE_BYTES: Final[dict[str, int]] = {"PCM_16": 2, "PCM_24": 3, "PCM_32": 4, "FLOAT": 4}
FINE: Final = -1
_NO_NUMBERS: Final = np.zeros(1, dtype=np.int64)


class BadValue(NamedTuple):
    """Where the first value stands that is not a number, counted from the first frame of the block."""

    frame: int
    channel: int


class Woven(NamedTuple):
    """Bytes for a file, and how many values lay above full scale and were held there."""

    payload: NDArray[np.uint8]
    clipped: int


def spread(payload: NDArray[np.uint8], coding: Coding, out: NDArray[np.float32], start: int) -> BadValue | None:
    """Write interleaved ``payload`` as rows into ``out`` ``(channels, samples)`` from column ``start`` on.

    ``out`` may be a stretch ``[:, a:b]`` of longer rows. The frames are as many as ``payload`` holds; full scale
    becomes 1.0, exactly as libsndfile does it. Answers where the first value is that is not a number (floats only),
    None where all are.
    """
    channels, columns = out.shape
    frame_bytes = channels * CODE_BYTES[coding]
    frames = payload.size // frame_bytes
    _require(payload.size % frame_bytes == 0 and 0 <= start <= columns - frames, "frames")
    row = out.strides[0] // out.itemsize
    return _place(_SPREAD.status(payload, frames, channels, CODE_BITS[coding], out, row, start), channels)


def packed(frames: NDArray[np.float32], bits: int) -> NDArray[np.uint8]:
    """Floats in full scale 1.0 that came from integers of ``bits`` (8, 16 or 24), as these integers, little-endian."""
    _require(bits in (8, 16, 24), "bits")
    payload = np.empty(frames.size * bits // 8, dtype=np.uint8)
    _PACK(frames, frames.size, bits, payload)
    return payload


def weave_floats(samples: NDArray[np.float32], start: int, end: int) -> Woven | BadValue:
    """Columns ``[start, end)`` of rows ``(channels, samples)`` as interleaved floats, or where one is not a number."""
    channels, row = samples.shape
    _require(0 <= start <= end <= row, "columns")
    payload = np.empty(4 * channels * (end - start), dtype=np.uint8)
    status = _WEAVE_FLOATS.status(samples, row, start, end - start, channels, payload)
    return _place(status, channels) or Woven(payload, 0)


def weave_codes(
    samples: NDArray[np.float32], start: int, end: int, bits: int, width: int, random: NDArray[np.uint64] | None
) -> Woven | BadValue:
    """Columns ``[start, end)`` of rows as the interleaved integers nearest to them, held at full scale, never wrapped.

    Parameters
    ----------
    bits : 16 or 24.
    width : bytes of each integer: 2 for 16 bits, 3 for 24, or 4 for either in the upper bits.
    random : numbers ``(end - start, channels)``; each becomes triangular noise of +-1 step (its upper half less its
        lower half, in steps of 2^-32) that is added before rounding. None adds nothing.
    """
    channels, row = samples.shape
    length = end - start
    _require(0 <= start <= end <= row, "columns")
    _require((bits, width) in ((16, 2), (24, 3), (16, 4), (24, 4)), "width")
    _require(random is None or random.shape == (length, channels), "random numbers")
    payload = np.empty(width * channels * length, dtype=np.uint8)
    above = np.zeros(1, dtype=np.int64)
    numbers = _NO_NUMBERS if random is None else random.view(np.int64)
    status = _WEAVE_CODES.status(
        samples, row, start, length, channels, numbers, random is not None, bits, width, payload, above
    )
    return _place(status, channels) or Woven(payload, int(above[0]))


def _place(status: int, channels: int) -> BadValue | None:
    return None if status == FINE else BadValue(*divmod(status, channels))


def _require(holds: bool, what: str) -> None:
    if not holds:
        raise InternalError("kernels.argument", f"PCM bytes and samples do not fit together: {what}")
