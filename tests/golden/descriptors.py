"""What a beat is, in figures that a person can compare: form, parts, notes, levels."""

import json
from pathlib import Path
from typing import Any, Final

from tapehand.app.view import FileView
from tapehand.audio import Audio
from tapehand.engines.composing.engine import ComposingEngine
from tapehand.meters.summary import measure
from tapehand.render.renderer import Renderer
from tapehand.song.brief import Brief
from tapehand.song.op import apply_all
from tapehand.song.region import NoteRegion
from tapehand.song.song import Song, Track
from tapehand.work import Work

GOLDEN: Final = Path(__file__).with_name("beats.json")
RATE_HZ: Final = 44_100
PROMPTS: Final = {
    "boom bap": "dusty boom bap, 88 bpm, F minor, 40 seconds",
    "house": "deep house, 124 bpm, A minor, 40 seconds",
    "trap": "dark trap, 142 bpm, C# minor, 40 seconds",
}


def describe_beat(prompt: str, seed: int = 7) -> dict[str, Any]:
    """The descriptors of one beat."""
    view = FileView(state=Song(name="golden", rate_hz=RATE_HZ), sounds={}, mixed="")
    proposal = ComposingEngine().propose(view, Brief(text=prompt), seed, Work())
    song = apply_all(view.state, proposal.options[0].ops)
    levels: dict[str, float] = {}

    def note_level(_identity: str, name: str, stem: Audio) -> None:
        levels[name] = round(measure(stem).integrated_lufs, 2)

    mix = measure(Renderer(song=song).mix(note_level))
    return {
        "sections": [f"{section.name} {section.bars}" for section in song.sections],
        "chords": proposal.brief.value("chords") if proposal.brief else None,
        "parts": {track.name: _part(track) for track in song.tracks},
        "stems_lufs": levels,
        "mix_lufs": round(mix.integrated_lufs, 2),
        "mix_peak_dbfs": round(mix.sample_peak_dbfs, 2),
    }


def _part(track: Track) -> dict[str, Any]:
    notes = [note for region in track.regions if isinstance(region, NoteRegion) for note in region.notes]
    pitches = [note.pitch for note in notes]
    return {
        "role": track.role,
        "notes": len(notes),
        "lowest": min(pitches, default=None),
        "highest": max(pitches, default=None),
        "mean_velocity": round(sum(note.velocity for note in notes) / max(len(notes), 1), 1),
    }


def main() -> None:
    """Writes ``beats.json`` anew, after a change of taste that was meant."""
    beats = {name: describe_beat(prompt) for name, prompt in PROMPTS.items()}
    GOLDEN.write_text(json.dumps(beats, indent=1) + "\n", encoding="utf-8")
    print(f"wrote {GOLDEN}")


if __name__ == "__main__":
    main()
