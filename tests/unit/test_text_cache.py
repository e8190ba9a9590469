"""Texts kept between runs: whole or not at all, the oldest go first."""

import os
from pathlib import Path

from tapehand.ports.text_cache import NoTexts
from tapehand.store.text_cache import DiskTextCache


def test_a_text_comes_back_as_it_was(tmp_path: Path) -> None:
    cache = DiskTextCache(tmp_path / "texts")
    assert cache.get("a") is None
    cache.put("a", "one\ntwo äöü")
    assert DiskTextCache(tmp_path / "texts").get("a") == "one\ntwo äöü"
    assert cache.get("b") is None


def test_a_damaged_text_is_none(tmp_path: Path) -> None:
    cache = DiskTextCache(tmp_path)
    cache.put("a", "true")
    path = tmp_path / "a.json"
    path.write_bytes(path.read_bytes()[:-1] + b"X")
    assert cache.get("a") is None
    path.write_bytes(b"\xff\xfe")
    assert cache.get("a") is None


def test_what_was_not_used_for_longest_goes(tmp_path: Path) -> None:
    cache = DiskTextCache(tmp_path, capacity_bytes=700)
    for number, name in enumerate("abc"):
        cache.put(name, "x" * 200)
        os.utime(tmp_path / f"{name}.json", (number, number))
    cache.put("d", "x" * 200)
    assert [name for name in "abcd" if cache.get(name)] == ["c", "d"]


def test_a_place_that_cannot_be_written_keeps_nothing(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    cache = DiskTextCache(tmp_path / "file")
    cache.put("a", "text")
    assert cache.get("a") is None
    assert NoTexts().get("a") is None
