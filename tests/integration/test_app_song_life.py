"""A song's life through the use cases: import, propose, hear, decide, undo; with engines of ours and of strangers."""

import hashlib
import pickle
import subprocess
import sys
import textwrap
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tapehand.app.audition import Listening, file_name, hear
from tapehand.app.check import check
from tapehand.app.decide import decide
from tapehand.app.inbox import inbox
from tapehand.app.log_view import log_rows
from tapehand.app.matching import match_gains_db
from tapehand.app.mix import mix_folder
from tapehand.app.propose import propose
from tapehand.app.songs import create_from_folder, find_song
from tapehand.app.studio import EngineDoor, Studio
from tapehand.app.undo import undo
from tapehand.app.view import StoredView, view_of
from tapehand.audio import Audio, io
from tapehand.errors import Cancelled, Conflict, InputError, OutputError, Refused, TapehandError, UsageError
from tapehand.interchange.folder import list_session, read_stem
from tapehand.interchange.midi import write_midi
from tapehand.meters.loudness import integrated_lufs
from tapehand.meters.true_peak import true_peak_dbtp
from tapehand.ports.engine import Engine, EngineFacts, SongView
from tapehand.ports.song_store import SongStore
from tapehand.song.brief import Brief
from tapehand.song.event import Edited
from tapehand.song.op import AddTrack, Op, SetFader, SetPan
from tapehand.song.proposal import Option, Proposal
from tapehand.song.provenance import Provenance
from tapehand.song.region import AudioRegion, Span
from tapehand.song.song import Track
from tapehand.store.codecs import canonical, codec
from tapehand.store.health import examine, repair
from tapehand.store.song_folder import SongFolder, create_song_folder
from tapehand.work import Work

RATE_HZ = 44_100
FACTS = EngineFacts(name="test-mixing", version="1", kind="mixing", licence="Apache-2.0")
PROVENANCE = Provenance(engine="test-mixing", version="1", maker="machine", seed=0)


def proposal_of(*options: tuple[Op, ...], **more: Any) -> Proposal:
    letters = "abcdefgh"
    return Proposal(
        kind="mix",
        question="Which mix?",
        options=tuple(
            Option(id=letters[index], name=f"Mix {letters[index].upper()}", why="because", ops=ops)
            for index, ops in enumerate(options)
        ),
        provenance=PROVENANCE,
        **more,
    )


class FaderEngine:
    """Proposes two balances of the first track; listens to the song while it thinks."""

    def describe(self) -> EngineFacts:
        return FACTS

    def propose(self, view: SongView, brief: Brief, seed: int, work: Work) -> Proposal:
        work.report("mix.think", 0, 1)
        assert view.render((SetFader(target="t01", fader_db=-6.0),)).channels == 2
        quiet: tuple[Op, ...] = (SetFader(target="t01", fader_db=-12.0), SetPan(target="t01", pan=0.5))
        loud: tuple[Op, ...] = (SetFader(target="t01", fader_db=3.0),)
        return proposal_of(quiet, loud, recommended="a", recommended_because="it is the first")


def door(engine: Callable[[], Engine], **more: Any) -> EngineDoor:
    made = EngineDoor(name="mixing", reference="", distribution="tapehand", version="1", is_built_in=True, load=engine)
    return replace(made, **more)


def studio_with(engines: Mapping[str, EngineDoor]) -> Studio:
    return Studio(
        create_song=create_song_folder,
        open_song=SongFolder,
        list_stems=list_session,
        read_stem=read_stem,
        write_midi=write_midi,
        engines=engines,
        version="0",
        examine_song=examine,
        repair_song=repair,
        threads=2,
    )


@pytest.fixture
def studio() -> Studio:
    return studio_with({"mixing": door(FaderEngine)})


def tone(pitch_hz: float, level: float, seconds: float = 1.0) -> Audio:
    times = np.arange(round(seconds * RATE_HZ)) / RATE_HZ
    return Audio.of((level * np.sin(2 * np.pi * pitch_hz * times))[None], RATE_HZ)


