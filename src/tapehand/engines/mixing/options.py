"""From the common balance to one option: gains, inserts, places and sends of a style, with reasons and figures."""

from collections.abc import Mapping
from dataclasses import dataclass

from tapehand.engines.mixing.balance import lead_ratio_db, under_highest_fader
from tapehand.engines.mixing.dynamics import compression
from tapehand.engines.mixing.heard import HeardTrack
from tapehand.engines.mixing.outlook import Outlook, mix_fader_db, outlook
from tapehand.engines.mixing.placement import Place, places
from tapehand.engines.mixing.session import Session
from tapehand.engines.mixing.settings import Style
from tapehand.engines.mixing.space import reverb_bus, send_levels_db, sends
from tapehand.engines.mixing.tone import equaliser, high_pass, resonance_bands, room_for_lead, speech_power
from tapehand.song.mixer import MIX, Insert
from tapehand.song.op import (
    AddBus,
    Op,
    SetDelay,
    SetFader,
    SetInserts,
    SetMute,
    SetPan,
    SetPolarity,
    SetRole,
    SetSends,
    apply_all,
)
from tapehand.song.processors import Compressor
from tapehand.song.proposal import Evidence, Option, Reason
from tapehand.units import SILENCE_DB


@dataclass(frozen=True, slots=True, kw_only=True)
class _Chain:
    inserts: tuple[Insert, ...]
    reasons: tuple[str, ...]

    @property
    def make_up_db(self) -> float:
        return sum(i.processor.make_up_db for i in self.inserts if isinstance(i.processor, Compressor))


@dataclass(frozen=True, slots=True, kw_only=True)
class _Plan:
    """All moves of one style."""

    gains_db: Mapping[str, float]
    chains: Mapping[str, _Chain]
    places: Mapping[str, Place]
    sends_db: Mapping[str, float]
    lead_db: float | None
    seen: Outlook
    mix_fader_db: float


def option_of(session: Session, style: Style) -> Option:
    """One option."""
    plan = _plan(session, style)
    name = style.name if session.has_voice else style.name_without_voice or style.name
    return Option(
        id=style.id,
        name=name,
        why=_why(session, style, plan),
        ops=_ops(session, plan),
        reasons=_reasons(session, style, plan),
        evidence=_evidence(session, plan),
    )


def _plan(session: Session, style: Style) -> _Plan:
    gains = _gains(session, style)
    chains = _chains(session, style, gains)
    faders = {key: session.faders_db[key] + gain for key, gain in gains.items()}
    found = places(session.mixed, faders, style.width)
    pans = {track.id: found[track.id].pan if track.id in found else track.strip.pan for track in session.mixed}
    peaks = {key: fader + chains[key].make_up_db for key, fader in faders.items()}
    sends_db = send_levels_db(session.mixed, faders, style.wet_lu)
    seen = outlook(session.mixed, faders, peaks, pans, style.wet_lu if sends_db else SILENCE_DB)
    return _Plan(
        gains_db=gains,
        chains=chains,
        places=found,
        sends_db=sends_db,
        lead_db=lead_ratio_db(session.voices, session.balance.leads, gains),
        seen=seen,
        mix_fader_db=mix_fader_db(seen),
    )


def _gains(session: Session, style: Style) -> dict[str, float]:
    """The common balance, drums and bass as the style has them, the lead against all of that, to a tenth of a dB."""
    tilt = {"drums": style.drums_db, "bass": style.bass_db}
    came = session.balance.gains_db
    leads = session.balance.leads
    gains = {
        voice.id: came[voice.id] + (0.0 if voice.id in leads else tilt.get(voice.group, 0.0))
        for voice in session.voices
    }
    at_first, now = (lead_ratio_db(session.voices, leads, each) for each in (came, gains))
    if at_first is not None and now is not None:
        move = at_first + style.lead_db - now
        gains = {key: gain + move if key in leads else gain for key, gain in gains.items()}
    wanted = {key: session.amount * gain for key, gain in gains.items()}
    faders = under_highest_fader({key: session.faders_db[key] + gain for key, gain in wanted.items()})
    return {key: round(fader, 1) - session.faders_db[key] for key, fader in faders.items()}


