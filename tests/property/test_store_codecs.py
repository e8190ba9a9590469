"""Everything a log can hold comes back from JSON as it went in; what it cannot hold is refused in words."""

import json
import math
from dataclasses import dataclass, fields, is_dataclass
from functools import cache
from types import NoneType, UnionType
from typing import Any, Literal, Union, get_args, get_origin, get_type_hints

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tapehand.audio import Audio
from tapehand.errors import InputError, InternalError
from tapehand.song.brief import BriefField
from tapehand.song.event import BODIES
from tapehand.song.proposal import Option
from tapehand.song.song import Song, Track
from tapehand.store.codecs import Codec, canonical, codec

SCALARS: dict[Any, st.SearchStrategy[Any]] = {
    str: st.text(
        st.sampled_from('aé😀"\\\n\x1b\udc80'), max_size=4
    ),  # lone surrogates included: undecodable file names
    int: st.integers(-(2**53), 2**53),
    bool: st.booleans(),
    float: st.floats(allow_nan=False),
    NoneType: st.none(),
}
FIELD_VALUES = st.recursive(
    st.one_of(*SCALARS.values()), lambda inner: st.lists(inner, max_size=3).map(tuple), max_leaves=5
)


def strategy(hint: Any) -> st.SearchStrategy[Any]:
    """Values of a type hint, as the nouns use them."""
    origin, arguments = get_origin(hint), get_args(hint)
    if hint in SCALARS:
        return SCALARS[hint]
    if origin is Literal:
        return st.sampled_from(arguments)
    if origin in (Union, UnionType):
        return st.one_of([strategy(argument) for argument in arguments])
    if origin is tuple and arguments[-1] is ...:
        return st.lists(strategy(arguments[0]), max_size=1).map(tuple)
    if origin is tuple:
        return st.tuples(*(strategy(argument) for argument in arguments))
    assert isinstance(hint, type), hint
    assert is_dataclass(hint), hint
    return st.deferred(lambda: noun(hint))


@cache
def noun(kind: Any) -> st.SearchStrategy[Any]:
    """Objects of a dataclass, whatever its fields allow."""
    hints = get_type_hints(kind)
    values = {field.name: hints[field.name] for field in fields(kind)}
    if kind is Option:
        values.pop("new_audio")
    given_values = {name: strategy(hint) for name, hint in values.items() if (kind, name) != (BriefField, "value")}
    if kind is BriefField:
        given_values["value"] = FIELD_VALUES
    return st.builds(kind, **given_values)


def through_json(plain: object) -> Any:
    return json.loads(canonical(plain))


@pytest.mark.parametrize("kind", codec().classes, ids=lambda kind: kind.__name__)
@settings(max_examples=5, deadline=None, suppress_health_check=list(HealthCheck))
@given(chosen=st.data())
def test_what_is_stored_comes_back(kind: type, chosen: st.DataObject) -> None:
    original = chosen.draw(noun(kind))
    plain = codec().encode(original)
    assert plain["schema"] == f"{kind.__name__}.1"
    again = codec().decode(through_json(plain))
    assert again == original
    assert canonical(codec().encode(again)) == canonical(plain)


def test_every_event_body_is_covered() -> None:
    assert set(BODIES) <= set(codec().classes)


def test_whole_numbers_in_float_fields_have_one_text() -> None:
    as_int, as_float = (Track(id="t01", name="x", role_confidence=value) for value in (1, 1.0))
    assert canonical(codec().encode(as_int)) == canonical(codec().encode(as_float))


def test_infinity_is_kept_and_nan_refused() -> None:
    plain = codec().encode(Track(id="t", name="n", role_confidence=-math.inf))
    assert plain["role_confidence"] == {"float": "-inf"}
    with pytest.raises(InternalError):
        codec().encode(Track(id="t", name="n", role_confidence=math.nan))


def test_sound_never_reaches_the_log() -> None:
    option = Option(id="a", name="A", why="", ops=(), new_audio=(("x", Audio.of(np.zeros((1, 4)), 44_100)),))
    with pytest.raises(InternalError, match="into the log"):
        codec().encode(option)


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"schema": "Track.2"}, "store.newer_version"),
        ({"schema": "Kazoo.1"}, "store.newer_version"),
        ({"future": 1}, "store.newer_version"),
        ({"schema": 5}, "store.damaged_record"),
        ({"schema": "Track.x"}, "store.damaged_record"),
        ({"name": 3}, "store.damaged_record"),
        ({"role_confidence": "high"}, "store.damaged_record"),
        ({"role_confidence": True}, "store.damaged_record"),
        ({"regions": {}}, "store.damaged_record"),
        ({"regions": [{"schema": "Song.1", "name": "s", "rate_hz": 1}]}, "store.damaged_record"),
        ({"strip": None}, "store.damaged_record"),
        ({"name": None}, "store.damaged_record"),
    ],
)
def test_what_cannot_be_a_track_is_refused(change: dict[str, Any], code: str) -> None:
    plain = codec().encode(Track(id="t01", name="x")) | change
    with pytest.raises(InputError) as refusal:
        codec().decode(plain)
    assert refusal.value.code == code


def test_a_missing_value_takes_its_default_or_is_told() -> None:
    plain = codec().encode(Song(name="s", rate_hz=48_000))
    del plain["buses"]
    assert codec().decode(plain) == Song(name="s", rate_hz=48_000)
    del plain["rate_hz"]
    with pytest.raises(InputError, match="missing"):
        codec().decode(plain)


@dataclass(frozen=True, slots=True, kw_only=True)
class Knob:
    """A noun that has changed twice since it was first stored."""

    gain_db: float


def test_old_objects_pass_through_every_upgrade() -> None:
    third = Codec(
        [Knob],
        versions={Knob: 3},
        upgrades={
            ("Knob", 1): lambda plain: {"schema": "Knob.2", "gain": plain["level"]},
            ("Knob", 2): lambda plain: {"schema": "Knob.3", "gain_db": plain["gain"] - 60.0},
        },
    )
    assert third.decode({"schema": "Knob.1", "level": 54.0}) == Knob(gain_db=-6.0)
    assert third.decode(third.encode(Knob(gain_db=1.0))) == Knob(gain_db=1.0)
    with pytest.raises(InputError, match="newer"):
        third.decode({"schema": "Knob.4", "gain_db": 1.0})
    with pytest.raises(InputError, match="old version"):
        Codec([Knob], versions={Knob: 3}).decode({"schema": "Knob.1", "level": 54.0})
