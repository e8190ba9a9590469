"""Brief: what was asked for, each field with where it came from."""

from dataclasses import dataclass
from typing import Literal

FieldOrigin = Literal["said", "inferred", "default"]
FieldValue = str | int | float | bool | None | tuple["FieldValue", ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class BriefField:
    """One understood wish. ``confidence`` 0..1."""

    name: str
    value: FieldValue
    origin: FieldOrigin
    confidence: float = 1.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Brief:
    """The words as given, and the fields understood so far."""

    text: str = ""
    fields: tuple[BriefField, ...] = ()

    def value(self, name: str, default: FieldValue = None) -> FieldValue:
        """The value of a field, or ``default`` where the brief has no such field."""
        for field in self.fields:
            if field.name == name:
                return field.value
        return default
