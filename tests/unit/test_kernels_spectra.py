"""Short-time spectra against numpy's, for every size, any number of frames, and both levels of SIMD."""

from itertools import pairwise

import numpy as np
import pytest
from numpy.typing import NDArray

from tapehand.errors import InternalError
from tapehand.kernels.spectra import PowerSpectra, band_sums

HOP = 37


def _noise(length: int) -> NDArray[np.float32]:
    return np.random.default_rng(length).standard_normal(length).astype(np.float32)


def _window(size: int) -> NDArray[np.float32]:
    return np.hanning(size + 1)[:-1].astype(np.float32)


@pytest.mark.parametrize("size", [16 << step for step in range(11)])
@pytest.mark.parametrize("count", [0, 1, 8, 13])
def test_powers_are_those_of_an_ordinary_transform(size: int, count: int) -> None:
    sound, window = _noise(size + HOP * count), _window(size)
    made = PowerSpectra(window, 0.5).of(sound, HOP, count)
    frames = np.array([sound[at * HOP : at * HOP + size] * window for at in range(count)]).reshape(count, size)
    wanted = 0.5 * np.abs(np.fft.rfft(frames.astype(np.float64), axis=1)) ** 2
    assert made.shape == wanted.shape
    assert np.abs(made - wanted).max(initial=0.0) <= 3e-6 * wanted.max(initial=1.0)


def test_a_quiet_line_beside_a_loud_tone_is_as_exact_as_float32_allows() -> None:
    sound = np.cos(2.0 * np.pi * 100.0 * np.arange(1024) / 1024).astype(np.float32)
    powers = PowerSpectra(_window(1024), 1.0).of(sound, 1, 1)[0]
    assert powers.argmax() == 100
    assert 10.0 * np.log10(np.delete(powers, [99, 100, 101]).max() / powers[100]) < -120.0


def test_a_frame_does_not_depend_on_those_beside_it_or_on_the_processor(monkeypatch: pytest.MonkeyPatch) -> None:
    sound, spectra = _noise(4096), PowerSpectra(_window(512), 1.0)
    together = spectra.of(sound, 100, 30)
    alone = np.concatenate([spectra.of(sound[at * 100 :], 100, 1) for at in range(30)])
    monkeypatch.setenv("TAPEHAND_SIMD", "base")
    assert together.tobytes() == alone.tobytes() == spectra.of(sound, 100, 30).tobytes()


def test_silence_is_silent_beside_sound() -> None:
    sound = np.concatenate([np.zeros(2048, np.float32), _noise(2048)])
    powers = PowerSpectra(_window(256), 1.0).of(sound, 128, 31)
    assert not powers[:15].any()
    assert powers[15:].all(axis=1).any()


def test_bands_are_sums_of_lines() -> None:
    powers = np.abs(_noise(7 * 129)).reshape(7, 129)
    edges = np.array([0, 1, 1, 20, 64, 129])
    wanted = np.stack([powers[:, low:high].sum(axis=1) for low, high in pairwise(edges)], axis=1)
    np.testing.assert_allclose(band_sums(powers, edges), wanted, rtol=1e-5)


def test_what_does_not_fit_is_refused() -> None:
    with pytest.raises(InternalError):
        PowerSpectra(np.ones(48, np.float32), 1.0)
    with pytest.raises(InternalError):
        PowerSpectra(_window(64), 1.0).of(_noise(100), 10, 5)
    with pytest.raises(InternalError):
        band_sums(np.ones((1, 9), np.float32), np.array([0, 10]))
