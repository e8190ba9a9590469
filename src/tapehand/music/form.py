"""Form: the named stretches of a song."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Section:
    """A stretch of bars with a name and a job.

    ``kind`` is a word of ``catalogue/form.toml`` (intro, verse, hook, drop ...); ``name`` is what people call this one
    ("Verse 2"). Bars count from 1. ``energy`` 0..1 is how much is going on, as planned or measured.
    """

    name: str
    kind: str
    start_bar: int
    bars: int
    energy: float = 0.5

    @property
    def end_bar(self) -> int:
        """The bar after the last one."""
        return self.start_bar + self.bars
