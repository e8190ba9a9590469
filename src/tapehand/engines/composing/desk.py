"""The desk: from a member of the roster to a track with its place, filters and sends; the sound check sets levels."""

from collections.abc import Mapping
from typing import Final

from tapehand.catalogue.loading import load
from tapehand.engines.composing.genre import Part
from tapehand.engines.composing.plan import Member, Plan
from tapehand.instruments.roster import instruments
from tapehand.song.mixer import Bus, Insert, Send, Strip
from tapehand.song.processors import Compressor, Delay, Equaliser, Gain, Reverb
from tapehand.song.region import NoteRegion
from tapehand.song.song import Track

TRIM: Final = "trim"
REVERB_BUS: Final = "reverb"
DELAY_BUS: Final = "delay"
#: The loudness (LUFS) at which a part reaches its first insert, so that thresholds mean the same for every sound.
WORKING_LEVEL_DB: Final = -20.0
_ROLES: Final = {
    "kick": "kick", "snare": "snare", "hats": "hats", "percussion": "percussion", "cymbals": "cymbals", "bass": "bass",
    "texture": "fx", "fx": "fx",
}  # fmt: skip


def track_of(member: Member, regions: tuple[NoteRegion, ...], plan: Plan, ids: Mapping[str, str]) -> Track:
    """The track of a member. ``ids`` gives the song's id of every part and bus."""
    role = role_of(member)
    return Track(
        id=ids[member.part.id],
        name=track_name(member),
        role=role,
        role_confidence=1.0,
        group=load("roles")["roles"][role]["group"],
        regions=regions,
        strip=_strip(member, plan, ids),
    )


def return_buses(plan: Plan, ids: Mapping[str, str]) -> tuple[Bus, Bus]:
    """One reverb and one delay in time with the song."""
    reverb, echo = plan.genre.reverb, plan.genre.delay
    delay = Delay(
        time_s=round(plan.genre.delay_quarters * 60.0 / plan.tempo_bpm, 6),
        feedback=echo.feedback,
        low_cut_hz=echo.low_cut_hz,
        high_cut_hz=echo.high_cut_hz,
    )
    return _return(ids[REVERB_BUS], "Reverb", reverb), _return(ids[DELAY_BUS], "Delay", delay)


def role_of(member: Member) -> str:
    """The role of a member's track: by part for the rhythm, by sound for the rest."""
    part = member.part.id.partition("-")[0]
    return _ROLES.get(part) or instruments()[member.patch].role


def track_name(member: Member) -> str:
    """What people call the track: the sound's own name where it says more than the part's."""
    if member.part.id.partition("-")[0] in _ROLES and member.part.id != "bass":
        return member.part.name
    name: str = load("sounds")["names"][member.patch]
    part = {"lead": "lead", "counter": "answers" if member.part.name == "Answers" else "arp"}.get(
        member.part.id.partition("-")[0]
    )
    return f"{name} {part}" if part and part not in name.lower() else name


def _strip(member: Member, plan: Plan, ids: Mapping[str, str]) -> Strip:
    part = member.part
    return Strip(
        inserts=tuple(_inserts(member, plan, ids)),
        pan=part.pan,
        sends=tuple(_sends(part, ids)),
    )


def _inserts(member: Member, plan: Plan, ids: Mapping[str, str]) -> list[Insert]:
    part = member.part
    inserts = [Insert(name=TRIM, processor=Gain(gain_db=0.0))]
    if part.high_pass is not None:
        inserts.append(Insert(name="high-pass", processor=part.high_pass))
    if part.bands:
        inserts.append(Insert(name="equaliser", processor=Equaliser(bands=part.bands)))
    if part.squeeze is not None:
        squeeze = part.squeeze
        compressor = Compressor(
            threshold_db=squeeze.threshold_db,
            ratio=squeeze.ratio,
            attack_ms=squeeze.attack_ms,
            release_ms=squeeze.release_ms,
        )
        inserts.append(Insert(name="compressor", processor=compressor))
    if part.ducking is not None and plan.member(part.ducking.by) is not None:
        duck = part.ducking
        keyed = Compressor(
            threshold_db=duck.threshold_db,
            ratio=duck.ratio,
            attack_ms=duck.attack_ms,
            release_ms=duck.release_ms,
            detector="peak",
            key_track=ids[duck.by],
        )
        inserts.append(Insert(name="ducking", processor=keyed))
    return inserts


def _sends(part: Part, ids: Mapping[str, str]) -> list[Send]:
    sends = []
    if part.reverb_db is not None:
        sends.append(Send(bus=ids[REVERB_BUS], level_db=part.reverb_db))
    if part.delay_db is not None:
        sends.append(Send(bus=ids[DELAY_BUS], level_db=part.delay_db))
    return sends


def _return(identity: str, name: str, effect: Reverb | Delay) -> Bus:
    return Bus(
        id=identity, name=name, kind="return", strip=Strip(inserts=(Insert(name=name.lower(), processor=effect),))
    )
