"""Every error code that can be raised is explained in catalogue/errors.toml, and nothing else is."""

import ast
import functools
import re
import tomllib
from pathlib import Path

import pytest

from tapehand import errors

CODE = re.compile(r"[a-z_]+\.[a-z_]+\Z")
KINDS = {
    name
    for name, thing in vars(errors).items()
    if isinstance(thing, type) and issubclass(thing, errors.TapehandError) and thing is not errors.Cancelled
}


@functools.cache
def trees(source: Path) -> list[ast.Module]:
    return [ast.parse(path.read_text(encoding="utf-8"), filename=str(path)) for path in sorted(source.rglob("*.py"))]


def called(call: ast.Call) -> str:
    return getattr(call.func, "id", getattr(call.func, "attr", ""))


def code_argument(call: ast.Call, position: int, name: str) -> ast.expr | None:
    if len(call.args) > position:
        return call.args[position]
    return next((keyword.value for keyword in call.keywords if keyword.arg == name), None)


def carriers(modules: list[ast.Module]) -> dict[str, tuple[int, str]]:
    """What takes a code: the error classes, and functions that hand a parameter of their own on as one."""
    functions = [node for module in modules for node in ast.walk(module) if isinstance(node, ast.FunctionDef)]
    found = dict.fromkeys(KINDS, (0, "code"))
    while True:
        before = len(found)
        for function in functions:
            found |= handed_on(function, found)
        if len(found) == before:
            return found


def handed_on(function: ast.FunctionDef, known: dict[str, tuple[int, str]]) -> dict[str, tuple[int, str]]:
    parameters = [argument.arg for argument in function.args.args]
    method = parameters[:1] in (["self"], ["cls"])
    for call in ast.walk(function):
        if isinstance(call, ast.Call) and called(call) in known:
            code = code_argument(call, *known[called(call)])
            if isinstance(code, ast.Name) and code.id in parameters and not function.name.startswith("__"):
                return {function.name: (parameters.index(code.id) - method, code.id)}
    return {}


def literals(expression: ast.expr | None) -> set[str]:
    """The codes that an expression can be: a literal, or either side of a condition."""
    if isinstance(expression, ast.IfExp):
        return literals(expression.body) | literals(expression.orelse)
    return {expression.value} if isinstance(expression, ast.Constant) and isinstance(expression.value, str) else set()


def raised_codes(source: Path) -> set[str]:
    modules = trees(source)
    known = carriers(modules)
    codes = {"work.cancelled"}  # the one error whose class holds its code
    for module in modules:
        for call in ast.walk(module):
            if isinstance(call, ast.Call) and called(call) in known:
                codes |= {code for code in literals(code_argument(call, *known[called(call)])) if CODE.match(code)}
    return codes


def strings(source: Path) -> set[str]:
    return {
        node.value
        for module in trees(source)
        for node in ast.walk(module)
        if isinstance(node, ast.Constant) and isinstance(node.value, str)
    }


@pytest.fixture(scope="module")
def meanings(repository: Path) -> dict[str, str]:
    table = tomllib.loads((repository / "src/tapehand/catalogue/errors.toml").read_text(encoding="utf-8"))
    codes: dict[str, str] = table["codes"]
    return codes


def test_every_raised_code_has_a_meaning(repository: Path, meanings: dict[str, str]) -> None:
    assert sorted(raised_codes(repository / "src" / "tapehand") - meanings.keys()) == []


def test_every_explained_code_is_raised(repository: Path, meanings: dict[str, str]) -> None:
    assert sorted(meanings.keys() - strings(repository / "src" / "tapehand")) == []


def test_codes_and_meanings_are_well_formed(meanings: dict[str, str]) -> None:
    for code, meaning in meanings.items():
        assert CODE.match(code), code
        assert meaning[0].isupper(), code
        assert meaning.endswith("."), code


def test_the_search_sees_through_helpers(tmp_path: Path) -> None:
    (tmp_path / "planted.py").write_text(
        "def bad(path, code, what):\n    return InputError(code, what)\n"
        "def worse(path, code='x.y'):\n    raise bad(path, code, 'w')\n"
        "worse(1, 'planted.deep')\nbad(1, what='w', code='planted.named')\n"
        "raise Refused('planted.one' if 1 else 'planted.two', 'm')\n"
    )
    assert raised_codes(tmp_path) - {"work.cancelled"} == {
        "planted.deep",
        "planted.named",
        "planted.one",
        "planted.two",
    }
