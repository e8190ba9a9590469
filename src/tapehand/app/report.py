"""A report: what was done, by whom, why, with numbers. One record, shown as a page or in the terminal.

The page is one self-contained HTML file: pictures are inline SVG or embedded PNG, sound is linked beside it. Everything
that came from outside (names, prompts) is escaped here and nowhere else.
"""

import html
from collections.abc import Sequence
from dataclasses import dataclass
from importlib.resources import files

from tapehand.errors import safe_text


@dataclass(frozen=True, slots=True, kw_only=True)
class Words:
    """A paragraph."""

    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Table:
    """Rows under headings; ``numeric`` columns are right-aligned, ``page_only`` tables are too long for a terminal."""

    caption: str
    headings: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    numeric: frozenset[int] = frozenset()
    page_only: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Picture:
    """A drawing as SVG text, or an embedded image, and what it shows."""

    caption: str
    svg: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Sound:
    """A file to listen to, by its place relative to the report."""

    label: str
    path: str
    note: str = ""


Block = Words | Table | Picture | Sound


@dataclass(frozen=True, slots=True, kw_only=True)
class Chapter:
    """A heading and what stands under it."""

    heading: str
    blocks: tuple[Block, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """The whole report; ``facts`` are the few numbers that stand at its head (name, value)."""

    title: str
    lead: str
    facts: tuple[tuple[str, str], ...]
    chapters: tuple[Chapter, ...]
    footer: str

    @property
    def tables(self) -> tuple[Table, ...]:
        """The tables that a terminal shows."""
        blocks = (block for chapter in self.chapters for block in chapter.blocks)
        return tuple(block for block in blocks if isinstance(block, Table) and not block.page_only)


def as_html(report: Report) -> str:
    """The report as one page."""
    style = files("tapehand.app").joinpath("report.css").read_text(encoding="utf-8")
    facts = "".join(f"<div><dt>{_shown(name)}</dt><dd>{_shown(value)}</dd></div>" for name, value in report.facts)
    links = "".join(f'<a href="#{_anchor(c.heading)}">{_shown(c.heading)}</a>' for c in report.chapters)
    return (
        '<!doctype html>\n<html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f"<title>{_shown(report.title)}</title><style>{style}</style></head><body>\n"
        f"<header><p class='mark'>Tapehand</p><h1>{_shown(report.title)}</h1><p class='lead'>{_shown(report.lead)}</p>"
        f"<dl class='facts'>{facts}</dl><nav>{links}</nav></header>\n<main>"
        + "\n".join(_chapter(chapter) for chapter in report.chapters)
        + f"</main>\n<footer>{_shown(report.footer)}</footer></body></html>\n"
    )


def _chapter(chapter: Chapter) -> str:
    blocks = "".join(_block(block) for block in _sounds_together(chapter.blocks))
    return f'<section id="{_anchor(chapter.heading)}"><h2>{_shown(chapter.heading)}</h2>{blocks}</section>'


def _sounds_together(blocks: Sequence[Block]) -> Sequence[Block | tuple[Sound, ...]]:
    """Neighbouring sounds as one group, so that they stand side by side."""
    grouped: list[Block | tuple[Sound, ...]] = []
    for block in blocks:
        if isinstance(block, Sound):
            last = grouped[-1] if grouped else None
            if isinstance(last, tuple):
                grouped[-1] = (*last, block)
            else:
                grouped.append((block,))
        else:
            grouped.append(block)
    return grouped


def _block(block: Block | tuple[Sound, ...]) -> str:
    if isinstance(block, tuple):
        return f"<div class='sounds'>{''.join(_sound(sound) for sound in block)}</div>"
    if isinstance(block, Words):
        return f"<p>{_shown(block.text)}</p>"
    if isinstance(block, Table):
        return _table(block)
    if isinstance(block, Picture):
        return f"<figure>{block.svg}<figcaption>{_shown(block.caption)}</figcaption></figure>"
    return _sound(block)


def _table(table: Table) -> str:
    def cells(tag: str, values: Sequence[str]) -> str:
        return "".join(
            f"<{tag}{' class=number' if column in table.numeric else ''}>{_shown(value)}</{tag}>"
            for column, value in enumerate(values)
        )

    head = cells("th", table.headings)
    rows = "".join(f"<tr>{cells('td', row)}</tr>" for row in table.rows)
    figures = " class=figures" if table.numeric else ""
    return (
        f"<div class='wide'><table{figures}><caption>{_shown(table.caption)}</caption>"
        f"<thead><tr>{head}</tr></thead><tbody>{rows}</tbody></table></div>"
    )


def _sound(sound: Sound) -> str:
    path = html.escape(sound.path, quote=True)
    note = f"<span>{_shown(sound.note)}</span>" if sound.note else ""
    return (
        f"<div class='sound'><p><strong>{_shown(sound.label)}</strong>{note}</p>"
        f"<audio controls preload='none' src=\"{path}\"></audio></div>"
    )


def _shown(text: str) -> str:
    return html.escape(safe_text(text), quote=True)


def _anchor(heading: str) -> str:
    return "".join(character if character.isalnum() else "-" for character in heading.lower())