@pytest.fixture
def stems(tmp_path: Path) -> Path:
    folder = tmp_path / "My Session"
    folder.mkdir()
    for name, pitch_hz in (("Kick in", 60.0), ("Lead Vox", 440.0), ("pad.L", 220.0), ("pad.R", 330.0)):
        io.write(folder / f"{name}.wav", tone(pitch_hz, 0.3))
    (folder / "notes.txt").write_text("drums are loud")
    (folder / "broken.wav").write_text("this is no sound")
    return folder


@pytest.fixture
def song(studio: Studio, stems: Path, tmp_path: Path) -> SongStore:
    return create_from_folder(studio, stems, tmp_path / "a.tapehand", by="Ann", work=Work())


def fingerprints(folder: Path) -> dict[str, str]:
    return {
        str(path.relative_to(folder)): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }


def song_hash(store: SongStore) -> str:
    return hashlib.sha256(canonical(codec().encode(store.state().song)).encode()).hexdigest()


def asked(studio: Studio, song: SongStore) -> int:
    return propose(studio, song, "mixing", Brief(), seed=0, work=Work()).number


# --- importing ---


def test_a_folder_becomes_a_song(studio: Studio, stems: Path, song: SongStore) -> None:
    state = song.state()
    assert state.song is not None
    assert [(track.id, track.name) for track in state.song.tracks] == [
        ("t01", "Kick in"),
        ("t02", "Lead Vox"),
        ("t03", "pad"),
    ]
    assert all(track.regions[0].start_samples == 0 for track in state.song.tracks)  # type: ignore[union-attr]
    assert sorted(source.name for source in state.sources.values()) == [
        "Kick in.wav",
        "Lead Vox.wav",
        "pad",
        "pad.L.wav",
        "pad.R.wav",
    ]
    left_out = [finding for finding in state.findings["import"] if finding.kind == "left_out"]
    assert [Path(finding.path or "").name for finding in left_out] == ["broken.wav"]
    pad = view_of(studio, song).audio("t03")
    assert pad.channels == 2
    assert np.array_equal(pad.samples[0], io.read(stems / "pad.L.wav").samples[0])


def test_originals_are_only_read(studio: Studio, stems: Path, tmp_path: Path) -> None:
    before = fingerprints(stems)
    with create_from_folder(studio, stems, tmp_path / "b.tapehand", by="Ann", work=Work()) as song:
        decide(song, asked(studio, song), "accept", by="Ann", option="a")
        view_of(studio, song).render()
    assert fingerprints(stems) == before


def test_importing_can_be_stopped_and_leaves_nothing(studio: Studio, stems: Path, tmp_path: Path) -> None:
    work = Work()
    work.on_report = lambda stage, _done, _total: work.cancel() if stage == "song.import" else None
    with pytest.raises(Cancelled):
        create_from_folder(studio, stems, tmp_path / "c.tapehand", by="Ann", work=work)
    assert [path.name for path in tmp_path.iterdir()] == [stems.name]


def test_the_song_that_is_meant_is_found(song: SongStore, tmp_path: Path) -> None:
    assert find_song(tmp_path) == song.path
    assert find_song(song.path) == song.path
    (tmp_path / "b.tapehand").mkdir()
    for folder in (tmp_path, tmp_path / "My Session"):
        with pytest.raises(UsageError) as refusal:
            find_song(folder)
        assert refusal.value.code == "song.which"


# --- proposing and deciding ---


def test_without_a_decision_song_and_audio_stay_as_they_are(studio: Studio, song: SongStore, tmp_path: Path) -> None:
    before, audio = song_hash(song), fingerprints(song.path / "audio")
    number = asked(studio, song)
    hear(studio, song, number, tmp_path / "heard", work=Work())
    decide(song, number, "later", by="Ann")
    decide(song, number, "reject", by="Ann", note="too dry")
    assert song_hash(song) == before
    assert fingerprints(song.path / "audio") == audio
    assert inbox(song).proposals == ()


