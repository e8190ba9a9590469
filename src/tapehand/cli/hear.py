"""``tapehand hear``: options at one loudness, in the open or blind, with votes and what they say."""

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from tapehand.cli.frame import json_option, long_work, say, show_json, song_option, user_name
from tapehand.cli.tables import number, show_table
from tapehand.errors import UsageError
from tapehand.song.region import Span
from tapehand.units import finite_or_none, seconds_to_samples
from tapehand.work import Work

if TYPE_CHECKING:
    from tapehand.app.audition import Audition, Listening
    from tapehand.app.difference import Stretch
    from tapehand.app.studio import Studio
    from tapehand.app.trials import OpenedTrial
    from tapehand.ports.song_store import SongStore
    from tapehand.song.trial import TrialKind


@click.command("hear")
@click.argument("number_", metavar="[N]", type=int, required=False)
@click.option(
    "-o", "--output", "out", type=click.Path(path_type=Path), help="A new folder for the files; a new file without N."
)
@click.option("--start", type=click.FloatRange(min=0), help="Begin at this second.")
@click.option("--end", type=click.FloatRange(min=0), help="End at this second.")
@click.option("--whole", is_flag=True, help="Hear the whole song, not only where the options differ most.")
@click.option("--preview-master", is_flag=True, help="Hear everything through one same bus chain.")
@click.option(
    "--with-rough", is_flag=True, help="Hear the song as it stands as well; a single option always comes with it."
)
@click.option("--with", "foreign", type=click.Path(path_type=Path), help="Put a file of this song beside the options.")
@click.option(
    "--blind",
    type=click.Choice(["abx", "preference"]),
    help="Without names. abx: can I hear it? preference: which do I want?",
)
@click.option("--option", "options", multiple=True, help="With --blind: compare only these (give it twice or more).")
@click.option("--rounds", type=int, help="With --blind: how often you are asked (each pair, if there are several).")
@click.option("--vote", metavar="LETTERS", help="Answer the next rounds: A, B, or = for no difference, like AB=A.")
@click.option("--stop", is_flag=True, help="End your open trial before its last round.")
@click.option("--results", is_flag=True, help="Show what the closed trials say, voter by voter.")
@click.option("--by", metavar="NAME", help="Whose ears (default: you).")
@song_option
@json_option
def hear_command(
    number_: int | None,
    out: Path | None,
    start: float | None,
    end: float | None,
    whole: bool,
    preview_master: bool,
    with_rough: bool,
    foreign: Path | None,
    blind: "TrialKind | None",
    options: tuple[str, ...],
    rounds: int | None,
    vote: str | None,
    stop: bool,
    results: bool,
    by: str | None,
    song_path: Path | None,
    as_json: bool,
) -> None:
    """Write the options of proposal N as files for any player: same place, same loudness to 0.1 LU.

    Without --start, --end or --whole you hear the section, or the 25 seconds, where the options differ most. Without N
    the song is written as it stands.

    \b
    In the open:  tapehand hear 1 -o listen
    As it stands: tapehand hear -o song.wav
    Blind:        tapehand hear 1 --blind preference -o listen   then  tapehand hear 1 --vote ABBA=AB
    """
    from tapehand.app.songs import open_song
    from tapehand.bootstrap import make_studio

    _refuse_other_mixture(out, vote, stop, results, blind)
    if number_ is None and (blind is not None or foreign is not None or vote is not None or stop or results):
        raise UsageError("cli.usage", "Say which proposal, as in 'tapehand hear 1'")
    room = make_studio()
    ears = by or user_name()
    with long_work() as work, open_song(room, song_path) as store:
        if number_ is None:
            _play(room, store, out, ears, work, as_json)
        elif vote is not None or stop:
            _vote(store, number_, vote, ears, as_json)
        elif results:
            _show_results(store, number_, as_json)
        else:
            assert out is not None, "refused above"
            if foreign is not None:
                from tapehand.app.foreign import join_foreign

                join_foreign(room, store, number_, foreign, by=ears, work=work)
            alone = len(store.state().filed(number_).proposal.options) == 1
            how = _listening(store, start, end, whole, preview_master, with_rough or alone)
            if blind is None:
                from tapehand.app.audition import hear

                _show_heard(store, number_, hear(room, store, number_, out, how=how, work=work), as_json)
            else:
                from tapehand.app.trials import open_trial

                opened = open_trial(
                    room, store, number_, blind, out, by=ears, options=options, rounds=rounds, how=how, work=work
                )
                _show_opened(store, opened, out, as_json)


def _play(room: "Studio", store: "SongStore", out: Path | None, by: str, work: Work, as_json: bool) -> None:
    from tapehand.app.cold_listening import play

    if out is None:
        raise UsageError("cli.usage", "Say which proposal, as in 'tapehand hear 1'")
    path = play(room, store, out, by=by, work=work)
    if as_json:
        show_json({"schema": "Played.1", "path": str(path)})
    else:
        say(f"{path}: the song as it stands. Keep what you notice with 'tapehand inbox --remark TEXT'.")


def _refuse_other_mixture(out: Path | None, vote: str | None, stop: bool, results: bool, blind: str | None) -> None:
    asked = sum((vote is not None, stop, results))
    if asked > 1 or (asked and (out is not None or blind is not None)):
        raise UsageError("cli.usage", "--vote, --stop and --results stand alone")
    if not asked and out is None:
        raise UsageError("cli.usage", "Say with -o FOLDER where the files go")


