"""Which instruments there are, what they are for, and their sounds, from ``catalogue/instruments.toml``."""

import copy
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, fields
from functools import cache, lru_cache
from types import MappingProxyType
from typing import Any

from tapehand.catalogue.loading import load
from tapehand.errors import InputError
from tapehand.instruments.patch import Ensemble, Voice, part_from
from tapehand.song.region import Patch

Table = dict[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class Setting:
    """A knob of an instrument. ``how``: the value itself ("set"), or a factor on the patch's own values ("scale")."""

    name: str
    low: float
    high: float
    default: float
    unit: str
    description: str
    how: str
    targets: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class InstrumentFacts:
    """What an arranger needs to know of an instrument.

    Parameters
    ----------
    gm_program : General MIDI program 0..127 nearest to it; ``None`` for drums, effects and textures.
    drum_map : pitch to the name of the piece, for drums; else empty.
    lowest, highest : MIDI numbers between which it sounds like itself; it plays beyond them too.
    mono : one note at a time, each cut by the next.
    """

    name: str
    family: str
    role: str
    gm_program: int | None
    drum_map: Mapping[int, str]
    lowest: int
    highest: int
    mono: bool
    settings: Mapping[str, Setting]
    description: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Piece:
    """A voice with the drum pitches it answers to (none: all), and the pitches that choke it."""

    name: str
    pitches: tuple[int, ...]
    choked_by: tuple[int, ...]
    voice: Voice


@dataclass(frozen=True, slots=True, kw_only=True)
class Instrument:
    """A playable instrument, with its settings applied."""

    facts: InstrumentFacts
    pieces: tuple[Piece, ...]
    ensemble: Ensemble

    def piece_for(self, pitch: int) -> Piece:
        """The piece that plays ``pitch``. Raises InputError ``instruments.no_piece`` where a kit has none."""
        for piece in self.pieces:
            if not piece.pitches or pitch in piece.pitches:
                return piece
        known = ", ".join(f"{number} {name}" for number, name in sorted(self.facts.drum_map.items()))
        raise InputError(
            "instruments.no_piece", f"{self.facts.name} has nothing on drum pitch {pitch}", hint=f"It has {known}."
        )


_VOICE_KEYS = tuple(f.name for f in fields(Voice))


@cache
def instruments() -> Mapping[str, InstrumentFacts]:
    """Facts of every instrument by name, in the order of the catalogue."""
    return MappingProxyType({name: _facts(table) for name, table in _tables().items()})


@lru_cache(maxsize=256)
def instrument(patch: Patch) -> Instrument:
    """The instrument of a patch.

    Raises
    ------
    InputError : ``instruments.unknown``, ``instruments.no_setting``, ``instruments.setting_range``.
    """
    facts = instruments().get(patch.instrument)
    if facts is None:
        raise InputError(
            "instruments.unknown",
            f"There is no instrument {patch.instrument!r}",
            hint=f"There are {', '.join(instruments())}.",
        )
    table = copy.deepcopy(_tables()[patch.instrument])
    for name, value in patch.settings:
        _turn(table, facts, name, value)
    return Instrument(facts=facts, pieces=tuple(_pieces(table)), ensemble=_ensemble(table))


@cache
def _tables() -> Mapping[str, Table]:
    shared = {piece["name"]: piece for piece in load("instruments")["shared_piece"]}
    return {table["name"]: _with_shared(table, shared) for table in load("instruments")["instrument"]}


def _with_shared(table: Table, shared: Mapping[str, Table]) -> Table:
    """A kit with the pieces added that it shares with others."""
    if "pieces" not in table:
        return {"tune_semitones": 0.0, **table}
    return {**table, "pieces": [*table["pieces"], *(shared[name] for name in table.get("shared", ()))]}


def _facts(table: Table) -> InstrumentFacts:
    pieces = table.get("pieces", [])
    drum_map = {pitch: piece["name"] for piece in pieces for pitch in piece["pitches"]}
    settings = {setting.name: setting for setting in _settings(table)}
    return InstrumentFacts(
        name=table["name"],
        family=table["name"].split(".")[0],
        role=table["role"],
        gm_program=table.get("gm_program"),
        drum_map=MappingProxyType(drum_map),
        lowest=min(drum_map, default=table.get("lowest", 0)),
        highest=max(drum_map, default=table.get("highest", 127)),
        mono=table.get("mono", False),
        settings=MappingProxyType(settings),
        description=table["description"],
    )


def _settings(table: Table) -> Iterator[Setting]:
    shared = load("instruments")["shared_setting"]
    for entry in [*table.get("settings", []), *shared]:
        reached = [target for target in entry["targets"] if any(True for _ in _places(table, target.split(".")))]
        if reached:
            yield Setting(**{**entry, "targets": tuple(reached)})


def _turn(table: Table, facts: InstrumentFacts, name: str, value: float) -> None:
    """Apply one setting to an instrument's table."""
    setting = facts.settings.get(name)
    if setting is None:
        known = ", ".join(facts.settings) or "no settings"
        raise InputError("instruments.no_setting", f"{facts.name} has no setting {name!r}", hint=f"It has {known}.")
    if not setting.low <= value <= setting.high:
        limits = f"{setting.low:g} to {setting.high:g} {setting.unit}".strip()
        raise InputError(
            "instruments.setting_range", f"{name} of {facts.name} cannot be {value:g}", hint=f"It goes from {limits}."
        )
    for target in setting.targets:
        for holder, key in _places(table, target.split(".")):
            holder[key] = value if setting.how == "set" else holder[key] * value


def _places(holder: Any, path: list[str]) -> Iterator[tuple[Any, Any]]:
    """Every (container, key) that a dotted path reaches; ``*`` stands for each entry of a list."""
    head, rest = path[0], path[1:]
    if isinstance(holder, list):
        keys: list[Any] = list(range(len(holder))) if head == "*" else [int(head)]
    else:
        keys = [head] if head in holder else []
    for key in keys:
        if rest:
            yield from _places(holder[key], rest)
        else:
            yield holder, key


def _pieces(table: Table) -> Iterator[Piece]:
    name = table["name"]
    if "pieces" not in table:
        voice = {key: table[key] for key in _VOICE_KEYS if key in table}
        yield Piece(name=name, pitches=(), choked_by=(), voice=part_from(Voice, voice, name))
        return
    for piece in table["pieces"]:
        voice = {key: table[key] for key in ("console", "tune_semitones") if key in table}
        voice |= {"one_shot": True, "takes": 8, "velocity_curve": 1.6}
        voice |= {key: piece[key] for key in _VOICE_KEYS if key in piece}
        yield Piece(
            name=piece["name"],
            pitches=tuple(piece["pitches"]),
            choked_by=tuple(piece.get("choked_by", ())),
            voice=part_from(Voice, voice, f"{name}: {piece['name']}"),
        )


def _ensemble(table: Table) -> Ensemble:
    return part_from(Ensemble, table.get("ensemble", {}), f"{table['name']}: ensemble")