def test_accepting_changes_and_undoing_restores(studio: Studio, song: SongStore) -> None:
    before = song_hash(song)
    number = asked(studio, song)
    state = decide(song, number, "accept", by="Ann", option="recommended")
    assert state.song is not None
    assert state.song.strip("t01").fader_db == -12.0
    assert (state.filed(number).decided_by, state.filed(number).option) == ("Ann", "a")
    after = song_hash(song)
    state = undo(song, by="Bob")
    assert song_hash(song) == before
    assert state.filed(number).is_open
    redone = undo(song, by="Bob", event=state.length)
    assert song_hash(song) == after
    assert redone.filed(number).decided_by == "Ann"
    said = [row.what for row in log_rows(song)][-4:]
    assert said[0] == "proposed mix as proposal 1: Mix A, Mix B"
    assert said[1] == "accepted option a of proposal 1"
    assert said[2].startswith("undid event ")


def test_the_same_option_can_be_accepted_again_after_an_undo(studio: Studio, song: SongStore) -> None:
    number = asked(studio, song)
    decide(song, number, "accept", by="Ann", option="Mix B")
    undo(song, by="Ann")
    assert decide(song, number, "accept", by="Ann", option="a").filed(number).option == "a"


def edit(song: SongStore, *ops: Op) -> None:
    song.append([Edited(ops=ops)], actor="Cleo", actor_kind="person")


def test_a_proposal_goes_stale_only_where_it_was_touched(studio: Studio, song: SongStore) -> None:
    number = asked(studio, song)
    edit(song, SetFader(target="t02", fader_db=-3.0), SetPan(target="t01", pan=-1.0))
    with pytest.raises(Conflict) as conflict:
        decide(song, number, "accept", by="Ann", option="a")  # sets the pan of t01
    assert conflict.value.code == "proposal.stale"
    assert conflict.value.where == "Kick in"
    assert decide(song, number, "accept", by="Ann", option="b").filed(number).option == "b"


def test_a_decision_cannot_be_taken_twice(studio: Studio, song: SongStore) -> None:
    number = asked(studio, song)
    decide(song, number, "accept", by="Ann", option="b")
    for verdict in ("accept", "reject", "later"):
        with pytest.raises(Conflict, match="Ann"):
            decide(song, number, verdict, by="Bob", option="a")


@pytest.mark.parametrize(
    ("option", "code"), [("c", "proposal.no_option"), (None, "decision.no_option"), ("", "proposal.no_option")]
)
def test_an_option_that_is_not_there(studio: Studio, song: SongStore, option: str | None, code: str) -> None:
    number = asked(studio, song)
    with pytest.raises(InputError) as refusal:
        decide(song, number, "accept", by="Ann", option=option)
    assert refusal.value.code == code
    with pytest.raises(InputError):
        decide(song, 17, "reject", by="Ann")


def test_undo_finds_what_it_may_take_back(studio: Studio, song: SongStore) -> None:
    with pytest.raises(InputError, match="nothing to undo"):
        undo(song, by="Ann")
    edit(song, SetFader(target="t01", fader_db=-1.0))
    first = song.state().length
    edit(song, SetFader(target="t02", fader_db=-2.0))
    edit(song, SetFader(target="t01", fader_db=-3.0))
    with pytest.raises(Conflict) as conflict:
        undo(song, by="Ann", event=first)
    assert (conflict.value.code, conflict.value.where) == ("undo.overlaps", "Kick in")
    undo(song, by="Ann", event=first + 1)  # disjoint: fine
    undo(song, by="Ann")  # the third
    undo(song, by="Ann")  # now the first
    with pytest.raises(Conflict) as conflict:
        undo(song, by="Ann", event=first)
    assert conflict.value.code == "undo.done_already"
    with pytest.raises(InputError):
        undo(song, by="Ann", event=999)


