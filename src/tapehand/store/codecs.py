"""Between the nouns and plain JSON, driven by the fields and types of the dataclasses themselves.

Every stored object says what it is: ``{"schema": "Track.1", ...}`` with all its fields. Plain JSON has no infinity, so
a float that is one is written ``{"float": "-inf"}``; NaN is refused. Objects of an older version pass through upgrade
functions on the way in; an object of a newer version is refused with a sentence that says so. A field that is missing
takes its default, so that a noun can gain a field with a default without an upgrade function.
"""

import json
import math
from collections.abc import Callable, Iterable, Mapping
from dataclasses import MISSING, Field, fields, is_dataclass
from functools import cache
from types import NoneType, UnionType
from typing import Any, Final, ForwardRef, Literal, Union, cast, get_args, get_origin, get_type_hints

from tapehand.errors import InputError, InternalError
from tapehand.song import op as ops
from tapehand.song.event import BODIES
from tapehand.song.fold import SongState
from tapehand.song.processors import PROCESSORS
from tapehand.song.proposal import Option
from tapehand.song.song import Song

Plain = dict[str, Any]
Upgrade = Callable[[Plain], Plain]
_ToPlain = Callable[[Any], Any]
_FromPlain = Callable[[Any, str], Any]

INFINITIES: Final = {"-inf": -math.inf, "inf": math.inf}
# Sound never goes through JSON: the app stores it by its hash and puts the hash in its place. The long parts of a state
# are written line by line (``snapshots``).
UNSTORED: Final = {
    (Option, "new_audio"),
    (SongState, "proposals"),
    (SongState, "changes"),
    (SongState, "places"),
}


