"""The set-up without a network: stamps, pip's pinned wheel from any mirror, and one sentence for what can go wrong."""

import ast
import base64
import hashlib
import http.server
import importlib
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType

import pytest

WHEEL = b"not really a wheel"
NAME = "pip-26.3-py3-none-any.whl"


@pytest.fixture
def bootstrap(repository: Path, monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    monkeypatch.syspath_prepend(str(repository / "scripts"))
    return importlib.import_module("bootstrap")


@pytest.fixture
def pip_wheel(repository: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> ModuleType:
    """The fetcher, where no configuration of this machine reaches it."""
    monkeypatch.syspath_prepend(str(repository / "scripts"))
    module = importlib.import_module("pip_wheel")
    for variable in ("INDEX_URL", "EXTRA_INDEX_URL", "FIND_LINKS", "NO_INDEX", "CERT", "PROXY", "CONFIG_FILE"):
        monkeypatch.delenv(f"PIP_{variable}", raising=False)
    configuration = tmp_path / "pip.conf"
    configuration.touch()
    monkeypatch.setattr(module, "configuration_files", lambda: [configuration])
    return module


@pytest.fixture
def lock(tmp_path: Path) -> Path:
    path = tmp_path / "pip.txt"
    path.write_text(f"pip==26.3 \\\n    --hash=sha256:{hashlib.sha256(WHEEL).hexdigest()}\n")
    return path


class Mirror(http.server.BaseHTTPRequestHandler):
    """An index with relative addresses, below a path of its own, that may ask for a login."""

    login = ""
    wheel = WHEEL

    def do_GET(self) -> None:
        wanted = "Basic " + base64.b64encode(self.login.encode()).decode()
        if self.login and self.headers.get("Authorization") != wanted:
            self.send_error(401)
        elif self.path == "/deep/simple/pip/":
            self.answer(f'<a href="../../files/other.whl">x</a><a href="../../files/{NAME}#sha256=0">y</a>'.encode())
        elif self.path == f"/deep/files/{NAME}":
            self.answer(self.wheel)
        else:
            self.send_error(404)

    def answer(self, content: bytes) -> None:
        self.send_response(200)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    def log_message(self, format: str, *arguments: object) -> None:
        """Say nothing."""


@pytest.fixture
def mirror(monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    monkeypatch.setenv("no_proxy", "127.0.0.1")
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Mirror)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    yield f"127.0.0.1:{server.server_port}/deep/simple"
    server.shutdown()
    thread.join()
    server.server_close()


def test_pip_comes_from_the_mirror_in_the_environment(
    pip_wheel: ModuleType, lock: Path, tmp_path: Path, mirror: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PIP_INDEX_URL", f"http://{mirror}/")
    assert pip_wheel.fetch_pip_wheel(lock, tmp_path).read_bytes() == WHEEL


def test_pip_comes_from_a_further_index_of_the_configuration_with_a_login(
    pip_wheel: ModuleType, lock: Path, tmp_path: Path, mirror: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Mirror, "login", "ada:s@cret")
    closed = "http://127.0.0.1:9/simple"
    (tmp_path / "pip.conf").write_text(
        f"[global]\nindex_url = {closed}\nextra-index-url =\n    {closed}\n    http://ada:s%40cret@{mirror}\n"
    )
    assert pip_wheel.fetch_pip_wheel(lock, tmp_path).read_bytes() == WHEEL


def test_pip_comes_from_a_local_wheelhouse(
    pip_wheel: ModuleType, lock: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    house = tmp_path / "house"
    house.mkdir()
    (house / NAME).write_bytes(WHEEL)
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PIP_FIND_LINKS", f"/nowhere {house}")
    assert pip_wheel.fetch_pip_wheel(lock, tmp_path).read_bytes() == WHEEL


def test_another_hash_is_refused(
    pip_wheel: ModuleType, lock: Path, tmp_path: Path, mirror: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Mirror, "wheel", b"something else")
    monkeypatch.setenv("PIP_INDEX_URL", f"http://{mirror}")
    with pytest.raises(OSError, match="another hash"):
        pip_wheel.fetch_pip_wheel(lock, tmp_path)
    assert not (tmp_path / NAME).exists()


def test_no_network_is_one_sentence(
    pip_wheel: ModuleType, lock: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PIP_INDEX_URL", "http://127.0.0.1:9/simple")
    with pytest.raises(OSError, match="PIP_INDEX_URL") as caught:
        pip_wheel.fetch_pip_wheel(lock, tmp_path)
    assert "\n" not in str(caught.value)


def test_a_step_is_made_once(bootstrap: ModuleType, tmp_path: Path) -> None:
    source, product = tmp_path / "source", tmp_path / "product"
    source.write_text("one")
    made = []

    def make() -> None:
        made.append(1)
        product.write_text("made")

    def run() -> int:
        bootstrap.Step(tmp_path, "step", inputs=[source], make=make, products=lambda: [product]).run()
        return len(made)

    assert run() == run() == 1
    source.write_text("two")
    assert run() == run() == 2
    product.unlink()
    assert run() == run() == 3
    (tmp_path / ".stamps" / "step").write_bytes(b"\xff\xfe")
    assert run() == run() == 4


def test_a_step_without_its_product_is_no_success(bootstrap: ModuleType, tmp_path: Path) -> None:
    step = bootstrap.Step(tmp_path, "step", inputs=[], make=lambda: None, products=list)
    with pytest.raises(bootstrap.Stop, match="make clean"):
        step.run()
    assert not step.is_current()


@pytest.mark.parametrize(
    ("output", "sentence"),
    [
        ("WARNING: Retrying ... NewConnectionError(...)\nERROR: No matching distribution found for x==1", "network"),
        ("ERROR: No matching distribution found for numpy==9", "No wheel of numpy==9"),
        ("ERROR: THESE PACKAGES DO NOT MATCH THE HASHES FROM THE REQUIREMENTS FILE.", "not the one that was pinned"),
        ("ERROR: Could not install packages due to an OSError: [Errno 28] No space left on device", "disk is full"),
        ("SSLError(SSLCertVerificationError(1, '[SSL: CERTIFICATE_VERIFY_FAILED]", "certificate"),
        ("Traceback\n    OSError: Readme file does not exist\nerror: metadata", "Readme file does not exist"),
        ("", "does not say why"),
    ],
)
def test_what_pip_says_becomes_one_sentence(bootstrap: ModuleType, output: str, sentence: str) -> None:
    said = bootstrap.what_pip_says(output)
    assert sentence in said
    assert "\n" not in said


def test_an_old_python_can_read_the_bootstrap(repository: Path) -> None:
    """It must come as far as the sentence about versions, so nothing newer than 3.7 may stand in its grammar."""
    ast.parse((repository / "scripts" / "bootstrap.py").read_text(encoding="utf-8"), feature_version=(3, 7))


def test_bootstrap_needs_only_the_standard_library(repository: Path) -> None:
    for name in ("bootstrap.py", "pip_wheel.py"):
        tree = ast.parse((repository / "scripts" / name).read_text(encoding="utf-8"))
        imported = {alias.name for node in ast.walk(tree) if isinstance(node, ast.Import) for alias in node.names}
        imported |= {str(node.module) for node in ast.walk(tree) if isinstance(node, ast.ImportFrom)}
        assert {module.split(".")[0] for module in imported} - sys.stdlib_module_names <= {"pip_wheel"}
