"""Where a thing came from: kept with every proposal, every generated part and every render."""

from dataclasses import dataclass
from typing import Literal

Maker = Literal["human", "machine"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Provenance:
    """Who or what made it, and from what.

    Parameters
    ----------
    engine, version : the maker's name and version; for a person's recording the importing program.
    maker : whether a person or a machine made the sound or the notes.
    seed : seed of a machine's choices, if it made any.
    settings : the parameters that mattered, as text, in a fixed order.
    inputs : hashes of the audio it was made from.
    licence : the licence of what went into it, in words a label understands.
    build : native library build and CPU class; recall compares hashes only where both agree.
    """

    engine: str
    version: str
    maker: Maker
    seed: int | None = None
    settings: tuple[tuple[str, str], ...] = ()
    inputs: tuple[str, ...] = ()
    licence: str = ""
    build: str = ""