def test_two_programs_deciding_at_once(studio: Studio, song: SongStore, repository: Path) -> None:
    """One of them is told, and exactly one decision stands."""
    number = asked(studio, song)
    code = textwrap.dedent(
        """
        import sys
        from pathlib import Path
        from tapehand.app.decide import decide
        from tapehand.errors import Conflict
        from tapehand.store.song_folder import SongFolder
        song = SongFolder(Path(sys.argv[1]))
        sys.stdin.readline()
        try:
            decide(song, int(sys.argv[2]), "accept", by=sys.argv[3], option=sys.argv[4])
        except Conflict as conflict:
            print(conflict.code)
        """
    )
    children = [
        subprocess.Popen(
            [sys.executable, "-c", code, str(song.path), str(number), by, option],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            env={"PYTHONPATH": str(repository / "src"), "PATH": ""},
        )
        for by, option in (("Ann", "a"), ("Bob", "b"))
    ]
    time.sleep(0.5)
    said = sorted(child.communicate("go\n")[0].strip() for child in children)
    assert [child.returncode for child in children] == [0, 0]
    assert said == ["", "decision.made_already"]
    filed = song.state().filed(number)
    assert (filed.decided_by, filed.option) in (("Ann", "a"), ("Bob", "b"))


# --- hearing ---


def test_options_are_heard_at_one_loudness(studio: Studio, song: SongStore, tmp_path: Path) -> None:
    heard = hear(studio, song, asked(studio, song), tmp_path / "heard", work=Work()).heard
    assert [each.path.name for each in heard] == ["Mix A.wav", "Mix B.wav"]
    files = [io.read(each.path) for each in heard]
    levels = [integrated_lufs(file) for file in files]
    assert max(levels) - min(levels) < 0.1
    assert max(true_peak_dbtp(file) for file in files) <= -1.0 + 0.01
    assert len({file.length_samples for file in files}) == 1
    assert all(each.match_gain_db <= 0.0 for each in heard)


def test_a_stretch_can_be_heard(studio: Studio, song: SongStore, tmp_path: Path) -> None:
    span = Span(start_samples=10_000, end_samples=40_000)
    heard = hear(studio, song, asked(studio, song), tmp_path / "heard", how=Listening(span=span), work=Work())
    assert {io.read(each.path).length_samples for each in heard.heard} == {30_000}


@pytest.mark.parametrize(
    ("levels", "peaks", "gains"),
    [
        ([-20.0, -17.0], [-9.0, -6.0], [0.0, -3.0]),
        ([-10.0, -10.0], [1.0, 0.0], [-2.0, -2.0]),
        ([float("-inf"), -12.0], [float("-inf"), -3.0], [0.0, 0.0]),
        ([], [], []),
    ],
)
def test_matching_turns_down_only(levels: list[float], peaks: list[float], gains: list[float]) -> None:
    assert match_gains_db(levels, peaks) == pytest.approx(gains)


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("Vocal / forward?", "Vocal - forward.wav"),
        ("../../etc", "etc.wav"),
        ("a\n\x1b[31mb", "a--[31mb.wav"),
        ("", "b.wav"),
        ("...", "b.wav"),
        ("CON", "CON b.wav"),
        ("taken", "taken (b).wav"),
        ("é" * 200, "é" * 80 + ".wav"),
    ],
)
def test_file_names_are_safe(name: str, expected: str) -> None:
    assert file_name(name, "b", taken=["Taken.wav"]) == expected


# --- the view: what an engine can reach ---


def test_a_view_survives_pickling_and_has_no_way_to_write(studio: Studio, song: SongStore) -> None:
    view = view_of(studio, song)
    again: StoredView = pickle.loads(pickle.dumps(view))
    assert np.array_equal(again.render().samples, view.render().samples)
    span = Span(start_samples=100, end_samples=200)
    assert np.array_equal(again.audio("t02", span).samples, view.audio("t02").samples[:, 100:200])
    writers = [type(song), type(song.media), type(song._log)]  # type: ignore[attr-defined]
    seen: list[object] = []
    waiting: list[object] = [view]
    while waiting:
        thing = waiting.pop()
        if any(thing is other for other in seen) or isinstance(thing, str | int | float | bool | None):
            continue
        seen.append(thing)
        assert not isinstance(thing, tuple(writers))
        names = getattr(type(thing), "__slots__", ())
        waiting.extend(getattr(thing, name) for name in names if hasattr(thing, name))
        waiting.extend(vars(thing).values() if hasattr(thing, "__dict__") and not isinstance(thing, type) else ())
    public = {name for name in dir(view) if not name.startswith("_")}
    assert not {name for name in public if name.startswith(("append", "add", "write", "set", "decide"))}
    with pytest.raises(AttributeError):
        view.state = view.state  # type: ignore[misc]


