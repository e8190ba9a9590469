"""The colours and letters of every picture, in one place. Each picture carries both themes and follows its page."""

from typing import Final, Literal, NamedTuple

Theme = Literal["auto", "light", "dark"]
Colour = tuple[int, int, int]

FONT_STACK: Final = "ui-sans-serif, system-ui, -apple-system, 'Segoe UI', 'Helvetica Neue', 'DejaVu Sans', sans-serif"
TEXT_PX: Final = 12.0
TITLE_PX: Final = 14.0


class Tones(NamedTuple):
    """The tones of one theme: paper to draw on, ink to write with, and what lies between them."""

    paper: str
    ink: str
    quiet: str
    grid: str
    band: str


LIGHT: Final = Tones(paper="#fdfcf9", ink="#23272f", quiet="#666c78", grid="#e5e2da", band="#f1eee6")
DARK: Final = Tones(paper="#15181d", ink="#ebe8e1", quiet="#9ba2ae", grid="#2b3039", band="#1d2127")

# Told apart by hue and by lightness, and legible on both papers.
SERIES: Final = ("#2a9d8f", "#d9882b", "#8673d6", "#d9587f", "#3d8bd4", "#6f9f3a", "#e0663c", "#7b8ba3")
ACCENT: Final = SERIES[0]
BEFORE: Final = SERIES[7]
TARGET: Final = SERIES[1]
ALERT: Final = "#d64545"

# From silence to full: dark blue, violet, rose, amber, cream. Lightness rises evenly (CIE L* 6, 24, 45, 68, 96).
HEAT_ANCHORS: Final[tuple[Colour, ...]] = ((12, 14, 30), (62, 36, 110), (178, 58, 110), (240, 143, 66), (255, 244, 214))


def style(theme: Theme) -> str:
    """The style sheet of a picture, with every rule under its own class names."""
    rules = [f".th-picture{{font-family:{FONT_STACK};font-size:{TEXT_PX:g}px}}"]
    if theme == "auto":
        rules += [_tones(LIGHT), f"@media (prefers-color-scheme:dark){{{_tones(DARK)}}}"]
    else:
        rules.append(_tones(LIGHT if theme == "light" else DARK))
    return "".join(rules)


def _tones(tones: Tones) -> str:
    return (
        f".th-paper{{fill:{tones.paper}}}.th-ink{{fill:{tones.ink}}}.th-quiet{{fill:{tones.quiet}}}"
        f".th-band{{fill:{tones.band}}}.th-grid{{stroke:{tones.grid};stroke-width:1;fill:none}}"
        f".th-line{{stroke:{tones.quiet};stroke-width:1;fill:none}}"
    )
