"""Channel strips: many tracks through their chains, four stereo tracks at a time.

A chain is any sequence of processors. Gains, filters and equalisers up to and with the next compressor are one pass of
the strip kernel; every other processor is a step of its own (see ``dsp.chain``). What a track sounds like does not
depend on its neighbours in a vector.
"""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

import numpy as np
from numpy.typing import NDArray

from tapehand.audio import Audio
from tapehand.dsp.dynamics import compressor_column
from tapehand.dsp.filters import Section, equaliser_sections, high_pass_sections
from tapehand.errors import InternalError
from tapehand.kernels.strip import LANES, PAIRS, StripSettings, run_strip8
from tapehand.song.processors import Compressor, Equaliser, Gain, HighPass
from tapehand.units import db_to_gain

StripProcessor = HighPass | Equaliser | Compressor | Gain
STRIP_PROCESSORS: Final = (HighPass, Equaliser, Compressor, Gain)


@dataclass(slots=True, kw_only=True)
class Pass:
    """What one run of the kernel does to one track: a gain, then sections, then a compressor."""

    gain: float = 1.0
    sections: list[Section] = field(default_factory=list)
    compressor: Compressor | None = None

    def kernel_gain(self) -> float:
        """The gain with the first coefficient of every section in it: the kernel's sections begin with 1."""
        gain = self.gain
        for section in self.sections:
            gain *= section.b0
        return gain


def passes_of(chain: Sequence[StripProcessor], rate_hz: int) -> list[Pass]:
    """A chain cut after each compressor."""
    passes = [Pass()]
    for processor in chain:
        if passes[-1].compressor is not None:
            passes.append(Pass())
        match processor:
            case Gain():
                passes[-1].gain *= db_to_gain(processor.gain_db)
            case HighPass():
                passes[-1].sections += high_pass_sections(processor, rate_hz)
            case Equaliser():
                passes[-1].sections += equaliser_sections(processor, rate_hz)
            case Compressor():
                passes[-1].compressor = processor
    return passes if chain else []


def run_strips(
    tracks: Sequence[Audio],
    chains: Sequence[Sequence[StripProcessor]],
    *,
    keys: Mapping[str, Audio] | None = None,
    names: Sequence[str] = (),
) -> list[Audio]:
    """Each track through its chain of gains, high-passes, equalisers and compressors.

    Parameters
    ----------
    tracks : mono or stereo, of any rates and lengths; mono stays mono.
    chains : one for each track; empty leaves the track as it is.
    keys : what compressors with a ``key_track`` listen to, by its name.
    names : of the tracks, for messages.

    Raises
    ------
    InternalError
        ``render.not_finite`` with track and sample; ``dsp.key`` for a key that is not there.
    """
    if len(tracks) != len(chains):
        raise InternalError("dsp.strips", f"{len(tracks)} tracks need as many chains, not {len(chains)}")
    made = list(tracks)
    plans = [passes_of(chain, track.rate_hz) for track, chain in zip(tracks, chains, strict=True)]
    for step in range(max(map(len, plans), default=0)):
        busy = [number for number, plan in enumerate(plans) if step < len(plan)]
        for group in _groups([made[number] for number in busy]):
            numbers = [busy[k] for k in group]
            shown = [names[number] if number < len(names) else f"track {number + 1}" for number in numbers]
            ready = run_pass(
                [made[number] for number in numbers], [plans[number][step] for number in numbers], keys or {}, shown
            )
            for number, audio in zip(numbers, ready, strict=True):
                made[number] = audio
    return made


def run_pass(
    tracks: Sequence[Audio], passes: Sequence[Pass], keys: Mapping[str, Audio], names: Sequence[str] = ()
) -> list[Audio]:
    """Up to four tracks of one rate, each through one pass. Shorter ones are followed by silence on the way."""
    rate_hz, length = tracks[0].rate_hz, max(track.length_samples for track in tracks)
    heard = [_key_of(each, keys, length) for each in passes]
    strip = StripSettings(
        gains=_lanes([each.kernel_gain() for each in passes], filler=1.0),
        coefficients=_coefficients(passes),
        compressor=_compressors(passes, rate_hz, [key is not None for key in heard]),
    )
    whole = [track.samples if track.length_samples == length else track.span(0, length).samples for track in tracks]
    made = run_strip8(whole, strip, keys=heard, names=names)
    return [Audio.of(samples[:, : track.length_samples], rate_hz) for samples, track in zip(made, tracks, strict=True)]


def _groups(tracks: Sequence[Audio]) -> list[list[int]]:
    """Fours of one rate, neighbours in length, so that little silence is computed."""
    by_rate: dict[int, list[int]] = defaultdict(list)
    for number in sorted(range(len(tracks)), key=lambda k: tracks[k].length_samples):
        by_rate[tracks[number].rate_hz].append(number)
    return [same[at : at + PAIRS] for same in by_rate.values() for at in range(0, len(same), PAIRS)]


def _key_of(each: Pass, keys: Mapping[str, Audio], length: int) -> NDArray[np.float32] | None:
    if each.compressor is None or each.compressor.key_track is None:
        return None
    if each.compressor.key_track not in keys:
        raise InternalError("dsp.key", "A compressor's side-chain track is missing", where=each.compressor.key_track)
    return keys[each.compressor.key_track].span(0, length).samples


def _lanes(values: Sequence[float], *, filler: float) -> NDArray[np.float64]:
    lanes = np.full(LANES, filler)
    for number, value in enumerate(values):
        lanes[number] = lanes[number + PAIRS] = value
    return lanes


def _coefficients(passes: Sequence[Pass]) -> NDArray[np.float64]:
    table = np.zeros((max(len(each.sections) for each in passes), 4, LANES))
    for number, each in enumerate(passes):
        for row, section in enumerate(each.sections):
            b1, b2 = section.b1 / section.b0, section.b2 / section.b0
            values = (b1 - section.a1, b2 - section.a2, section.a1, section.a2)
            table[row, :, number] = table[row, :, number + PAIRS] = values
    return table


def _compressors(passes: Sequence[Pass], rate_hz: int, keyed: Sequence[bool]) -> NDArray[np.float64] | None:
    if all(each.compressor is None for each in passes):
        return None
    columns = [
        compressor_column(each.compressor, rate_hz, keyed=has_key) for each, has_key in zip(passes, keyed, strict=True)
    ]
    idle = compressor_column(None, rate_hz)
    return np.ascontiguousarray(np.stack([*columns, *[idle] * (PAIRS - len(columns))], axis=1))
