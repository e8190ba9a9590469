"""The built-in engines keep to what every engine must; and the kit notices those who do not."""

import dataclasses
from collections.abc import Sequence

import numpy as np
import pytest

from tapehand.app.view import FileView
from tapehand.audio import Audio
from tapehand.engines.composing.engine import ComposingEngine
from tapehand.engines.mastering.engine import MasteringEngine
from tapehand.engines.mixing.engine import MixingEngine
from tapehand.ports.engine import Engine, EngineFacts, SongView
from tapehand.song.brief import Brief
from tapehand.song.proposal import Proposal
from tapehand.song.region import AudioRegion
from tapehand.song.song import Song, Track
from tapehand.testing.conformance import broken_promises
from tapehand.work import Work

RATE_HZ = 44_100


def view_of(sounds: dict[str, Audio]) -> FileView:
    tracks = tuple(
        Track(
            id=name,
            name=name,
            regions=(AudioRegion(source=name, start_samples=0, length_samples=audio.length_samples),),
        )
        for name, audio in sounds.items()
    )
    return FileView(
        state=Song(name="test", rate_hz=RATE_HZ, tracks=tracks), sounds=sounds, mixed=next(iter(sounds), "")
    )


@pytest.fixture
def stems() -> FileView:
    random = np.random.default_rng(4)
    time = np.arange(4 * RATE_HZ) / RATE_HZ
    gate = (np.sin(2 * np.pi * 2 * time) > 0) * 0.3
    return view_of(
        {
            "Kick": Audio.of((gate * np.sin(2 * np.pi * 55 * time))[None], RATE_HZ),
            "LdVox": Audio.of((0.2 * np.sin(2 * np.pi * 330 * time) * (1 + gate))[None], RATE_HZ),
            "Pad": Audio.of(0.02 * random.standard_normal((2, time.size)), RATE_HZ),
        }
    )


def test_mixing_keeps_its_promises(stems: FileView) -> None:
    assert broken_promises(MixingEngine(), stems, Brief()) == []


def test_mastering_keeps_its_promises(stems: FileView) -> None:
    assert broken_promises(MasteringEngine(), stems, Brief()) == []


def test_composing_keeps_its_promises() -> None:
    assert broken_promises(ComposingEngine(), view_of({}), Brief(text="trap, 20 seconds")) == []


class Sloppy:
    """An engine that breaks every promise it can."""

    def __init__(self) -> None:
        self.asked = 0

    def describe(self) -> EngineFacts:
        return EngineFacts(name="sloppy", version="", kind="mixing", licence="")

    def propose(self, view: SongView, brief: Brief, seed: int, work: Work) -> Proposal:
        self.asked += 1
        view.audio("Kick").samples[:] += 1
        good = MixingEngine().propose(view, brief, seed, Work())
        options: Sequence = (good.options[0], dataclasses.replace(good.options[1], id=good.options[0].id, why=""))
        provenance = dataclasses.replace(good.provenance, licence="")
        return dataclasses.replace(
            good, options=tuple(options), question=str(self.asked), provenance=provenance, recommended_because=""
        )


def test_the_kit_notices_every_broken_promise(stems: FileView) -> None:
    sloppy = Sloppy()
    assert isinstance(sloppy, Engine)
    told = " | ".join(broken_promises(sloppy, stems, Brief()))
    for words in (
        "version", "licence", "share an id", "does not say why", "provenance", "wrote into the sound", "something else",
        "cancelled",
    ):  # fmt: skip
        assert words in told, words