def _chains(session: Session, style: Style, gains: Mapping[str, float]) -> dict[str, _Chain]:
    leads = [track for track in session.mixed if track.id in session.balance.leads]
    words = sum(speech_power(track, gains[track.id] + session.faders_db[track.id]) for track in leads)
    makes_room = style.clear_lead and session.has_voice
    return {
        track.id: _chain(session, style, track, words if makes_room and track not in leads else 0.0, gains)
        for track in session.mixed
    }


def _chain(session: Session, style: Style, track: HeardTrack, lead_words: float, gains: Mapping[str, float]) -> _Chain:
    passed = high_pass(track)
    bands, reasons = resonance_bands(track)
    cleared = room_for_lead(track, gains[track.id] + session.faders_db[track.id], lead_words)
    if cleared:
        bands, reasons = (*bands, cleared[0]), (*reasons, cleared[1])
    squeezed = compression(track, _compression_strength(session, style))
    return _Chain(
        inserts=(*((passed[0],) if passed else ()), *equaliser(bands), *((squeezed[0],) if squeezed else ())),
        reasons=(*((passed[1],) if passed else ()), *reasons, *((squeezed[1],) if squeezed else ())),
    )


def _compression_strength(session: Session, style: Style) -> float:
    trusted = session.balance.trust if style.trusts_dynamics else 0.0
    return style.compression * (1.0 - trusted) * session.amount


def _ops(session: Session, plan: _Plan) -> tuple[Op, ...]:
    """Every op that changes something, in the order in which they can be applied."""
    ops: list[Op] = [
        SetRole(track=t.id, role=t.role, group=t.group, role_confidence=t.guess.confidence) for t in session.heard
    ]
    room = reverb_bus()
    if plan.sends_db:
        known = any(bus.id == room.id for bus in session.song.buses)
        ops.append(SetInserts(target=room.id, inserts=room.strip.inserts) if known else AddBus(bus=room))
    for track in session.heard:
        ops += [SetMute(target=track.id, mute=True)] if _is_to_mute(track) else []
    for track in session.mixed:
        ops += _strip_ops(session, plan, track)
    ops.append(SetFader(target=MIX, fader_db=plan.mix_fader_db))
    return _effective(session, ops)


def _strip_ops(session: Session, plan: _Plan, track: HeardTrack) -> list[Op]:
    place, shift = plan.places.get(track.id), session.shifts.get(track.id)
    ops: list[Op] = [
        SetInserts(target=track.id, inserts=plan.chains[track.id].inserts),
        SetFader(target=track.id, fader_db=round(session.faders_db[track.id] + plan.gains_db[track.id], 1)),
    ]
    ops += [SetPan(target=track.id, pan=place.pan)] if place else []
    if shift:
        ops.append(SetDelay(target=track.id, delay_samples=shift.delay_samples))
        ops.append(SetPolarity(target=track.id, polarity=shift.polarity))
    return [*ops, SetSends(target=track.id, sends=sends(plan.sends_db.get(track.id)))]


def _effective(session: Session, ops: list[Op]) -> tuple[Op, ...]:
    """Without the ops that would set what is set already."""
    song, kept = session.song, []
    for op in ops:
        changed = apply_all(song, [op])
        if changed != song:
            kept.append(op)
            song = changed
    return tuple(kept)


def _is_to_mute(track: HeardTrack) -> bool:
    return track.reason_to_mute is not None and not track.is_silent and not track.strip.mute


def _why(session: Session, style: Style, plan: _Plan) -> str:
    figures = [] if plan.lead_db is None else [f"lead {plan.lead_db:+.1f} dB against the rest"]
    compressed = sum(1 for chain in plan.chains.values() if chain.make_up_db or _compresses(chain))
    figures += [_count_words(compressed), f"reverb {style.wet_lu:.0f} LU" if plan.sends_db else "no reverb"]
    return f"{style.what} ({', '.join(figures)}.)"


def _count_words(compressed: int) -> str:
    tracks = "nothing" if not compressed else "1 track" if compressed == 1 else f"{compressed} tracks"
    return f"{tracks} compressed"


def _compresses(chain: _Chain) -> bool:
    return any(isinstance(insert.processor, Compressor) for insert in chain.inserts)


