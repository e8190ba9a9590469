"""One field of a noun set to another value; a long log does this a hundred thousand times when it is read."""

from typing import Any, TypeVar

_Noun = TypeVar("_Noun")


def with_value(noun: _Noun, name: str, value: object) -> _Noun:
    """A copy of a slotted dataclass with one other value, several times faster than ``dataclasses.replace``."""
    kind: Any = type(noun)
    copy: _Noun = object.__new__(kind)
    for slot in kind.__slots__:
        object.__setattr__(copy, slot, value if slot == name else getattr(noun, slot))
    return copy