class Codec:
    """Writes and reads objects of the classes that can be reached from ``roots`` by their fields.

    Parameters
    ----------
    roots : dataclasses; every dataclass met in their fields is known as well, by its class name.
    versions : the present version of a class; 1 where it is not named.
    upgrades : from (class name, version) to a function that gives the plain object of the next version.
    """

    def __init__(
        self,
        roots: Iterable[type],
        versions: Mapping[type, int] | None = None,
        upgrades: Mapping[tuple[str, int], Upgrade] | None = None,
    ) -> None:
        self._classes = {known.__name__: known for known in _reachable(roots)}
        self._versions = dict(versions or {})
        self._upgrades = dict(upgrades or {})
        self._writers: dict[type, Callable[[Any], Plain]] = {}
        self._readers: dict[type, Callable[[Plain], Any]] = {}
        self._present: dict[str, Callable[[Plain], Any]] = {}

    @property
    def classes(self) -> tuple[type, ...]:
        """Every class this codec knows."""
        return tuple(self._classes.values())

    def schema(self, kind: type) -> str:
        """``"Track.1"`` for Track."""
        return f"{kind.__name__}.{self._versions.get(kind, 1)}"

    def encode(self, noun: Any) -> Plain:
        """The plain form; raises InternalError (``store.not_storable``) for what has none."""
        kind = type(noun)
        writer = self._writers.get(kind)
        if writer is None:
            writer = self._writers[kind] = self._make_writer(kind)
        return writer(noun)

    def decode(self, plain: object) -> Any:
        """The object of a plain form.

        Raises
        ------
        InputError
            ``store.newer_version`` for a later version than ours, ``store.damaged_record`` for what fits no class.
        """
        if not isinstance(plain, dict):
            raise _damaged("an object was expected", repr(plain)[:40])
        schema = plain.get("schema")
        present = self._present.get(schema) if isinstance(schema, str) else None
        return present(plain) if present is not None else self._decode_met_first(plain)

    def _decode_met_first(self, plain: Plain) -> Any:
        """An object of a schema that is old, or wrong, or has not been met before."""
        kind, version = self._kind_and_version(plain)
        current = self._versions.get(kind, 1)
        if version > current:
            raise newer_version(f"{kind.__name__}.{version}")
        while version < current:
            plain = self._upgraded(plain, kind.__name__, version)
            version += 1
        reader = self._readers.get(kind)
        if reader is None:
            reader = self._readers[kind] = self._make_reader(kind)
            self._present[self.schema(kind)] = reader
        return reader(plain)

    def _kind_and_version(self, plain: Plain) -> tuple[type, int]:
        schema = plain.get("schema")
        name, _, number = schema.rpartition(".") if isinstance(schema, str) else ("", "", "")
        if not name or not number.isdecimal():
            raise _damaged("an object does not say its schema", repr(schema)[:60])
        if name not in self._classes:
            raise newer_version(f"{name}.{number}")
        return self._classes[name], int(number)

    def _upgraded(self, plain: Plain, name: str, version: int) -> Plain:
        upgrade = self._upgrades.get((name, version))
        if upgrade is None:
            raise _damaged("nothing here reads that old version", f"{name}.{version}")
        return upgrade(plain)

    def _make_writer(self, kind: type) -> Callable[[Any], Plain]:
        if kind.__name__ not in self._classes or self._classes[kind.__name__] is not kind:
            raise InternalError("store.not_storable", f"A {kind.__name__} cannot be stored")
        schema, hints = self.schema(kind), get_type_hints(kind)
        stored = [(name, self._to_plain(hints[name])) for name in _stored_fields(kind)]
        unstored = [f.name for f in fields(kind) if (kind, f.name) in UNSTORED]

        def write(noun: Any) -> Plain:
            for name in unstored:
                if getattr(noun, name):
                    raise InternalError("store.audio_in_log", f"{kind.__name__}.{name} was to be written into the log")
            plain: Plain = {"schema": schema}
            for name, to_plain in stored:
                plain[name] = to_plain(getattr(noun, name))
            return plain

        return write

    def _make_reader(self, kind: type) -> Callable[[Plain], Any]:
        hints = get_type_hints(kind)
        stored = {
            name: (
                f"{kind.__name__}.{name}",
                field.default is MISSING and field.default_factory is MISSING,
                self._from_plain(hints[name]),
            )
            for name, field in _stored_fields(kind).items()
        }
        known = {"schema", *stored}

        every = [(name, where, from_plain) for name, (where, _, from_plain) in stored.items()]

        def read(plain: Plain) -> Any:
            if plain.keys() == known:
                return kind(**{name: from_plain(plain[name], where) for name, where, from_plain in every})
            if not plain.keys() <= known:
                raise newer_version(f"{kind.__name__} with {', '.join(sorted(plain.keys() - known))}")
            values = {}
            for name, (where, is_needed, from_plain) in stored.items():
                if name in plain:
                    values[name] = from_plain(plain[name], where)
                elif is_needed:
                    raise _damaged("a value is missing", where)
            return kind(**values)

        return read

    def _to_plain(self, hint: Any) -> _ToPlain:
        origin, arguments = get_origin(hint), get_args(hint)
        if hint is float:
            return _float_to_plain
        if hint in (str, int, bool, NoneType) or origin is Literal:
            return _unchanged
        if origin is tuple and len(arguments) == 2 and arguments[1] is ...:
            inner = self._to_plain(arguments[0])
            return lambda values: [inner(value) for value in values]
        if origin is Mapping:
            key, value = (self._to_plain(argument) for argument in arguments)
            return lambda named: [[key(name), value(noun)] for name, noun in named.items()]
        if origin is frozenset:
            each = self._to_plain(arguments[0])
            return lambda values: sorted((each(value) for value in values), key=canonical)
        if origin is tuple:
            inners = [self._to_plain(argument) for argument in arguments]
            return lambda values: [to_plain(value) for to_plain, value in zip(inners, values, strict=True)]
        if origin in (Union, UnionType) and float in arguments and int not in arguments:
            return lambda value: self._any_to_plain(float(value) if type(value) is int else value)
        if origin in (Union, UnionType) or isinstance(hint, ForwardRef | str) or is_dataclass(hint):
            return self._any_to_plain
        raise InternalError("store.not_storable", f"The codec has no form for {hint!r}")

    def _any_to_plain(self, value: Any) -> Any:
        if value is None or isinstance(value, str | bool | int):
            return value
        if isinstance(value, float):
            return _float_to_plain(value)
        if isinstance(value, tuple):
            return [self._any_to_plain(inner) for inner in value]
        return self.encode(value)

    def _from_plain(self, hint: Any) -> _FromPlain:
        origin, arguments = get_origin(hint), get_args(hint)
        if hint in (str, int, bool, float, NoneType):
            return _scalar_reader(hint)
        if origin is Literal:
            return _word_reader(arguments)
        if origin is tuple and len(arguments) == 2 and arguments[1] is ...:
            return _list_reader(self._from_plain(arguments[0]))
        if origin is Mapping:
            pairs = _list_reader(_row_reader([self._from_plain(argument) for argument in arguments]))
            return lambda values, where: dict(pairs(values, where))
        if origin is frozenset:
            listed = _list_reader(self._from_plain(arguments[0]))
            return lambda values, where: frozenset(listed(values, where))
        if origin is tuple:
            return _row_reader([self._from_plain(argument) for argument in arguments])
        if origin in (Union, UnionType):
            return self._union_reader(arguments)
        if isinstance(hint, ForwardRef | str):
            return self._open_value
        return self._record_reader((hint,))

    def _union_reader(self, arguments: tuple[Any, ...]) -> _FromPlain:
        scalars = tuple(kind for kind in arguments if kind in (str, int, bool, float, NoneType))
        records = self._record_reader(tuple(kind for kind in arguments if is_dataclass(kind)))
        lists = [self._from_plain(kind) for kind in arguments if get_origin(kind) is tuple]
        words = tuple(word for kind in arguments if get_origin(kind) is Literal for word in get_args(kind))

        def read(plain: Any, where: str) -> Any:
            if isinstance(plain, dict) and "schema" in plain:
                return records(plain, where)
            if isinstance(plain, list) and lists:
                return lists[0](plain, where)
            if isinstance(plain, str) and plain in words:
                return plain
            return _scalar(plain, scalars, where)

        return read

    def _record_reader(self, kinds: tuple[Any, ...]) -> _FromPlain:
        allowed = frozenset(kinds)

        def read(plain: Any, where: str) -> Any:
            value = self.decode(plain)
            if type(value) not in allowed:
                raise _damaged(f"a {type(value).__name__} stands where it cannot", where)
            return value

        return read

    def _open_value(self, plain: Any, where: str) -> Any:
        """A scalar, or a list of such at any depth: what a brief may say."""
        if isinstance(plain, list):
            return tuple(self._open_value(inner, where) for inner in plain)
        return _scalar(plain, (str, bool, int, float, NoneType), where)


