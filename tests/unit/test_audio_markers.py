"""Markers are read where each container keeps them; the reference writers here share no code with the readers."""

import struct
from pathlib import Path

import numpy as np
import pytest
import soundfile
from hypothesis import given, settings
from hypothesis import strategies as st

from tapehand.audio.markers import read_markers
from tapehand.audio.read_tags import read_tags

RATE_HZ = 44_100
NAMES = [(0, "Intro"), (44_100, "Verse 1"), (200_001, "Refrão")]


def sound_file(path: Path, kind: str) -> bytearray:
    soundfile.write(path, np.zeros(RATE_HZ // 10), RATE_HZ, format=kind, subtype="PCM_16")
    return bytearray(path.read_bytes())


def with_chunk(whole: bytearray, name: bytes, payload: bytes, order: str) -> bytes:
    body = whole[8:] + name + struct.pack(order + "I", len(payload)) + payload + b"\0" * (len(payload) % 2)
    return bytes(whole[:4] + struct.pack(order + "I", len(body)) + body)


def mark_chunk() -> bytes:
    parts = [struct.pack(">H", len(NAMES))]
    for number, (place, name) in enumerate(NAMES, start=1):
        text = name.encode("mac-roman")
        parts.append(struct.pack(">HI", number, place) + bytes([len(text)]) + text + b"\0" * ((len(text) + 1) % 2))
    return b"".join(parts)


def ixml_chunk(kind: str) -> bytes:
    points = "".join(
        f"<SYNC_POINT><SYNC_POINT_TYPE>{kind}</SYNC_POINT_TYPE><SYNC_POINT_FUNCTION>MARKER_GENERIC</SYNC_POINT_FUNCTION>"
        f"<SYNC_POINT_COMMENT>{name}</SYNC_POINT_COMMENT><SYNC_POINT_LOW>{place}</SYNC_POINT_LOW>"
        f"<SYNC_POINT_HIGH>0</SYNC_POINT_HIGH></SYNC_POINT>"
        for place, name in NAMES
    )
    slate = "<SYNC_POINT><SYNC_POINT_FUNCTION>SLATE_GENERIC</SYNC_POINT_FUNCTION></SYNC_POINT>"
    return f"<BWFXML><SYNC_POINT_LIST>{slate}{points}</SYNC_POINT_LIST></BWFXML>".encode()


def read(path: Path) -> list[tuple[int, str]]:
    return [(each.position_samples, each.name) for each in read_markers(path, RATE_HZ)]


def test_marks_of_aiff(tmp_path: Path) -> None:
    path = tmp_path / "a.aif"
    path.write_bytes(with_chunk(sound_file(path, "AIFF"), b"MARK", mark_chunk(), ">"))
    assert read(path) == NAMES
    assert soundfile.info(path).frames == RATE_HZ // 10


def test_sync_points_of_ixml(tmp_path: Path) -> None:
    path = tmp_path / "a.wav"
    path.write_bytes(with_chunk(sound_file(path, "WAV"), b"iXML", ixml_chunk("RELATIVE"), "<"))
    assert read(path) == NAMES


def test_chapters_of_ogg(tmp_path: Path) -> None:
    path = tmp_path / "a.flac"
    whole = sound_file(path, "FLAC")
    comments = [b"CHAPTER001=00:00:01.500", b"CHAPTER001NAME=Verse", b"CHAPTER002=nonsense", b"CHAPTER002NAME=Hook"]
    block = struct.pack("<I", 0) + struct.pack("<I", len(comments))
    block += b"".join(struct.pack("<I", len(each)) + each for each in comments)
    head = bytes([whole[4] & 0x7F]) + bytes(whole[5:42])
    path.write_bytes(b"fLaC" + head + bytes([0x84]) + len(block).to_bytes(3, "big") + block)
    assert read(path) == [(66_150, "Verse")]


@settings(max_examples=100, deadline=None)
@given(data=st.data())
def test_damaged_marks_are_left_out(tmp_path_factory: pytest.TempPathFactory, data: st.DataObject) -> None:
    path = tmp_path_factory.mktemp("marks") / "a.aif"
    payload = bytearray(mark_chunk())
    for _ in range(data.draw(st.integers(0, 5))):
        payload[data.draw(st.integers(0, len(payload) - 1))] = data.draw(st.integers(0, 255))
    cut = bytes(payload[: data.draw(st.integers(0, len(payload)))])
    path.write_bytes(with_chunk(sound_file(path, "AIFF"), b"MARK", cut, ">"))
    tags = read_tags(path)
    assert len(tags.markers) <= 65_535
    assert tags.notes or tags.markers or len(cut) >= 2
