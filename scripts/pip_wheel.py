"""Fetch pip's pinned wheel without pip, from wherever pip itself is configured to look. Standard library only."""

import base64
import configparser
import hashlib
import html.parser
import os
import re
import ssl
import sys
import urllib.parse
import urllib.request
from collections.abc import Iterator
from pathlib import Path

PUBLIC_INDEX = "https://pypi.org/simple"
TIMEOUT_S = 60.0


def fetch_pip_wheel(lock: Path, folder: Path) -> Path:
    """Save pip's wheel, as pinned in ``lock``, in ``folder``; raises OSError with a sentence when none is found."""
    text = lock.read_text(encoding="utf-8")
    pinned = re.search(r"^pip==(\S+)", text, re.MULTILINE)
    hashes = set(re.findall(r"--hash=sha256:([0-9a-f]{64})", text))
    if pinned is None:
        raise OSError(f"{lock} pins no pip")
    name = f"pip-{pinned[1]}-py3-none-any.whl"
    settings = pip_settings()
    troubles = []
    for address in places(settings, name):
        try:
            content = fetch(address, settings)
        except (OSError, ValueError) as error:
            troubles.append(str(error))
            continue
        if hashlib.sha256(content).hexdigest() in hashes:
            wheel = folder / name
            wheel.write_bytes(content)
            return wheel
        troubles.append("a file of that name has another hash than the pinned one")
    reasons = "; ".join(dict.fromkeys(troubles)) or "no configured index has it"
    raise OSError(f"{name} was not found ({reasons}). Check the network, or name your mirror in PIP_INDEX_URL")


def places(settings: dict[str, str], name: str) -> Iterator[str]:
    """Addresses to try, in pip's order: local wheelhouses, then each index's page of pip."""
    for folder in settings.get("find-links", "").split():
        path = Path(folder.removeprefix("file://")).expanduser() / name
        if path.is_file():
            yield path.resolve().as_uri()
    if settings.get("no-index", "").lower() in ("1", "true", "yes", "on"):
        return
    indexes = [settings.get("index-url", PUBLIC_INDEX), *settings.get("extra-index-url", "").split()]
    for index in indexes:
        yield from linked(index.rstrip("/") + "/pip/", name, settings)


def linked(page: str, name: str, settings: dict[str, str]) -> Iterator[str]:
    """Where an index page links the file ``name``; a page that cannot be read is given back, to fail by name."""
    try:
        text = fetch(page, settings).decode("utf-8", "replace")
    except (OSError, ValueError):
        yield page
        return
    for link in links(text):
        address = urllib.parse.urljoin(page, link)  # mirrors answer with relative addresses
        if urllib.parse.unquote(urllib.parse.urlsplit(address).path).endswith("/" + name):
            yield with_login(address, page)


def links(text: str) -> list[str]:
    """Every link of an index page."""
    found: list[str] = []

    class Reader(html.parser.HTMLParser):
        def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
            found.extend(value for key, value in attrs if tag == "a" and key == "href" and value)

    Reader().feed(text)
    return found


def with_login(address: str, page: str) -> str:
    """``address`` with the login of ``page`` when both are on the same host, as pip does."""
    target, source = urllib.parse.urlsplit(address), urllib.parse.urlsplit(page)
    if target.hostname != source.hostname or "@" in target.netloc:
        return address
    return target._replace(netloc=source.netloc).geturl()


def fetch(address: str, settings: dict[str, str]) -> bytes:
    """The bytes at ``address``, through the proxy and with the certificates that pip would use."""
    parts = urllib.parse.urlsplit(address)
    login, _, host = parts.netloc.rpartition("@")
    request = urllib.request.Request(parts._replace(netloc=host, fragment="").geturl())
    if login:
        coded = base64.b64encode(urllib.parse.unquote(login).encode()).decode()
        request.add_header("Authorization", f"Basic {coded}")
    handlers: list[urllib.request.BaseHandler] = [
        urllib.request.HTTPSHandler(context=ssl.create_default_context(cafile=settings.get("cert") or None))
    ]
    if proxy := settings.get("proxy"):
        handlers.append(urllib.request.ProxyHandler({"http": proxy, "https": proxy}))
    with urllib.request.build_opener(*handlers).open(request, timeout=TIMEOUT_S) as answer:
        content: bytes = answer.read()
    return content


def pip_settings() -> dict[str, str]:
    """What pip's files and the environment say about indexes; the later and nearer word wins."""
    reader = configparser.RawConfigParser()
    if os.environ.get("PIP_CONFIG_FILE") != os.devnull:
        reader.read(configuration_files(), encoding="utf-8")
    settings: dict[str, str] = {}
    for section in ("global", "download", "install"):
        if reader.has_section(section):
            settings |= {key.replace("_", "-"): value.strip() for key, value in reader.items(section)}
    for key in ("index-url", "extra-index-url", "find-links", "no-index", "cert", "proxy"):
        if value := os.environ.get("PIP_" + key.upper().replace("-", "_")):
            settings[key] = value
    return settings


def configuration_files() -> list[Path]:
    """Where pip keeps its configuration: the system's, the person's, this Python's, and a named file."""
    home = Path.home()
    person = Path(os.environ.get("XDG_CONFIG_HOME") or home / ".config")
    system = [Path(folder) / "pip" / "pip.conf" for folder in os.environ.get("XDG_CONFIG_DIRS", "/etc/xdg").split(":")]
    files = [*system, Path("/etc/pip.conf"), home / ".pip" / "pip.conf", person / "pip" / "pip.conf"]
    if sys.platform == "darwin":
        files.append(home / "Library" / "Application Support" / "pip" / "pip.conf")
    files.append(Path(sys.prefix) / "pip.conf")
    if named := os.environ.get("PIP_CONFIG_FILE"):
        files.append(Path(named))
    return files
