"""Texts kept between runs, to save work; losing one costs time and nothing else."""

from typing import Protocol


class TextCache(Protocol):
    """Keeps texts by a key that says all that they were made of."""

    def get(self, key: str) -> str | None:
        """What was kept under ``key``; None where nothing whole is."""
        ...

    def put(self, key: str, text: str) -> None:
        """Keep ``text`` as long as there is room."""
        ...


class NoTexts:
    """Keeps nothing."""

    def get(self, key: str) -> None:
        """Nothing."""

    def put(self, key: str, text: str) -> None:
        """Let it go."""