# --- engines that misbehave ---


def engine_returning(proposal: Proposal) -> type:
    class Fixed:
        def describe(self) -> EngineFacts:
            return FACTS

        def propose(self, view: SongView, brief: Brief, seed: int, work: Work) -> Proposal:
            return proposal

    return Fixed


BAD_SOUND = Audio(np.full((1, 8), np.nan, dtype=np.float32), RATE_HZ)


@pytest.mark.parametrize(
    "bad",
    [
        proposal_of(),
        proposal_of((), recommended="z"),
        proposal_of((SetFader(target="t77", fader_db=0.0),)),
        proposal_of((SetFader(target="t01", fader_db=float("nan")),)),
        proposal_of((AddTrack(track=Track(id="t01", name="again")),)),
        replace(proposal_of(()), options=(replace(proposal_of(()).options[0], new_audio=(("x", BAD_SOUND),)),)),
        replace(proposal_of(()), options=proposal_of(()).options * 2),
    ],
)
def test_a_proposal_that_cannot_be_carried_out_is_not_filed(song: SongStore, bad: Proposal) -> None:
    before = song.events()
    with pytest.raises(InputError) as refusal:
        asked(studio_with({"mixing": door(engine_returning(bad))}), song)
    assert refusal.value.code == "engine.bad_proposal"
    assert song.events() == before


def test_new_sound_is_stored_by_hash_before_it_is_named(song: SongStore) -> None:
    sound = tone(880.0, 0.5, 0.2)
    region = AudioRegion(source="shaker", start_samples=0, length_samples=sound.length_samples)
    option = Option(
        id="a",
        name="A",
        why="",
        ops=(AddTrack(track=Track(id="t09", name="Shaker", regions=(region,))),),
        new_audio=(("shaker", sound),),
    )
    studio = studio_with({"mixing": door(engine_returning(replace(proposal_of(()), options=(option,))))})
    filed = propose(studio, song, "mixing", Brief(), seed=0, work=Work())
    assert filed.proposal.options[0].new_audio == ()
    decide(song, filed.number, "accept", by="Ann")
    view = view_of(studio, song)
    assert np.array_equal(view.audio("t09").samples, sound.samples)
    source = next(source for source in song.state().sources.values() if source.name == "shaker")
    assert (source.origin, source.provenance) == ("generated", PROVENANCE)


# --- engines of other distributions, in a process of their own ---

STRANGER = """
import os, sys, time
from tapehand.errors import Refused
from tapehand.ports.engine import EngineFacts
from tapehand.song.op import SetFader
from tapehand.song.proposal import Option, Proposal
from tapehand.song.provenance import Provenance

class Stranger:
    def describe(self):
        return EngineFacts(name="stranger", version="2", kind="mixing", licence="MIT")

    def propose(self, view, brief, seed, work):
        print("engines may print what they like")
        what = brief.text
        if what == "crash":
            os._exit(3)
        if what == "raise":
            raise RuntimeError("no idea")
        if what == "refuse":
            raise Refused("x.harm", "That would do harm", cost={"loudest_safe_lufs": -9.0})
        if what == "junk":
            return {"not": "a proposal"}
        if what == "evil":
            return Evil()
        if what == "wait":
            work.report("mix.think", 0, 1)
            while True:
                time.sleep(0.01)
                work.check_cancelled()
        work.report("mix.think", 1, 2)
        level = float(abs(view.audio("t01").samples).max())
        secret = os.environ.get("SECRET_TOKEN", "none")
        option = Option(id="a", name="A", why=f"{level:.2f} {secret}", ops=(SetFader(target="t01", fader_db=-seed),))
        return Proposal(kind="mix", question="?", options=(option,),
                        provenance=Provenance(engine="stranger", version="2", maker="machine"))

class Evil:
    def __reduce__(self):
        return os.system, ("touch " + os.environ["HOME"] + "/was-here",)
"""