def _listening(
    store: "SongStore", start: float | None, end: float | None, whole: bool, preview_master: bool, with_rough: bool
) -> "Listening":
    from tapehand.app.audition import Listening
    from tapehand.app.view import song_of

    if (start is None) != (end is None) or (start is not None and end is not None and end <= start):
        raise UsageError("cli.usage", "A stretch needs --start and a later --end")
    span = None
    if start is not None and end is not None:
        first, last = (seconds_to_samples(time_s, song_of(store.state()).rate_hz) for time_s in (start, end))
        span = Span(start_samples=first, end_samples=last)
    return Listening(span=span, whole=whole, preview_master=preview_master, with_rough=with_rough)


def _show_heard(store: "SongStore", number_: int, audition: "Audition", as_json: bool) -> None:
    if as_json:
        options = [
            {
                "id": each.option.id,
                "name": each.option.name,
                "path": str(each.path),
                "integrated_lufs": finite_or_none(each.integrated_lufs),
                "match_gain_db": each.match_gain_db,
            }
            for each in audition.heard
        ]
        show_json(
            {"schema": "Heard.1", "proposal": number_, **_stretch_plain(store, audition.stretch), "options": options}
        )
        return
    say(f"You hear {audition.stretch.name}: {audition.stretch.why}.")
    rows = [(each.option.name, number(each.match_gain_db, 1, "dB"), str(each.path)) for each in audition.heard]
    show_table(("option", "turned by", "file"), rows, numeric=(1,))


def _show_opened(store: "SongStore", opened: "OpenedTrial", out: Path, as_json: bool) -> None:
    trial = opened.trial
    if as_json:
        files = [
            {"id": each.id, "round": each.round, "letter": each.letter, "path": str(each.path)}
            for each in opened.stimuli
        ]
        show_json(
            {
                "schema": "Trial.1",
                "trial": trial.id,
                "proposal": trial.number,
                "kind": trial.kind,
                "voter": trial.voter,
                "rounds": trial.rounds,
                **_stretch_plain(store, opened.stretch),
                "files": files,
            }
        )
        return
    say(f"{trial.rounds} rounds in {out}. You hear {opened.stretch.name}: {opened.stretch.why}.")
    if trial.kind == "abx":
        say(f"In each round: is X the same as A or as B? Where you cannot tell, guess. {_what_to_expect(trial.rounds)}")
    else:
        say("In each round: do you want A or B? = if you hear no difference.")
    say(f"Vote with 'tapehand hear {trial.number} --vote LETTERS', one or several rounds at a time.")


def _what_to_expect(rounds: int) -> str:
    from tapehand.app.blind_statistics import guessing_odds, needed_right, power

    needed = needed_right(rounds)
    if needed is None:
        return f"Even {rounds} of {rounds} come from guessing in {100 * guessing_odds(rounds, rounds):.0f} % of tries."
    return (
        f"Guessing gets {needed} of {rounds} or more in {100 * guessing_odds(needed, rounds):.1f} % of tries, "
        f"ears that are right 8 times in 10 get there in {100 * power(rounds, needed, 0.8):.0f} %."
    )


def _vote(store: "SongStore", number_: int, letters: str | None, by: str, as_json: bool) -> None:
    from tapehand.app.trials import stop, vote

    held = stop(store, number_, by=by) if letters is None else vote(store, number_, letters, by=by)
    if not held.is_open:
        _show_results(store, number_, as_json, only=held.trial.id)
    elif as_json:
        show_json(_progress(held.trial.id, number_, held.trial.voter, held.trial.rounds, len(held.answers)))
    else:
        say(f"{len(held.answers)} of {held.trial.rounds} rounds answered.")


def _progress(trial: str, number_: int, voter: str, rounds: int, voted: int) -> dict[str, Any]:
    return {
        "schema": "Votes.1",
        "trial": trial,
        "proposal": number_,
        "voter": voter,
        "rounds": rounds,
        "voted": voted,
    }


def _show_results(store: "SongStore", number_: int, as_json: bool, only: str | None = None) -> None:
    from tapehand.app.trial_results import result_plain, results

    state = store.state()
    names = {option.id: option.name for option in state.filed(number_).proposal.options}
    held = [each for each in state.hearings.of_proposal(number_) if only in (None, each.trial.id)]
    told = results(held, names)
    waiting = [each for each in held if each.is_open]
    if as_json:
        open_ones = [
            {"trial": each.trial.id, "voter": each.trial.voter, "rounds": each.trial.rounds, "voted": len(each.answers)}
            for each in waiting
        ]
        closed = [result_plain(each) for each in told]
        show_json({"schema": "TrialResults.1", "proposal": number_, "results": closed, "open": open_ones})
        return
    show_table(("voter", "trial", "result"), [(each.voter, f"{each.kind} {each.trial}", each.say) for each in told])
    for each in waiting:
        say(f"{each.trial.voter} is listening: {len(each.answers)} of {each.trial.rounds} rounds.")
    if told:
        say(f"Decide with 'tapehand decide {number_} --option X --by NAME --trial {told[-1].trial}'.")
    elif not waiting:
        say(f"There is no trial of proposal {number_}; open one with --blind.")


def _stretch_plain(store: "SongStore", stretch: "Stretch") -> dict[str, object]:
    from tapehand.app.view import song_of

    rate_hz = song_of(store.state()).rate_hz
    return {
        "start_s": stretch.span.start_samples / rate_hz,
        "end_s": stretch.span.end_samples / rate_hz,
        "stretch": stretch.name,
        "why": stretch.why,
    }
