"""The mixing engine: hears every track once, and proposes three balances that audibly differ."""

from typing import Final

from tapehand.engines.mixing.heard import HeardTrack, hear_tracks
from tapehand.engines.mixing.options import option_of
from tapehand.engines.mixing.session import Session, session_of, unsure
from tapehand.engines.mixing.settings import styles
from tapehand.errors import InputError
from tapehand.ports.engine import EngineFacts, SongView
from tapehand.song.brief import Brief, BriefField
from tapehand.song.proposal import Proposal
from tapehand.song.provenance import Provenance
from tapehand.work import Work

VERSION: Final = "1"
STARTING_POINT: Final = "as-it-came"
FULL_AMOUNT_PERCENT: Final = 100.0


class MixingEngine:
    """Roles, balance, filters, pan, compression and one reverb, each with its reason; decides nothing.

    Understands the brief's fields ``genre`` (whose usual lead level is aimed at) and ``amount`` (0-100 percent of
    every move).
    """

    def describe(self) -> EngineFacts:
        """Name, version, kind, needs, licence, and what its options are called."""
        named = (name for style in styles() for name in (style.id, style.name, style.name_without_voice) if name)
        return EngineFacts(
            name="tapehand-mixing", version=VERSION, kind="mixing", licence="Apache-2.0", options=tuple(named)
        )

    def propose(self, view: SongView, brief: Brief, seed: int, work: Work) -> Proposal:
        """Three mixes of the song. ``seed`` changes nothing: no move is left to chance.

        Raises
        ------
        InputError
            ``mix.nothing_sounds`` when no track could be mixed; ``mix.amount`` for an amount outside 0-100.
        Cancelled
            When ``work`` was cancelled.
        """
        genre, amount = _genre(brief), _amount(brief)
        heard = hear_tracks(view, work)
        session = session_of(view.state, heard, genre, amount)
        if session is None:
            raise InputError(
                "mix.nothing_sounds",
                "No track of this song holds anything that could be mixed",
                hint="Check that the files are not silent, muted, or all click tracks and rough mixes.",
            )
        options = []
        for number, style in enumerate(styles()):
            work.report("mix.plan", number, len(styles()))
            options.append(option_of(session, style))
        return Proposal(
            kind="mix",
            question="Which balance should the song go on from?",
            options=tuple(options),
            provenance=_provenance(view, session, seed),
            recommended=STARTING_POINT,
            recommended_because="it is closest to the balance that came in, which makes it the natural starting point; "
            "it is not a judgement",
            brief=_understood(brief, session),
            not_made=_not_made(heard),
        )


def _genre(brief: Brief) -> str | None:
    genre = brief.value("genre")
    return genre if isinstance(genre, str) else None


def _amount(brief: Brief) -> float:
    """Share 0..1 of every move."""
    percent = brief.value("amount", FULL_AMOUNT_PERCENT)
    if isinstance(percent, bool) or not isinstance(percent, int | float) or not 0.0 <= percent <= FULL_AMOUNT_PERCENT:
        raise InputError("mix.amount", f"An amount of {percent!r} cannot be mixed", hint="Give 0 to 100 (percent).")
    return float(percent) / FULL_AMOUNT_PERCENT


def _understood(brief: Brief, session: Session) -> Brief:
    known = {field.name for field in brief.fields}
    added = (
        BriefField(name="genre", value=session.genre, origin="default"),
        BriefField(name="amount", value=FULL_AMOUNT_PERCENT * session.amount, origin="default"),
    )
    return Brief(text=brief.text, fields=(*brief.fields, *(field for field in added if field.name not in known)))


def _not_made(heard: tuple[HeardTrack, ...]) -> tuple[str, ...]:
    """What a person should say so that it can be done better."""
    return tuple(
        f'"{track.name}" was mixed cautiously as {track.role.replace("_", " ")}: say what it is'
        for track in unsure(heard)
    )


def _provenance(view: SongView, session: Session, seed: int) -> Provenance:
    return Provenance(
        engine="tapehand-mixing",
        version=VERSION,
        maker="machine",
        seed=seed,
        settings=(("genre", session.genre), ("amount", f"{session.amount:g}")),
        inputs=tuple(sorted(view.sources)),
        licence="Apache-2.0",
    )