@pytest.fixture
def stranger(tmp_path: Path, repository: Path, monkeypatch: pytest.MonkeyPatch) -> Studio:
    (tmp_path / "lib").mkdir()
    (tmp_path / "lib" / "stranger_engine.py").write_text(STRANGER)
    monkeypatch.setenv("PYTHONPATH", f"{tmp_path / 'lib'}:{repository / 'src'}")
    monkeypatch.setenv("SECRET_TOKEN", "hush")
    monkeypatch.setenv("HOME", str(tmp_path))

    def never() -> Engine:
        raise AssertionError("a stranger's engine is not loaded in this process")

    return studio_with({"mixing": door(never, is_built_in=False, reference="stranger_engine:Stranger")})


def ask_stranger(studio: Studio, song: SongStore, text: str, work: Work | None = None) -> Proposal:
    return propose(studio, song, "mixing", Brief(text=text), seed=5, work=work or Work()).proposal


def test_a_strangers_engine_hears_the_song_and_no_secret(stranger: Studio, song: SongStore) -> None:
    reported: list[str] = []
    proposal = ask_stranger(stranger, song, "", Work(on_report=lambda stage, _done, _total: reported.append(stage)))
    assert proposal.options[0].why == "0.30 none"
    assert proposal.options[0].ops == (SetFader(target="t01", fader_db=-5),)
    assert reported == ["mix.think"]
    assert "stranger_engine" not in sys.modules


@pytest.mark.parametrize(
    ("text", "kind", "code"),
    [
        ("crash", InputError, "engine.failed"),
        ("raise", InputError, "engine.failed"),
        ("junk", InputError, "engine.failed"),
        ("evil", InputError, "engine.failed"),
        ("refuse", Refused, "x.harm"),
    ],
)
def test_what_a_strangers_engine_does_wrong_is_told(
    stranger: Studio, song: SongStore, tmp_path: Path, text: str, kind: type[TapehandError], code: str
) -> None:
    before = song.events()
    with pytest.raises(kind) as refusal:
        ask_stranger(stranger, song, text)
    assert refusal.value.code == code
    assert song.events() == before
    assert not (tmp_path / "was-here").exists()
    if isinstance(refusal.value, Refused):
        assert refusal.value.cost == {"loudest_safe_lufs": -9.0}


def test_a_strangers_engine_can_be_stopped(stranger: Studio, song: SongStore) -> None:
    work = Work()
    threading.Timer(0.8, work.cancel).start()
    start = time.monotonic()
    with pytest.raises(Cancelled):
        ask_stranger(stranger, song, "wait", work)
    assert time.monotonic() - start < 20.0


# --- a whole folder at once ---


