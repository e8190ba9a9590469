"""``python -m bench.listening.fit_resonance``: find the weights of ``kinds.resonance`` on stems that are not measured.

Logistic regression over the frequencies that stand out: the planted one against all others. Real stems, where they are
at hand, take part as clean ones. What plainly booms is left to its own rule.
"""

import os
import sys
from collections.abc import Iterator
from dataclasses import fields
from pathlib import Path
from typing import Final

import numpy as np
import soundfile
from numpy.typing import NDArray
from scipy.optimize import minimize

from bench.listening.injectors import SEVERITIES, resonance
from bench.listening.stems import RATE_HZ, Sound, stem
from tapehand.listening.kinds import threshold
from tapehand.listening.resonances import ResonanceScan, Signs, candidates
from tapehand.listening.segments import SegmentStream

STEMS: Final = ("voice", "strings")
SEEDS: Final = range(40)
PENALTY: Final = 1.0
NEAR: Final = 0.03
UNUSED: Final = ("boom",)
REAL: Final = Path(os.environ.get("TAPEHAND_MATERIAL", Path(__file__).parents[3] / "shared" / "material"))
REAL_FILES: Final = ("multitrack/*/*vox*", "multitrack/*/Vocals*", "voices/*", "songs/*orchestra*", "songs/*trumpet*")
Row = tuple[list[float], bool]


class Recorder(ResonanceScan):
    """Keeps what it was given."""

    def candidates(self) -> list[tuple[float, Signs]]:
        """All that stands out, sure or not."""
        if not self._frames:
            return []
        powers = np.concatenate(self._frames)
        totals = powers.sum(axis=1)
        powers = powers[totals > totals.max() * 1e-4]
        return candidates(powers, self._rate_hz / self._size) if len(powers) >= 24 else []


def heard(sound: Sound, rate_hz: int = RATE_HZ) -> list[tuple[float, Signs]]:
    """What stands out in a sound."""
    scan, stream = Recorder(rate_hz), SegmentStream(sound.shape[0])
    for segments in (stream.feed(sound.astype(np.float32)), stream.finish()):
        for segment in segments:
            scan.feed(segment)
    return scan.candidates()


def rows() -> Iterator[Row]:
    """Signs of every candidate, and whether it was planted."""
    for name in STEMS:
        for seed in SEEDS:
            clean = stem(name, seed)
            yield from ((_figures(signs), False) for _hz, signs in heard(clean))
            for severity in SEVERITIES:
                planted = resonance(np.random.default_rng([seed, len(severity)]), clean, severity)
                true_hz = planted.truth["frequency_hz"]
                for hz, signs in heard(planted.sound):
                    if min(signs.boom, signs.boom_nearby) < threshold("resonance"):
                        yield _figures(signs), abs(hz / true_hz - 1.0) < NEAR
    for pattern in REAL_FILES:
        for path in sorted(REAL.glob(pattern)):
            wave, rate_hz = soundfile.read(path, always_2d=True)
            found = heard(np.ascontiguousarray(wave.T[:2]), rate_hz)
            yield from ((_figures(signs), False) for _hz, signs in found)


def fitted(figures: NDArray[np.float64], truth: NDArray[np.float64]) -> NDArray[np.float64]:
    """Weights, the bias last."""
    middle, size = figures.mean(axis=0), figures.std(axis=0) + 1e-9
    scaled = np.c_[(figures - middle) / size, np.ones(len(figures))]

    def loss(weights: NDArray[np.float64]) -> float:
        odds = scaled @ weights
        return float((np.logaddexp(0.0, odds) - truth * odds).sum() + 0.5 * PENALTY * np.square(weights[:-1]).sum())

    weights: NDArray[np.float64] = minimize(loss, np.zeros(scaled.shape[1]), method="L-BFGS-B").x
    weights[:-1] /= size
    weights[-1] -= float((weights[:-1] * middle).sum())
    return weights


def _names() -> list[str]:
    return [each.name for each in fields(Signs) if each.name not in UNUSED]


def _figures(signs: Signs) -> list[float]:
    return [getattr(signs, name) for name in _names()]


def main() -> None:
    """Print the weights as the catalogue has them."""
    made = list(rows())
    weights = fitted(np.array([row for row, _ in made]), np.array([float(true) for _, true in made]))
    print(f"# {len(made)} candidates, {sum(true for _, true in made)} planted", file=sys.stderr)
    for name, weight in zip([*_names(), "bias"], weights, strict=True):
        print(f"{name} = {weight:.3f}")


if __name__ == "__main__":
    main()
