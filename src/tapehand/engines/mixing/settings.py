"""The figures of ``catalogue/mixing.toml`` as the engine reads them."""

from dataclasses import dataclass
from functools import cache
from typing import Any, Final

from tapehand.catalogue.loading import load

UNKNOWN_GENRE: Final = "unknown"


@dataclass(frozen=True, slots=True, kw_only=True)
class RoleSettings:
    """What usually holds for a role; see the comments in the catalogue. None: not done for this role."""

    level_db: float
    sd_db: float
    usual: int = 1
    high_pass_hz: float
    width: float
    reduction_db: float | None = None
    ratio: float = 2.0
    attack_ms: float = 15.0
    release_ms: float = 200.0
    send_db: float | None = None
    melodic: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Style:
    """What one option does on top of the balance that came in."""

    id: str
    name: str
    name_without_voice: str = ""
    what: str
    lead_db: float
    drums_db: float
    bass_db: float
    compression: float
    width: float
    wet_lu: float
    clear_lead: bool
    trusts_dynamics: bool = False


@cache
def role_settings(role: str) -> RoleSettings:
    """Settings of a role; those of an unknown track where the catalogue has none."""
    roles = load("mixing")["roles"]
    return RoleSettings(**roles.get(role, roles["unknown"]))


@cache
def styles() -> tuple[Style, ...]:
    """The options that are offered, in the order in which people see them."""
    return tuple(Style(**style) for style in load("mixing")["styles"])


def bounds(part: str) -> dict[str, Any]:
    """One of the tables of limits: balance, headroom, tone, dynamics, placement, space."""
    table: dict[str, Any] = load("mixing")[part]
    return table


def lead_target_db(genre: str | None) -> tuple[float, str]:
    """Usual level of the lead against the accompaniment, and the genre that it is usual in."""
    targets = load("mixing")["lead_to_accompaniment_db"]
    name = (genre or UNKNOWN_GENRE).casefold()
    name = name if name in targets else UNKNOWN_GENRE
    return float(targets[name]), name


def reason_to_mute(role: str) -> str | None:
    """Why a track of this role is no part of a mix; None when it is one."""
    reason = load("mixing")["muted_roles"].get(role)
    return None if reason is None else str(reason)
