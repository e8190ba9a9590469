"""The runner of campaigns: resumes, repeats, and remembers what broke."""

import importlib
import random
import shutil
import sys
from pathlib import Path

import pytest
from torture import __main__ as runner
from torture.power_losses import Disk, Step


@pytest.fixture(autouse=True)
def kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(runner, "KEPT", tmp_path / "kept")
    return tmp_path / "kept"


@pytest.fixture
def tried(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """Replaces the attempts of one campaign: number 2 breaks, number 3 crashes."""
    numbers: list[int] = []

    def attempt(number: int, folder: Path) -> str | None:
        assert list(folder.iterdir()) == []
        numbers.append(number)
        if number == 3:
            raise RuntimeError("crashed")
        return "broke" if number == 2 else None

    monkeypatch.setattr("torture.mutated_audio.attempt", attempt)
    return numbers


def clock(monkeypatch: pytest.MonkeyPatch, ticks: int) -> None:
    """A clock on which each look costs a second and ``ticks`` attempts fit into the budget."""
    looks = iter(range(1000))
    monkeypatch.setattr(runner.time, "monotonic", lambda: float(next(looks)) * 10.0 / ticks)


def test_goes_on_where_it_stopped_and_tries_again_what_broke(
    tried: list[int], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    with monkeypatch.context() as patched:
        clock(patched, 5)
        assert runner.main(["mutated_audio", "--budget", "10"]) == 1
    first = len(tried)
    assert tried == list(range(1, first + 1))
    assert first >= 3
    said = capsys.readouterr().out
    assert "mutated_audio 2: broke" in said
    assert "mutated_audio 3: RuntimeError: crashed" in said
    monkeypatch.setattr("torture.mutated_audio.attempt", lambda number, _folder: tried.append(number))
    with monkeypatch.context() as patched:
        clock(patched, 5)
        assert runner.main(["mutated_audio", "--budget", "10"]) == 0
    assert tried[first : first + 3] == [2, 3, first + 1]


def test_one_attempt_again(tried: list[int], kept: Path) -> None:
    assert runner.main(["mutated_audio", "--only", "2"]) == 1
    assert tried == [2]
    assert not kept.exists()


def test_an_unknown_campaign_is_a_usage_error() -> None:
    with pytest.raises(SystemExit) as ended:
        runner.main(["nonsense"])
    assert ended.value.code == 2


@pytest.mark.parametrize("campaign", ["many_writers", "power_losses"])
def test_one_attempt_of_each_campaign_on_the_log_holds(campaign: str, tmp_path: Path) -> None:
    if campaign == "power_losses" and (sys.platform != "linux" or shutil.which("cc") is None):
        pytest.skip("the recorder of writes and syncs needs Linux and a C compiler")
    assert importlib.import_module(f"torture.{campaign}").attempt(1, tmp_path) is None


def test_a_disk_keeps_what_was_synced_and_may_lose_the_rest() -> None:
    disk = Disk(folders={"/r": 1})
    for step in (
        Step("C", 2, path="/r/a"),
        Step("W", 2, 0, b"safe"),
        Step("S", 2),
        Step("S", 1),
        Step("C", 3, path="/r/b"),
        Step("W", 2, 0, b"late"),
    ):
        disk.take(step)
    seen = [disk.cut(random.Random(seed)) for seed in range(40)]
    assert all(names["/r/a"] == 2 for names, _ in seen)
    assert {contents[2] for _, contents in seen} == {b"safe", b"late"}
    assert {"/r/b" in names for names, _ in seen} == {True, False}