def test_mixing_a_folder_gives_a_song_options_and_a_mix(studio: Studio, stems: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    record = mix_folder(studio, stems, out, by="Ann", accept="recommended", work=Work())
    assert sorted(path.name for path in out.iterdir()) == ["mix.wav", "options", "song.tapehand"]
    assert record["schema"] == "Mix.1"
    assert [track["name"] for track in record["tracks"]] == ["Kick in", "Lead Vox", "pad"]
    assert [Path(track["path"]).name for track in record["tracks"]] == ["Kick in.wav", "Lead Vox.wav", "pad.L.wav"]
    options = record["proposal"]["options"]
    assert [Path(option["path"]).is_file() for option in options] == [True, True]
    assert options[0]["moves"][0] == {
        "track": "Kick in",
        "gain_db": -12.0,
        "pan": 0.5,
        "polarity": 1,
        "delay_samples": 0,
        "muted": False,
        "reasons": [],
    }
    assert Path(record["mix"]) == out / "mix.wav"
    with SongFolder(Path(record["song"])) as song:
        assert [row.actor for row in log_rows(song)[-3:]] == ["test-mixing", "Ann", "Ann"]
        mix = view_of(studio, song).render()
    assert np.abs(io.read(out / "mix.wav").samples - mix.samples).max() < 2.0**-21


def test_without_accepting_there_is_no_mix(studio: Studio, stems: Path, tmp_path: Path) -> None:
    record = mix_folder(studio, stems, tmp_path / "out", by="Ann", work=Work())
    assert "mix" not in record
    assert not (tmp_path / "out" / "mix.wav").exists()
    with SongFolder(Path(record["song"])) as song:
        assert [filed.number for filed in inbox(song).proposals] == [1]


def failing(stage_wanted: str, error: BaseException) -> Work:
    def report(stage: str, _done: float, _total: float) -> None:
        if stage == stage_wanted:
            raise error

    return Work(on_report=report)


@pytest.mark.parametrize("stage", ["song.import", "mix.think", "audition.render", "audio.write"])
@pytest.mark.parametrize("error", [Cancelled(), KeyboardInterrupt(), OSError(28, "No space left on device")])
def test_a_mix_that_does_not_finish_leaves_nothing(
    studio: Studio, stems: Path, tmp_path: Path, stage: str, error: BaseException
) -> None:
    with pytest.raises((Cancelled, KeyboardInterrupt, OutputError)):
        mix_folder(studio, stems, tmp_path / "out", by="Ann", accept="a", work=failing(stage, error))
    assert [path.name for path in tmp_path.iterdir()] == [stems.name]


def test_an_output_that_is_taken_is_left_as_it_is(studio: Studio, stems: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    out.mkdir()
    (out / "precious.txt").write_text("keep")
    with pytest.raises(OutputError) as refusal:
        mix_folder(studio, stems, out, by="Ann", work=Work())
    assert refusal.value.code == "output.exists"
    assert fingerprints(tmp_path / "out").keys() == {"precious.txt"}
    (out / "precious.txt").unlink()
    mix_folder(studio, stems, out, by="Ann", work=Work())


def test_what_a_killed_program_left_is_swept_by_the_next(studio: Studio, stems: Path, tmp_path: Path) -> None:
    left = tmp_path / ".tapehand-unfinished-0123456789ab"
    (left / "options").mkdir(parents=True)
    foreign = tmp_path / ".tapehand-unfinished-business"
    foreign.mkdir()
    mix_folder(studio, stems, tmp_path / "out", by="Ann", work=Work())
    assert not left.exists()
    assert foreign.exists()


def test_names_that_are_hostile_stay_data(studio: Studio, stems: Path, tmp_path: Path) -> None:
    names = ["-rf", "new\nline", "\x1b[2Jcls", "😀 мікс", "a" * 200, "%s{0}$(id)"]
    for name in names:
        io.write(stems / f"{name}.wav", tone(500.0, 0.1, 0.5))
    record = mix_folder(studio, stems, tmp_path / "out", by="Ann", accept="b", work=Work())
    assert set(names) <= {track["name"] for track in record["tracks"]}


def test_a_song_a_folder_and_a_file_are_checked_alike(studio: Studio, stems: Path, song: SongStore) -> None:
    io.write(stems / "Loud.wav", Audio.of(np.clip(tone(100.0, 1.5).samples, -1, 1), RATE_HZ))
    from_file = check(studio, stems / "Loud.wav", Work())["findings"]
    from_folder = check(studio, stems, Work())["findings"]
    assert [finding["kind"] for finding in from_file] == ["clipping"]
    assert from_file[0] in from_folder
    from_song = check(studio, song.path, Work())["findings"]
    assert from_song[0]["kind"] == "left_out"
    assert {finding["severity"] for finding in from_song} == {"note"}
    with pytest.raises(InputError):
        check(studio, stems / "nothing.wav", Work())
