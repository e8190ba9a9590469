"""The one way to the catalogue's tables."""

import tomllib
from collections.abc import Mapping
from functools import cache
from importlib.resources import files
from types import MappingProxyType
from typing import Any

from tapehand.errors import InputError


@cache
def load(name: str) -> Mapping[str, Any]:
    """The table ``catalogue/<name>.toml``, read once; ``name`` may hold folders (``"genres/trap"``).

    Raises
    ------
    InputError : ``catalogue.missing`` if there is no such table, ``catalogue.invalid`` if it is not TOML.
    """
    file = files("tapehand.catalogue").joinpath(f"{name}.toml")
    try:
        text = file.read_text(encoding="utf-8")
    except FileNotFoundError as error:
        raise InputError("catalogue.missing", f"There is no catalogue table {name!r}") from error
    try:
        return MappingProxyType(tomllib.loads(text))
    except tomllib.TOMLDecodeError as error:
        raise InputError("catalogue.invalid", f"{name}.toml cannot be read: {error}") from error
