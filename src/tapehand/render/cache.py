"""What is rendered once need not be rendered again: keys made of content, and the door a cache must fit."""

import hashlib
from typing import Any, Protocol

from tapehand.audio import Audio


class RenderCache(Protocol):
    """Somewhere to keep rendered audio by key. Losing an entry costs time, never correctness."""

    def get(self, key: str) -> Audio | None:
        """What was put under ``key``, or None."""
        ...

    def put(self, key: str, audio: Audio) -> None:
        """Keeps ``audio`` under ``key`` as long as there is room."""
        ...


class NoCache:
    """Forgets everything."""

    def get(self, key: str) -> Audio | None:
        """Nothing."""
        return None

    def put(self, key: str, audio: Audio) -> None:
        """Keeps nothing."""


def content_key(*parts: Any) -> str:
    """SHA-256 over the text of frozen nouns, hashes and numbers: equal exactly when what they say is equal."""
    return hashlib.sha256("\x1f".join(repr(part) for part in parts).encode()).hexdigest()
