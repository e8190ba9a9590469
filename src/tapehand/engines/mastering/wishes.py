"""What a master is asked to be, with every default taken from the catalogue."""

from dataclasses import dataclass
from typing import Final, cast

from tapehand.audio import Audio
from tapehand.catalogue.loading import load
from tapehand.catalogue.table import Table
from tapehand.errors import UsageError
from tapehand.song.brief import Brief, FieldValue

MATCHES: Final = ("eq", "width", "dynamics")


@dataclass(frozen=True, slots=True, kw_only=True)
class MasterWishes:
    """A target and how to get there.

    Parameters
    ----------
    target_lufs : integrated loudness of the master.
    ceiling_dbtp : highest true peak.
    platform : a row of ``catalogue/platforms.toml``, where the two above came from unless they were said.
    reference : a record to come closer to, or None.
    strength_percent : 0..100, how much of the tonal correction (and of the reference's width and dynamics) to take.
    match : what to take from the reference, of ``"eq"``, ``"width"``, ``"dynamics"``.
    accept_cost : go beyond the safe loudness when it is asked for.
    """

    target_lufs: float
    ceiling_dbtp: float
    platform: str
    strength_percent: float
    reference: Audio | None = None
    match: frozenset[str] = frozenset(MATCHES)
    accept_cost: bool = False


def settings() -> Table:
    """The bounds and starting points of mastering (``catalogue/mastering.toml``)."""
    return Table("mastering", load("mastering"))


def platform_names() -> tuple[str, ...]:
    """Names that ``platform`` may take."""
    return tuple(name for name, _ in Table("platforms", load("platforms")).tables("platforms"))


def make_wishes(
    *,
    lufs: float | None = None,
    ceiling_dbtp: float | None = None,
    platform: str | None = None,
    strength_percent: float | None = None,
    match: tuple[str, ...] | None = None,
    reference: Audio | None = None,
    accept_cost: bool = False,
) -> MasterWishes:
    """Wishes with everything unsaid filled in.

    Raises
    ------
    UsageError
        For a platform or match word that is not known, or a number outside what can be asked for.
    """
    defaults, limits = settings().table("defaults"), settings().table("limits")
    name = (platform or defaults.text("platform")).strip().lower().replace(" ", "_").replace("-", "_")
    row = _platform(name)
    target = row.number("target_lufs", -40.0, 0.0) if lufs is None else lufs
    ceiling = row.number("ceiling_dbtp", -12.0, 0.0) if ceiling_dbtp is None else ceiling_dbtp
    strength = defaults.number("strength_percent", 0.0, 100.0) if strength_percent is None else strength_percent
    _require_between("loudness", "LUFS", target, limits.pair("lufs", -70.0, 0.0))
    _require_between("ceiling", "dBTP", ceiling, limits.pair("ceiling_dbtp", -40.0, 0.0))
    _require_between("strength", "%", strength, (0.0, 100.0))
    return MasterWishes(
        target_lufs=target,
        ceiling_dbtp=ceiling,
        platform=name,
        strength_percent=strength,
        reference=reference,
        match=_known_matches(defaults.texts("match") if match is None else match),
        accept_cost=accept_cost,
    )


def wishes_of_brief(brief: Brief, reference: Audio | None = None) -> MasterWishes:
    """Wishes from a brief's fields ``lufs``, ``ceiling_dbtp``, ``platform``, ``strength_percent``, ``match`` and
    ``accept_cost``.

    Raises
    ------
    UsageError
        As ``make_wishes``, and for a field of the wrong kind.
    """
    match = brief.value("match")
    return make_wishes(
        lufs=_number(brief, "lufs"),
        ceiling_dbtp=_number(brief, "ceiling_dbtp"),
        platform=_text(brief, "platform"),
        strength_percent=_number(brief, "strength_percent"),
        match=None if match is None else _texts(match),
        reference=reference,
        accept_cost=brief.value("accept_cost", False) is True,
    )


def _platform(name: str) -> Table:
    if name not in platform_names():
        raise UsageError(
            "master.no_platform", f"There is no platform {name!r}", hint=f"Known are: {', '.join(platform_names())}."
        )
    return Table("platforms", load("platforms")).table("platforms").table(name)


def _known_matches(words: tuple[str, ...]) -> frozenset[str]:
    for word in words:
        if word not in MATCHES:
            raise UsageError("master.no_match", f"{word!r} cannot be matched", hint=f"Choose of {', '.join(MATCHES)}.")
    return frozenset(words)


def _require_between(what: str, unit: str, value: float, ends: tuple[float, float]) -> None:
    low, high = ends
    if not low <= value <= high:
        raise UsageError(
            "master.out_of_range", f"A {what} of {value:g} {unit} cannot be made", hint=f"Ask for {low:g} to {high:g}."
        )


def _number(brief: Brief, name: str) -> float | None:
    value = brief.value(name)
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise _wrong(name, "a number")
    return float(value)


def _text(brief: Brief, name: str) -> str | None:
    value = brief.value(name)
    if value is not None and not isinstance(value, str):
        raise _wrong(name, "a word")
    return value


def _texts(value: FieldValue) -> tuple[str, ...]:
    words = (value,) if isinstance(value, str) else value
    if not isinstance(words, tuple) or not all(isinstance(word, str) for word in words):
        raise _wrong("match", "words")
    return cast("tuple[str, ...]", words)


def _wrong(name: str, wanted: str) -> UsageError:
    return UsageError("master.brief", f"The brief's {name!r} must be {wanted}")
