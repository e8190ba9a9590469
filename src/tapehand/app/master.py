"""A finished mix becomes a master: an engine proposes a chain, the command is the decision, the file is re-measured."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tapehand.app.deliver import DITHERED, dither_seed, refuse_taken
from tapehand.app.meter import meter_file
from tapehand.app.propose import ask
from tapehand.app.studio import Studio
from tapehand.app.view import FileView
from tapehand.audio import Audio, io
from tapehand.errors import InputError, Refused, UsageError
from tapehand.meters.summary import Meter
from tapehand.render.renderer import Renderer
from tapehand.song.brief import Brief, BriefField, FieldValue
from tapehand.song.mixer import Strip
from tapehand.song.op import SetMaster, apply_all
from tapehand.song.proposal import Option, Proposal
from tapehand.song.region import AudioRegion
from tapehand.song.song import Song, Track
from tapehand.units import finite_or_none
from tapehand.work import Work

FILE_TRACK, REFERENCE_TRACK = "t01", "reference"


@dataclass(frozen=True, slots=True, kw_only=True)
class Mastered:
    """A written master: what was proposed and done, and what the file measures."""

    path: Path
    proposal: Proposal
    option: Option
    meter: Meter
    clipped: int


def master_file(
    studio: Studio,
    path: Path,
    out: Path,
    *,
    wishes: dict[str, FieldValue] | None = None,
    reference: Path | None = None,
    seed: int = 0,
    overwrite: bool = False,
    work: Work,
) -> dict[str, Any]:
    """Master ``path`` to ``out`` (WAV or FLAC, 24 bits, dithered) and measure it again; the ``Master.1`` record.

    ``wishes`` are fields of the mastering brief that were said: ``lufs``, ``ceiling_dbtp``, ``platform``,
    ``strength_percent``, ``match``, ``accept_cost``.

    Raises
    ------
    Refused
        The loudness asked for would do harm; nothing is written. ``refusal_record`` gives its JSON.
    InputError
        The file or the reference cannot be read, or has more than two channels.
    UsageError
        Something is to be matched, and no reference is given.
    OutputError
        ``out`` exists, or cannot be written.
    """
    if (wishes or {}).get("match") and reference is None:
        raise UsageError("master.brief", "There is no reference to match to", hint="Name one, or match nothing.")
    if not overwrite:
        refuse_taken(Path(out))
    audio = _read_mono_or_stereo(Path(path), work)
    sounds = {FILE_TRACK: audio}
    if reference is not None:
        sounds[REFERENCE_TRACK] = _read_mono_or_stereo(Path(reference), work)
    view = FileView(state=_song_of_files(Path(path).stem, sounds), sounds=sounds, mixed=FILE_TRACK)
    try:
        _, proposal = ask(studio, view, "mastering", master_brief(wishes or {}), seed=seed, work=work)
    except InputError as error:
        error.where = error.where or str(path)
        raise
    mastered = write_master(view.state, audio, proposal, Path(out), overwrite=overwrite, work=work)
    return master_record(mastered)


def _read_mono_or_stereo(path: Path, work: Work) -> Audio:
    """A whole file of one or two channels."""
    channels = io.probe(path).channels
    if channels > 2:
        raise InputError(
            "master.channels",
            f"{path.name} has {channels} channels; masters are made of mono and stereo files",
            where=str(path),
            hint="Fold it down to stereo first.",
        )
    return io.read(path, work)


def write_master(
    song: Song, premaster: Audio, proposal: Proposal, out: Path, *, overwrite: bool = False, work: Work
) -> Mastered:
    """Run ``premaster`` through the chain of the proposal's recommended (or only) option and write it."""
    option = proposal.option(proposal.recommended) if proposal.recommended else proposal.options[0]
    renderer = Renderer(song=apply_all(song, option.ops), work=work)
    with io.Writer(
        out,
        rate_hz=premaster.rate_hz,
        channels=premaster.channels,
        subtype=DITHERED,
        dither_seed=dither_seed("master"),
        overwrite=overwrite,
        expected_samples=premaster.length_samples,
    ) as writer:
        for block in renderer.master_blocks(premaster):
            writer.write(block)
    # The file stands where it was asked for: stopping now would leave it behind and say that nothing was changed.
    meter = meter_file(out, Work(on_report=work.on_report))
    return Mastered(path=out, proposal=proposal, option=option, meter=meter, clipped=writer.clipped)


def master_brief(wishes: dict[str, FieldValue]) -> Brief:
    """A brief of what was said; what is None was not."""
    return Brief(
        fields=tuple(
            BriefField(name=name, value=value, origin="said") for name, value in wishes.items() if value is not None
        )
    )


def master_record(mastered: Mastered) -> dict[str, Any]:
    """The ``Master.1`` object of the JSON interface."""
    meter = mastered.meter
    return {
        "schema": "Master.1",
        "output": str(mastered.path),
        "integrated_lufs": finite_or_none(meter.integrated_lufs),
        "true_peak_dbtp": finite_or_none(meter.true_peak_dbtp),
        "lra_lu": finite_or_none(meter.lra_lu),
        **_targets(mastered.proposal),
        "stages": _stages(mastered.option),
    }


def refusal_record(refused: Refused) -> dict[str, Any]:
    """The ``Master.1`` object for a loudness that was refused."""
    return {
        "schema": "Master.1",
        "output": None,
        "refused": {"reason": refused.message, **refused.cost},
    }


def _targets(proposal: Proposal) -> dict[str, Any]:
    """What was aimed at, as the engine understood it."""
    brief = proposal.brief or Brief()
    return {"target_lufs": brief.value("lufs"), "ceiling_dbtp": brief.value("ceiling_dbtp")}


def _stages(option: Option) -> list[dict[str, Any]]:
    """Each insert of the chain with what it did to the loudness, and why."""
    chain = next((op.master for op in option.ops if isinstance(op, SetMaster)), ())
    deltas = {
        each.name: each.after - each.before
        for each in option.evidence
        if each.unit == "LU" and each.before is not None and each.after is not None
    }
    whys = {reason.target: reason.text for reason in option.reasons}
    return [
        {"name": insert.name, "on": insert.on, "delta_lu": deltas.get(insert.name), "why": whys.get(insert.name, "")}
        for insert in chain
    ]


def _song_of_files(name: str, sounds: Mapping[str, Audio]) -> Song:
    """A song with one track a file; only the first is meant to be heard."""
    first = sounds[FILE_TRACK]
    return Song(
        name=name,
        rate_hz=first.rate_hz,
        tracks=tuple(
            Track(
                id=track_id,
                name=name if track_id == FILE_TRACK else track_id,
                role="unknown" if track_id == FILE_TRACK else "reference",
                regions=(AudioRegion(source=track_id, start_samples=0, length_samples=sound.length_samples),),
                strip=Strip(mute=track_id != FILE_TRACK),
            )
            for track_id, sound in sounds.items()
        ),
    )
