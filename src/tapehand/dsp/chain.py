"""Chains of any processors, and how long they ring on. Every processor is in time: no chain delays the sound."""

from collections.abc import Callable, Mapping, Sequence
from types import MappingProxyType
from typing import Any, Final

from tapehand.audio import Audio
from tapehand.dsp.characters import colour, compress_with_character
from tapehand.dsp.convolution import convolution_tail_s, convolve_reverb
from tapehand.dsp.crossover import compress_bands, de_ess, equalise_dynamically
from tapehand.dsp.delay import delay, delay_tail_s
from tapehand.dsp.fir import equalise_fir
from tapehand.dsp.gating import gate, shape_transients
from tapehand.dsp.limiter import limit
from tapehand.dsp.mid_side import equalise_mid_side
from tapehand.dsp.reverb import reverb, reverb_tail_s
from tapehand.dsp.saturation import saturate_audio
from tapehand.dsp.softclip import soft_clip
from tapehand.dsp.strips import STRIP_PROCESSORS, StripProcessor, run_strips
from tapehand.dsp.width import widen
from tapehand.errors import InternalError
from tapehand.song.processors import (
    CharacterCompressor,
    Colour,
    Convolution,
    DeEsser,
    Delay,
    DynamicEqualiser,
    FirEqualiser,
    Gate,
    Limiter,
    MidSideEqualiser,
    MultibandCompressor,
    Processor,
    Reverb,
    Saturation,
    SoftClip,
    TransientShaper,
    Width,
)


def run_chains(
    tracks: Sequence[Audio],
    chains: Sequence[Sequence[Processor]],
    *,
    keys: Mapping[str, Audio] | None = None,
    names: Sequence[str] = (),
) -> list[Audio]:
    """Each track through its chain; lengths stay. What strips can do is done for four tracks at a time.

    Parameters and errors as ``dsp.strips.run_strips``; ``keys`` also holds impulse responses by the name of their
    source. Delays and reverbs turn mono into stereo.
    """
    made, rest = list(tracks), [tuple(chain) for chain in chains]
    while any(rest):
        heads = [_leading_strip(chain) for chain in rest]
        made = run_strips(made, heads, keys=keys, names=names)
        rest = [chain[len(head) :] for chain, head in zip(rest, heads, strict=True)]
        made = [apply(audio, chain[0], keys=keys) if chain else audio for audio, chain in zip(made, rest, strict=True)]
        rest = [chain[1:] for chain in rest]
    return made


def apply(audio: Audio, processor: Processor, *, keys: Mapping[str, Audio] | None = None) -> Audio:
    """``audio`` through one processor; ``keys`` as in ``run_chains``."""
    if isinstance(processor, STRIP_PROCESSORS):
        return run_strips([audio], [[processor]], keys=keys)[0]
    if isinstance(processor, Convolution):
        return convolve_reverb(audio, processor, _impulse(keys or {}, processor.impulse))
    run: Callable[[Audio, Any], Audio] = _FUNCTIONS[type(processor)]
    return run(audio, processor)


_FUNCTIONS: Final[Mapping[type, Callable[[Audio, Any], Audio]]] = MappingProxyType(
    {
        Delay: delay,
        Reverb: reverb,
        Saturation: saturate_audio,
        SoftClip: soft_clip,
        Limiter: limit,
        Width: widen,
        DeEsser: de_ess,
        Gate: gate,
        TransientShaper: shape_transients,
        DynamicEqualiser: equalise_dynamically,
        MultibandCompressor: compress_bands,
        MidSideEqualiser: equalise_mid_side,
        FirEqualiser: equalise_fir,
        CharacterCompressor: compress_with_character,
        Colour: colour,
    }
)


def _impulse(keys: Mapping[str, Audio], name: str) -> Audio:
    if name not in keys:
        raise InternalError("dsp.impulse", "An impulse response is missing", where=name)
    return keys[name]


def tail_s(chain: Sequence[Processor]) -> float:
    """How long a chain rings on, to -60 dB, after its sound has ended."""
    return sum(_tail_s(processor) for processor in chain)


def _tail_s(processor: Processor) -> float:
    match processor:
        case Delay():
            return delay_tail_s(processor)
        case Reverb():
            return reverb_tail_s(processor)
        case Convolution():
            return convolution_tail_s(processor)
        case _:
            return 0.0


def _leading_strip(chain: Sequence[Processor]) -> list[StripProcessor]:
    head: list[StripProcessor] = []
    for processor in chain:
        if not isinstance(processor, STRIP_PROCESSORS):
            break
        head.append(processor)
    return head