def _reasons(session: Session, style: Style, plan: _Plan) -> tuple[Reason, ...]:
    reasons = [Reason(target=MIX, text=f"Balance: {session.balance.evidence}.")]
    if plan.lead_db is not None:
        reasons.append(Reason(target=MIX, text=_lead_words(session, plan.lead_db)))
    reasons.append(
        Reason(
            target=MIX,
            text=f"Mix fader {plan.mix_fader_db:+.1f} dB, so that mastering finds room: the sum would peak at "
            f"{plan.seen.peak_dbfs:+.1f} dBFS.",
        )
    )
    for track in session.heard:
        reasons += [Reason(target=track.id, text=text) for text in _track_reasons(session, style, plan, track)]
    return tuple(reasons)


def _lead_words(session: Session, lead_db: float) -> str:
    who = "The lead voice" if session.has_voice else "The most prominent instrument"
    usual = f"; {session.target_db:+.1f} dB is usual for {session.genre}" if session.genre != "unknown" else ""
    return f"{who} stands {lead_db:+.1f} dB against everything else while it sounds{usual}."


def _track_reasons(session: Session, style: Style, plan: _Plan, track: HeardTrack) -> list[str]:
    if track.is_silent:
        return ["Left alone: it is silent."]
    if track.reason_to_mute is not None:
        return [f"Muted: {track.reason_to_mute} ({track.guess.why})."]
    if track.id not in plan.gains_db:
        return ["Left alone: somebody switched it off."]
    reasons = [_role_words(track), _level_words(session, plan, track), *plan.chains[track.id].reasons]
    if track.id in plan.places:
        place = plan.places[track.id]
        reasons.append(f"Pan {abs(place.pan):.2f} {'left' if place.pan < 0 else 'right'}: {place.why}.")
    if track.id in session.shifts:
        shift = session.shifts[track.id]
        reasons.append(f"Delay {shift.delay_samples} samples, polarity {shift.polarity:+d}: {shift.why}.")
    if track.id in plan.sends_db:
        level_db = plan.sends_db[track.id]
        reasons.append(f"Reverb send {level_db:+.1f} dB, so that the room lies {style.wet_lu:.0f} LU under the mix.")
    return reasons


def _role_words(track: HeardTrack) -> str:
    role = track.role.replace("_", " ")
    doubt = f"; only {track.guess.confidence:.0%} sure, please say" if track.guess.asks else ""
    return f"Mixed as {role}: {track.guess.why}{doubt}."


def _level_words(session: Session, plan: _Plan, track: HeardTrack) -> str:
    gain_db, came_db = plan.gains_db[track.id], session.balance.deviations_db[track.id]
    side = "louder" if came_db > 0 else "quieter"
    role = track.role.replace("_", " ")
    where = f"it came in {abs(came_db):.1f} dB {side} than is usual for {role} in a session like this"
    if track.id in session.balance.leads and session.balance.lead_before_db is not None and plan.lead_db is not None:
        before = session.balance.lead_before_db
        where = f"as the lead it came in {before:+.1f} dB against the rest, and goes to {plan.lead_db:+.1f} dB"
    return f"Level {gain_db:+.1f} dB: {where}."


def _evidence(session: Session, plan: _Plan) -> tuple[Evidence, ...]:
    came, seen, fader = session.came_in, plan.seen, plan.mix_fader_db
    reckoned = [
        Evidence(name="loudness", unit="LUFS", before=came.loudness_lufs, after=seen.loudness_lufs + fader),
        Evidence(name="peak", unit="dBFS", before=came.peak_dbfs, after=seen.peak_dbfs + fader),
        Evidence(name="width", unit="dB side/mid", before=came.side_to_mid_db, after=seen.side_to_mid_db),
    ]
    if plan.lead_db is not None:
        before = session.balance.lead_before_db
        reckoned.append(Evidence(name="lead to accompaniment", unit="dB", before=before, after=plan.lead_db))
    for track in session.mixed:
        level = track.activity.integrated_lufs + session.faders_db[track.id]
        gain_db = plan.gains_db[track.id]
        reckoned.append(Evidence(name=f"level of {track.name}", unit="LUFS", before=level, after=level + gain_db))
    return tuple(reckoned)
