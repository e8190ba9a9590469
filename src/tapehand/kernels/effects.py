"""The kernels behind delay, reverb and saturation, with their state."""

from dataclasses import dataclass
from typing import ClassVar, Final

import numpy as np
from numpy.typing import NDArray

from tapehand.errors import InternalError
from tapehand.kernels.library import Kernel, Parameter

_P = Parameter
_SATURATE = Kernel(
    "saturate", _P.F32, _P.F32_OUT, _P.INT, _P.F32, _P.INT, *[_P.REAL] * 5, _P.F32_OUT, _P.F32_OUT, _P.F64_OUT
)
_SIDES = (_P.F32, _P.F32, _P.F32_OUT, _P.F32_OUT, _P.INT)
_ECHO = Kernel("echo", *_SIDES, _P.F64_OUT, _P.INT, _P.REAL, _P.REAL, _P.REAL, _P.INT, _P.F64_OUT)
_REVERB = Kernel(
    "reverb",
    *(*_SIDES, _P.F64, _P.I64, _P.I64, _P.F64, _P.INT),
    *(_P.F32_OUT, _P.INT, _P.F32_OUT, _P.F32_OUT, _P.INT, _P.I64_OUT),
)

REVERB_LINES: Final = 16
REVERB_ROWS: Final = 13
# The longest chunk that the kernel works in, and what it reads beyond.
CHUNK_SAMPLES: Final = 48
DIFFUSERS: Final = 8
OVERSAMPLING: Final = 4

Stereo = NDArray[np.float32]


class Saturator:
    """One channel on its way through a bent curve at four times the rate, with what it remembers.

    What comes out is the sound plus ``mix`` times what a curve of slope 1 changes of it, without DC.

    Parameters
    ----------
    bank : interpolation bank ``(4, taps)``, taps a multiple of 8 up to 96.
    drive : linear gain into the curve, above 0.
    bias, hardness : of the curve, 0 to 1.
    mix : linear share of the change.
    dc_share : the coefficient of the one-pole that finds the DC.
    """

    STATE: ClassVar[tuple[str, ...]] = ("_heard", "_curved", "_dc")

    def __init__(
        self, bank: NDArray[np.float32], *, drive: float, bias: float, hardness: float, mix: float, dc_share: float
    ) -> None:
        if bank.shape[0] != OVERSAMPLING or bank.shape[1] % 8 or bank.shape[1] > 96 or drive <= 0:
            raise InternalError("kernels.argument", "Saturation takes a bank (4, taps) and drive above 0")
        self.late_samples = bank.shape[1] - 1
        self._settings = (bank, bank.shape[1], drive, bias, hardness, mix, dc_share)
        self._heard = np.zeros(self.late_samples, dtype=np.float32)
        self._curved = np.zeros((OVERSAMPLING, self.late_samples), dtype=np.float32)
        self._dc = np.zeros(1)

    def follow(self, samples: NDArray[np.float32], out: NDArray[np.float32]) -> None:
        """The next ``(n,)`` samples, and what comes out, ``late_samples`` behind them.

        Raises
        ------
        InternalError
            ``render.not_finite`` with the sample.
        """
        _SATURATE(samples, out, samples.size, *self._settings, self._heard, self._curved, self._dc)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Echo:
    """A delay line with what it remembers. Shares are ``1 - exp(-2 pi f / rate)`` of the loop's cuts."""

    STATE: ClassVar[tuple[str, ...]] = ("lines", "state")

    delay_samples: int
    feedback: float
    low_share: float
    high_share: float
    ping_pong: bool
    lines: NDArray[np.float64]
    state: NDArray[np.float64]

    @classmethod
    def silent(
        cls, *, delay_samples: int, feedback: float, low_share: float, high_share: float, ping_pong: bool
    ) -> "Echo":
        """A delay that has heard nothing yet."""
        if delay_samples < 1 or not 0.0 <= feedback < 1.0:
            raise InternalError("kernels.argument", "A delay takes at least one sample and feedback below 1")
        return cls(
            delay_samples=delay_samples,
            feedback=feedback,
            low_share=low_share,
            high_share=high_share,
            ping_pong=ping_pong,
            lines=np.zeros((2, delay_samples)),
            state=np.zeros(5),
        )

    def follow(self, samples: Stereo) -> Stereo:
        """The echoes, and only they, of the next ``(2, n)`` samples."""
        made = _like_stereo(samples)
        how = (self.feedback, self.low_share, self.high_share, self.ping_pong)
        _ECHO(*samples, *made, samples.shape[1], self.lines, self.delay_samples, *how, self.state)
        return made


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Room:
    """A feedback delay network with what it remembers.

    Parameters
    ----------
    settings : float64 ``(13, 16)``, rows as in ``native/kernels/reverb.cpp``.
    lengths : int64 ``(24,)``: 16 lines, 4 diffusers left, 4 right, in samples.
    taps, tap_gains : ``(2, k)``: the early reflections of each side, in samples and linear.
    """

    STATE: ClassVar[tuple[str, ...]] = ("lines", "filters", "rings", "position")

    settings: NDArray[np.float64]
    lengths: NDArray[np.int64]
    taps: NDArray[np.int64]
    tap_gains: NDArray[np.float64]
    lines: NDArray[np.float32]
    filters: NDArray[np.float32]
    rings: NDArray[np.float32]
    position: NDArray[np.int64]

    @classmethod
    def silent(
        cls,
        settings: NDArray[np.float64],
        lengths: NDArray[np.int64],
        taps: NDArray[np.int64],
        tap_gains: NDArray[np.float64],
        reach_samples: int,
    ) -> "Room":
        """A room that has heard nothing yet; ``reach_samples`` is the longest a line can get."""
        lines_fit = settings.shape == (REVERB_ROWS, REVERB_LINES) and lengths.shape == (REVERB_LINES + DIFFUSERS,)
        if not lines_fit or taps.shape != tap_gains.shape or taps.shape[0] != 2 or min(lengths.min(), taps.min()) < 3:
            raise InternalError("kernels.argument", "Reverb settings of a wrong shape, or a line below 3 samples")
        ring_samples = int(max(lengths[REVERB_LINES:].max(), taps.max()))
        return cls(
            settings=settings,
            lengths=lengths,
            taps=taps,
            tap_gains=tap_gains,
            lines=np.zeros((REVERB_LINES, _power_of_two_above(reach_samples + CHUNK_SAMPLES)), dtype=np.float32),
            filters=np.zeros((2, REVERB_LINES), dtype=np.float32),
            rings=np.zeros((DIFFUSERS + 2, _power_of_two_above(ring_samples + CHUNK_SAMPLES)), dtype=np.float32),
            position=np.zeros(1, dtype=np.int64),
        )

    def follow(self, samples: Stereo) -> Stereo:
        """The reverb, and only that, of the next ``(2, n)`` samples."""
        made = _like_stereo(samples)
        shape = (self.settings, self.lengths, self.taps, self.tap_gains, self.taps.shape[1])
        memory = (self.lines, self.lines.shape[1], self.filters, self.rings, self.rings.shape[1], self.position)
        _REVERB(*samples, *made, samples.shape[1], *shape, *memory)
        return made


def _like_stereo(samples: Stereo) -> Stereo:
    if samples.ndim != 2 or samples.shape[0] != 2:
        raise InternalError("kernels.argument", f"This effect takes (2, n) samples, not {samples.shape}")
    return np.empty(samples.shape, dtype=np.float32)


def _power_of_two_above(length: int) -> int:
    return 1 << length.bit_length()
