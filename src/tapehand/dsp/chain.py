"""Chains of any processors, and how long they ring on. Every processor is in time: no chain delays the sound."""

from collections.abc import Mapping, Sequence

from tapehand.audio import Audio
from tapehand.dsp.delay import delay, delay_tail_s
from tapehand.dsp.limiter import limit
from tapehand.dsp.reverb import reverb, reverb_tail_s
from tapehand.dsp.saturation import saturate_audio
from tapehand.dsp.softclip import soft_clip
from tapehand.dsp.strips import STRIP_PROCESSORS, StripProcessor, run_strips
from tapehand.dsp.width import widen
from tapehand.song.processors import Delay, Limiter, Processor, Reverb, Saturation, SoftClip, Width


def run_chains(
    tracks: Sequence[Audio],
    chains: Sequence[Sequence[Processor]],
    *,
    keys: Mapping[str, Audio] | None = None,
    names: Sequence[str] = (),
) -> list[Audio]:
    """Each track through its chain; lengths stay. What strips can do is done for four tracks at a time.

    Parameters and errors as ``dsp.strips.run_strips``; delay and reverb turn mono into stereo.
    """
    made, rest = list(tracks), [tuple(chain) for chain in chains]
    while any(rest):
        heads = [_leading_strip(chain) for chain in rest]
        made = run_strips(made, heads, keys=keys, names=names)
        rest = [chain[len(head) :] for chain, head in zip(rest, heads, strict=True)]
        made = [apply(audio, chain[0]) if chain else audio for audio, chain in zip(made, rest, strict=True)]
        rest = [chain[1:] for chain in rest]
    return made


def apply(audio: Audio, processor: Processor, *, keys: Mapping[str, Audio] | None = None) -> Audio:
    """``audio`` through one processor; ``keys`` as in ``run_chains``."""
    match processor:
        case Delay():
            return delay(audio, processor)
        case Reverb():
            return reverb(audio, processor)
        case Saturation():
            return saturate_audio(audio, processor)
        case SoftClip():
            return soft_clip(audio, processor)
        case Limiter():
            return limit(audio, processor)
        case Width():
            return widen(audio, processor)
        case _:
            return run_strips([audio], [[processor]], keys=keys)[0]


def tail_s(chain: Sequence[Processor]) -> float:
    """How long a chain rings on, to -60 dB, after its sound has ended."""
    return sum(_tail_s(processor) for processor in chain)


def _tail_s(processor: Processor) -> float:
    match processor:
        case Delay():
            return delay_tail_s(processor)
        case Reverb():
            return reverb_tail_s(processor)
        case _:
            return 0.0


def _leading_strip(chain: Sequence[Processor]) -> list[StripProcessor]:
    head: list[StripProcessor] = []
    for processor in chain:
        if not isinstance(processor, STRIP_PROCESSORS):
            break
        head.append(processor)
    return head
