"""The report in a real browser: complete, silent towards the network, unmoved by hostile names."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import unquote

import pytest

from tapehand.app.report import Chapter, Picture, Report, Sound, Table, Words, as_html

pytestmark = pytest.mark.browser

HOSTILE = "Kick <script>document.title='moved'</script> \"' \u202e 🥁 &amp; \x1b[2J"
FLAGS = [
    *("--no-sandbox", "--disable-background-networking", "--disable-component-update", "--disable-default-apps"),
    *("--disable-sync", "--no-first-run", "--host-resolver-rules=MAP * ~NOTFOUND"),
]
PICTURE = '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 1200 80" width="1200"><path d="M0 40H1200"/></svg>'


@pytest.fixture
def report(tmp_path: Path) -> Path:
    table = Table(caption=HOSTILE, headings=("Track", "Gain"), rows=((HOSTILE, "-3.0 dB"),), numeric=frozenset({1}))
    blocks = (Words(text=HOSTILE), table, Picture(caption=HOSTILE, svg=PICTURE), Sound(label=HOSTILE, path="a b.wav"))
    told = Report(
        title=HOSTILE,
        lead=HOSTILE,
        facts=(("Loudness", "-14.0 LUFS"), (HOSTILE, HOSTILE)),
        chapters=(Chapter(heading=HOSTILE, blocks=blocks), Chapter(heading="Master", blocks=blocks)),
        footer=HOSTILE,
    )
    path = tmp_path / "report.html"
    path.write_text(as_html(told), encoding="utf-8")
    return path


@pytest.fixture
def browser(chromium: Path) -> Iterator[Any]:
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        started = playwright.chromium.launch(executable_path=str(chromium), args=FLAGS)
        yield started
        started.close()


def test_report_in_a_browser(browser: Any, report: Path) -> None:
    page = browser.new_page(viewport={"width": 390, "height": 800})
    faults: list[str] = []
    asked: list[str] = []
    page.on("pageerror", lambda error: faults.append(str(error)))
    page.on("request", lambda request: asked.append(request.url))
    page.goto(report.as_uri(), wait_until="load")
    assert faults == []
    assert [address for address in asked if not address.startswith(("file:", "data:"))] == []
    assert page.title() != "moved"
    assert page.locator("script").count() == 0
    assert page.locator("h1").count() == 1
    assert page.locator("table").count() == page.locator("audio").count() == page.locator("svg").count() == 2
    assert page.locator("h1").is_visible()
    assert page.evaluate("document.documentElement.scrollWidth") <= 390, "the page scrolls sideways on a phone"
    assert "\x1b" not in page.content()
    named = page.evaluate("[...document.querySelectorAll('[id]')].map(each => each.id)")
    assert len(named) == len(set(named))
    links = page.evaluate(
        "[...document.querySelectorAll('a[href^=\"#\"]')].map(each => each.getAttribute('href').slice(1))"
    )
    assert [link for link in links if unquote(link) not in named] == []
