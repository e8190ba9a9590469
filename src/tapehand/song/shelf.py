"""A list whose older part may still lie there as text: a long log's past is read when somebody asks for it."""

from collections.abc import Callable, Iterable, MutableSequence, Sequence
from dataclasses import dataclass
from typing import Any, Generic, TypeVar, cast, overload

_Noun = TypeVar("_Noun")


@dataclass(frozen=True, slots=True)
class Unread(Generic[_Noun]):
    """A noun as text, and what reads it."""

    text: str
    read: Callable[[str], _Noun]


class Shelf(MutableSequence[_Noun]):
    """Nouns in order; each is read from its text at most once, when it is first asked for."""

    __slots__ = ("_places",)

    def __init__(self, nouns: "Iterable[_Noun | Unread[_Noun]]" = ()) -> None:
        self._places: list[_Noun | Unread[_Noun]] = list(nouns._places if isinstance(nouns, Shelf) else nouns)

    def __len__(self) -> int:
        return len(self._places)

    @overload
    def __getitem__(self, place: int) -> _Noun: ...
    @overload
    def __getitem__(self, place: slice) -> "Shelf[_Noun]": ...
    def __getitem__(self, place: int | slice) -> "_Noun | Shelf[_Noun]":
        if isinstance(place, slice):
            return Shelf(self._places[place])
        found = self._places[place]
        if not isinstance(found, Unread):
            return found
        noun = cast("_Noun", found.read(found.text))
        self._places[place] = noun
        return noun

    def __setitem__(self, place: Any, noun: Any) -> None:
        self._places[place] = noun

    def __delitem__(self, place: int | slice) -> None:
        del self._places[place]

    def insert(self, index: int, value: _Noun) -> None:
        """Put a noun before the place ``index``."""
        self._places.insert(index, value)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Sequence) and list(self) == list(other)

    __hash__ = None  # type: ignore[assignment]

    def texts(self, write: Callable[[_Noun], str]) -> list[str]:
        """All of it as text; what was not read yet is not written anew."""
        return [noun.text if isinstance(noun, Unread) else write(noun) for noun in self._places]
