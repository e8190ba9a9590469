"""A small SVG writer: what comes from outside is escaped, numbers are short and the same on every machine."""

import base64
import unicodedata
from collections.abc import Iterable, Sequence
from typing import Literal
from xml.sax.saxutils import escape, quoteattr

from tapehand.errors import safe_text
from tapehand.pictures.palette import Theme, style

Point = tuple[float, float]
Anchor = Literal["start", "middle", "end"]
Paint = str


class Drawing:
    """A picture of a fixed size in pixels, that scales with its page.

    ``fill`` and ``stroke`` take a colour (``#2a9d8f``) or the name of a tone of the theme (``ink``, ``quiet``,
    ``band``, ``paper`` to fill with; ``grid``, ``line`` to stroke with).
    """

    def __init__(self, width: float, height: float, title: str, *, theme: Theme = "auto") -> None:
        self.width = width
        self.height = height
        self._title = title
        self._theme: Theme = theme
        self._parts: list[str] = []
        self.rectangle(0, 0, width, height, fill="paper", radius=8)

    def rectangle(
        self,
        x: float,
        y: float,
        width: float,
        height: float,
        *,
        fill: Paint,
        radius: float = 0.0,
        opacity: float = 1.0,
        hint: str = "",
    ) -> None:
        """A filled rectangle; ``hint`` is shown while a pointer rests on it."""
        shape = f'x="{_n(x)}" y="{_n(y)}" width="{_n(max(width, 0))}" height="{_n(max(height, 0))}"'
        rounded = f' rx="{_n(radius)}"' if radius else ""
        self._add("rect", f"{shape}{rounded}{_fill(fill)}{_opacity(opacity)}", hint)

    def line(self, start: Point, end: Point, *, stroke: Paint, width: float = 1.0, dashes: str = "") -> None:
        """A straight line."""
        ends = f'x1="{_n(start[0])}" y1="{_n(start[1])}" x2="{_n(end[0])}" y2="{_n(end[1])}"'
        self._add("line", ends + _stroke(stroke, width) + _dashes(dashes))

    def curve(self, points: Iterable[Point], *, stroke: Paint, width: float = 1.5, opacity: float = 1.0) -> None:
        """A line through points."""
        joints = ' stroke-linejoin="round" stroke-linecap="round"'
        self._add(
            "polyline", f'points="{_points(points)}" fill="none"{joints}{_stroke(stroke, width)}{_opacity(opacity)}'
        )

    def area(self, points: Iterable[Point], *, fill: Paint, opacity: float = 1.0) -> None:
        """A filled outline."""
        self._add("polygon", f'points="{_points(points)}"{_fill(fill)}{_opacity(opacity)}')

    def dot(self, centre: Point, radius: float, *, fill: Paint) -> None:
        """A filled circle."""
        self._add("circle", f'cx="{_n(centre[0])}" cy="{_n(centre[1])}" r="{_n(radius)}"{_fill(fill)}')

    def text(
        self,
        x: float,
        y: float,
        words: str,
        *,
        fill: Paint = "ink",
        anchor: Anchor = "start",
        size: float = 0.0,
        bold: bool = False,
        turned: bool = False,
    ) -> None:
        """Words with their baseline at ``y``; ``turned`` reads upwards, for the name of a vertical axis."""
        where = f'x="{_n(x)}" y="{_n(y)}" text-anchor="{anchor}"{_fill(fill)}'
        where += f' font-size="{_n(size)}"' if size else ""
        where += ' font-weight="600"' if bold else ""
        where += f' transform="rotate(-90 {_n(x)} {_n(y)})"' if turned else ""
        self._parts.append(f"<text {where}>{_shown(words)}</text>")

    def image(self, x: float, y: float, width: float, height: float, png: bytes) -> None:
        """A PNG, held inside the picture and stretched to the place given."""
        place = f'x="{_n(x)}" y="{_n(y)}" width="{_n(width)}" height="{_n(height)}" preserveAspectRatio="none"'
        source = base64.b64encode(png).decode("ascii")
        self._parts.append(f'<image {place} href="data:image/png;base64,{source}"/>')

    def document(self) -> str:
        """The SVG file."""
        size = f'width="{_n(self.width)}" height="{_n(self.height)}" viewBox="0 0 {_n(self.width)} {_n(self.height)}"'
        head = f'<svg xmlns="http://www.w3.org/2000/svg" class="th-picture" {size} role="img" '
        head += f"aria-label={quoteattr(safe_text(self._title))}>"
        body = "\n".join(self._parts)
        return f"{head}\n<style>{style(self._theme)}</style>\n{body}\n</svg>\n"

    def _add(self, element: str, attributes: str, hint: str = "") -> None:
        inside = f"><title>{_shown(hint)}</title></{element}>" if hint else "/>"
        self._parts.append(f"<{element} {attributes}{inside}")


def shortened(words: str, most: int) -> str:
    """``words`` cut to the width of ``most`` letters, with an ellipsis in the middle so that both ends can be read.

    A letter of Japanese, Chinese or Korean is as wide as two.
    """
    words = safe_text(words)
    if text_width(words) <= most:
        return words
    last = _fitting(words[::-1], (most - 1) // 3)[::-1]
    return f"{_fitting(words, most - 1 - text_width(last))}…{last}"


def text_width(words: str) -> int:
    """How wide words are, in letters."""
    return sum(_width(letter) for letter in words)


def _fitting(words: str, most: int) -> str:
    """As much of the beginning as is ``most`` letters wide."""
    width = 0
    for place, letter in enumerate(words):
        width += _width(letter)
        if width > most:
            return words[:place]
    return words


def _width(letter: str) -> int:
    if unicodedata.combining(letter):
        return 0
    return 2 if unicodedata.east_asian_width(letter) in "WF" else 1


def _shown(words: str) -> str:
    return escape(safe_text(words))


def _n(value: float) -> str:
    """At most two decimals, none that say nothing, and no minus before zero."""
    short = f"{value:.2f}".rstrip("0").rstrip(".")
    return "0" if short == "-0" else short


def _points(points: Iterable[Point]) -> str:
    return " ".join(f"{_n(x)},{_n(y)}" for x, y in points)


def _fill(paint: Paint) -> str:
    return f' fill="{paint}"' if paint.startswith("#") else f' class="th-{paint}"'


def _stroke(paint: Paint, width: float) -> str:
    return f' stroke="{paint}" stroke-width="{_n(width)}"' if paint.startswith("#") else f' class="th-{paint}"'


def _opacity(opacity: float) -> str:
    return f' opacity="{_n(opacity)}"' if opacity < 1.0 else ""


def _dashes(dashes: str) -> str:
    return f' stroke-dasharray="{dashes}"' if dashes else ""


def closed(upper: Sequence[Point], lower: Sequence[Point]) -> list[Point]:
    """The outline between two lines of points that run the same way."""
    return [*upper, *reversed(lower)]
