"""A catalogue table read with care: every wrong value is told with its place."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from tapehand.errors import InputError

_MISSING = object()


@dataclass(frozen=True, slots=True)
class Table:
    """A mapping with a place (``"genres/trap: parts.bass"``). Every reader raises InputError ``catalogue.invalid``."""

    place: str
    values: Mapping[str, Any]

    def refuse(self, key: str, wanted: str) -> InputError:
        """The error for a value that is missing or not what it must be."""
        return InputError("catalogue.invalid", f"{self.place}: {key!r} must be {wanted}")

    def _get(self, key: str, wanted: str, default: object) -> Any:
        value = self.values.get(key, default)
        if value is _MISSING:
            raise self.refuse(key, wanted)
        return value

    def text(self, key: str, default: object = _MISSING) -> str:
        """A text."""
        value = self._get(key, "a text", default)
        if not isinstance(value, str):
            raise self.refuse(key, "a text")
        return value

    def number(self, key: str, low: float, high: float, default: object = _MISSING) -> float:
        """A number within ``low``..``high``."""
        wanted = f"a number from {low:g} to {high:g}"
        value = self._get(key, wanted, default)
        if isinstance(value, bool) or not isinstance(value, int | float) or not low <= value <= high:
            raise self.refuse(key, wanted)
        return float(value)

    def pair(self, key: str, low: float, high: float) -> tuple[float, float]:
        """Two rising numbers within ``low``..``high``."""
        wanted = f"two rising numbers from {low:g} to {high:g}"
        values = self._get(key, wanted, _MISSING)
        if not isinstance(values, list) or len(values) != 2 or not all(isinstance(v, int | float) for v in values):
            raise self.refuse(key, wanted)
        if not low <= values[0] <= values[1] <= high:
            raise self.refuse(key, wanted)
        return float(values[0]), float(values[1])

    def texts(self, key: str, default: object = _MISSING) -> tuple[str, ...]:
        """A list of texts."""
        values = self._get(key, "a list of texts", default)
        if not isinstance(values, list | tuple) or not all(isinstance(value, str) for value in values):
            raise self.refuse(key, "a list of texts")
        return tuple(values)

    def numbers(self, key: str, default: object = _MISSING) -> Mapping[str, float]:
        """A table of numbers by name."""
        values = self._get(key, "a table of numbers", default)
        if not isinstance(values, Mapping) or not all(isinstance(v, int | float) for v in values.values()):
            raise self.refuse(key, "a table of numbers")
        return {name: float(value) for name, value in values.items()}

    def table(self, key: str, default: object = _MISSING) -> "Table":
        """A table inside this one."""
        values = self._get(key, "a table", default)
        if not isinstance(values, Mapping):
            raise self.refuse(key, "a table")
        return Table(f"{self.place}.{key}" if ": " in self.place else f"{self.place}: {key}", values)

    def tables(self, key: str) -> Iterator[tuple[str, "Table"]]:
        """The tables inside a table, by name."""
        outer = self.table(key)
        for name in outer.values:
            yield name, outer.table(name)

    def rows(self, key: str) -> Iterator["Table"]:
        """The tables of a list of tables."""
        values = self._get(key, "a list of tables", _MISSING)
        if not isinstance(values, list) or not all(isinstance(value, Mapping) for value in values):
            raise self.refuse(key, "a list of tables")
        for index, value in enumerate(values):
            yield Table(f"{self.place}: {key}[{index}]", value)