@cache
def codec() -> Codec:
    """The codec of everything a log holds."""
    return Codec((*BODIES, *PROCESSORS, *get_args(ops.Op), Song))


def canonical(plain: object) -> str:
    """The one JSON text of a plain value: keys sorted, no spaces, ASCII only. Hashes are taken over it."""
    return json.dumps(plain, sort_keys=True, separators=(",", ":"), ensure_ascii=True, allow_nan=False)


def newer_version(what: str) -> InputError:
    """The error for something that only a later Tapehand can have written."""
    return InputError(
        "store.newer_version",
        "This was made by a newer Tapehand than the one you are using",
        where=what,
        hint="Update Tapehand and open it again.",
    )


def _reachable(roots: Iterable[type]) -> list[type]:
    """The roots and every dataclass in the types of their fields, in a fixed order."""
    found: list[type] = []
    waiting = list(roots)
    while waiting:
        kind = waiting.pop(0)
        if kind in found:
            continue
        found.append(kind)
        hints = get_type_hints(kind)
        for name in _stored_fields(kind):
            waiting.extend(_dataclasses_in(hints[name]))
    return found


def _dataclasses_in(hint: Any) -> list[type]:
    if isinstance(hint, type) and is_dataclass(hint):
        return [hint]
    return [kind for argument in get_args(hint) for kind in _dataclasses_in(argument)]


def _stored_fields(kind: type) -> dict[str, Field[Any]]:
    if not is_dataclass(kind):
        raise InternalError("store.not_storable", f"A {kind.__name__} cannot be stored")
    return {field.name: field for field in fields(kind) if (kind, field.name) not in UNSTORED}


def _unchanged(value: Any) -> Any:
    return value


def _float_to_plain(value: float | None) -> float | dict[str, str]:
    number = float(cast("float", value))
    if math.isfinite(number):
        return number
    if math.isnan(number):
        raise InternalError("store.not_storable", "A number that is not a number was to be written into the log")
    return {"float": "inf" if number > 0 else "-inf"}


def _scalar_reader(kind: Any) -> _FromPlain:
    def read(plain: Any, where: str) -> Any:
        return plain if type(plain) is kind else _scalar(plain, (kind,), where)

    return read


def _word_reader(words: tuple[Any, ...]) -> _FromPlain:
    def read(plain: Any, where: str) -> Any:
        if plain not in words or isinstance(plain, bool):
            raise _damaged(f"{plain!r} is not a word we know", where)
        return plain

    return read


def _list_reader(inner: _FromPlain) -> _FromPlain:
    def read(plain: Any, where: str) -> Any:
        if not isinstance(plain, list):
            raise _damaged("a list was expected", where)
        return tuple(inner(value, where) for value in plain)

    return read


def _row_reader(inners: list[_FromPlain]) -> _FromPlain:
    def read(plain: Any, where: str) -> Any:
        if not isinstance(plain, list) or len(plain) != len(inners):
            raise _damaged(f"{len(inners)} values were expected", where)
        return tuple(inner(value, where) for inner, value in zip(inners, plain, strict=True))

    return read


def _scalar(plain: Any, kinds: tuple[Any, ...], where: str) -> Any:
    if type(plain) in kinds:
        return plain
    if float in kinds:
        if type(plain) is int:
            return float(plain)
        if isinstance(plain, dict) and plain.keys() == {"float"} and plain["float"] in INFINITIES:
            return INFINITIES[plain["float"]]
    raise _damaged(f"{repr(plain)[:40]} does not fit", where)


def _damaged(what: str, where: str) -> InputError:
    return InputError(
        "store.damaged_record",
        f"The song's log holds a record that cannot be read: {what}",
        where=where,
        hint="Run 'tapehand doctor' on the song; nothing was changed.",
    )
