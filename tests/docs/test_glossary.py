"""The words: each stands in the code or is marked as coming later, and the unwanted ones name nothing."""

import ast
import functools
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

BANNED = {"clip", "item", "data", "object", "manager", "helper", "util"}
CURVE = re.compile(r"(soft|hard)_?clip", re.IGNORECASE)
ROW = re.compile(r"^\| ([a-z]+) \| (.+) \|$", re.MULTILINE)


@functools.cache
def tree(path: Path) -> ast.Module:
    return ast.parse(path.read_text(encoding="utf-8"))


def defined_names(path: Path) -> Iterator[str]:
    """Every name that a module gives: itself, functions, classes, parameters, variables, attributes, aliases."""
    yield path.stem if path.stem != "__init__" else path.parent.name
    for node in ast.walk(tree(path)):
        match node:
            case ast.FunctionDef(name=name) | ast.AsyncFunctionDef(name=name) | ast.ClassDef(name=name):
                yield name
            case ast.arg(arg=name) | ast.Name(id=name, ctx=ast.Store()) | ast.Attribute(attr=name, ctx=ast.Store()):
                yield name
            case ast.alias(asname=str(name)):
                yield name


def words(name: str) -> list[str]:
    """The words of an identifier, snake or camel."""
    return [word.lower() for word in re.findall(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+", name)]


def unwanted(name: str) -> set[str]:
    singular = {word.removesuffix("s") for word in words(CURVE.sub("curve", name))}
    return singular & BANNED


@pytest.fixture(scope="module")
def modules(repository: Path) -> list[Path]:
    return sorted((repository / "src" / "tapehand").rglob("*.py"))


@pytest.fixture(scope="module")
def glossary(repository: Path) -> dict[str, str]:
    rows = ROW.findall((repository / "docs/reference/glossary.md").read_text(encoding="utf-8"))
    return {word: meaning for word, meaning in rows if word != "word"}


def test_each_word_has_one_meaning(repository: Path, glossary: dict[str, str]) -> None:
    rows = ROW.findall((repository / "docs/reference/glossary.md").read_text(encoding="utf-8"))
    named = [word for word, _ in rows if word != "word"]
    assert sorted(named) == sorted(glossary)
    assert len(set(glossary.values())) == len(glossary)


def test_each_word_stands_in_the_code_or_is_marked_later(modules: list[Path], glossary: dict[str, str]) -> None:
    spoken = {word.removesuffix("s") for path in modules for name in defined_names(path) for word in words(name)}
    missing = {word for word, meaning in glossary.items() if "*later*" not in meaning}
    missing -= {word for word in missing if word.removesuffix("s") in spoken}
    assert sorted(missing) == []


def test_banned_words_name_nothing(modules: list[Path]) -> None:
    found = {f"{path.name}: {name}" for path in modules for name in defined_names(path) if unwanted(name)}
    assert sorted(found) == []


def test_a_function_that_processes_says_what(modules: list[Path]) -> None:
    nodes = (node for path in modules for node in ast.walk(tree(path)))
    assert "process" not in {node.name for node in nodes if isinstance(node, ast.FunctionDef)}


@pytest.mark.parametrize("name", ["drum_clip", "ItemList", "audio_data", "utils", "StoreManager"])
def test_a_banned_name_is_seen(name: str) -> None:
    assert unwanted(name)


@pytest.mark.parametrize("name", ["SoftClip", "soft_clip_db", "clipping", "clipped", "metadata"])
def test_a_good_name_is_let_through(name: str) -> None:
    assert not unwanted(name)
