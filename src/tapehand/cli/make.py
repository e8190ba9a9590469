"""``tapehand demo`` and ``tapehand beat``."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import click

from tapehand.cli.frame import json_option, long_work, say, show_json, user_name
from tapehand.cli.tables import number, show_table


@click.command("demo")
@click.option(
    "-o", "--output", "out", default=Path("tapehand-demo"), show_default=True, type=click.Path(path_type=Path),
    help="A new folder for everything the demo makes.",
)  # fmt: skip
@click.option("--seed", default=7, show_default=True, help="Another seed makes another record.")
@click.option("--prompt", default=None, help="Another sentence to start from.")
@json_option
def demo_command(out: Path, seed: int, prompt: str | None, as_json: bool) -> None:
    """From one sentence to a mastered record, as a guided tour.

    Makes a beat, throws its stems together at random levels, imports them as if a stranger had sent them, proposes
    three mixes, accepts the starting point in your name (that is the demo's stated decision), masters it to -14 LUFS,
    and writes a report that says what was done, by whom and why.
    """
    from tapehand.app.demo import make_demo
    from tapehand.bootstrap import make_studio

    with long_work() as work:
        made = make_demo(make_studio(), out, by=user_name(), seed=seed, prompt=prompt, work=work)
    if as_json:
        show_json(made.record)
        return
    for table in made.report.tables:
        say()
        say(table.caption)
        show_table(table.headings, table.rows, numeric=table.numeric)
    say()
    say(f"Everything is in {out}. Open {made.record['report']} to read, look and listen.")


@click.command("beat")
@click.argument("prompt")
@click.option("-o", "--output", "out", type=click.Path(path_type=Path), help="A new folder to write to.")
@click.option("--seed", default=0, show_default=True, help="Same sentence and seed give the same bytes.")
@click.option(
    "--takes", default=1, show_default=True, type=click.IntRange(1, 16), help="Different ideas to choose from."
)
@click.option("--draft", is_flag=True, help="Only mix and MIDI, to hear an idea sooner.")
@click.option("--brief-only", is_flag=True, help="Only say what was understood; nothing is made.")
@json_option
def beat_command(
    prompt: str, out: Path | None, seed: int, takes: int, draft: bool, brief_only: bool, as_json: bool
) -> None:
    """Make a beat or instrumental from a sentence: mix, master, one stem a part, MIDI, and what was understood.

    Say genre, tempo, key, length, mood, instruments, what to leave out, chords: what you say is kept, what you leave
    open is chosen and shown as such. What cannot be made is named, never swapped in silence.

    \b
    tapehand beat "dusty boom bap, 88 bpm, F minor, two minutes" -o my-beat --seed 7
    """
    from tapehand.app.beat import make_beat, understand
    from tapehand.bootstrap import make_studio
    from tapehand.errors import UsageError

    if out is None and not brief_only:
        raise UsageError("cli.usage", "Say where to write with -o FOLDER (or ask for --brief-only)")
    with long_work() as work:
        if out is None or brief_only:
            told = understand(make_studio(), prompt, seed=seed, work=work)
        else:
            told = make_beat(make_studio(), prompt, out, by=user_name(), seed=seed, takes=takes, draft=draft, work=work)
    if as_json:
        show_json(told)
    else:
        _show_beat(told)


def _show_beat(told: Mapping[str, Any]) -> None:
    from tapehand.app.beat import field_words, value_words

    rows = [
        (field_words(name), value_words(field["value"]), field["origin"], f"{field['confidence']:.0%}")
        for name, field in told["brief"].items()
    ]
    show_table(("understood", "", "origin", "confidence"), rows, numeric=(3,))
    say()
    say(f"Parts: {', '.join(told['parts'])}")
    for wish in told["not_made"]:
        say(f"Note: {wish}")
    if "mix" not in told:
        return
    for name in ("mix", "master", "midi", "song"):
        if told.get(name):
            say(f"{name:>7}  {told[name]}")
    say(f"  stems  {len(told['stems'])} parts")
    for option in told.get("options", ()):
        say(f"   take  {option['path']}")
    seconds = ", ".join(f"{part} {number(value, 1, 's')}" for part, value in told["seconds"].items())
    say(f"  taken  {seconds}")
