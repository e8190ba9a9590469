"""What files say beside their sound: it comes back, others read it too, and nothing ill-formed gets through."""

import json
import shutil
import string
import struct
import subprocess
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import soundfile
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tapehand.audio import Audio, io, ixml
from tapehand.audio.id3 import id3_tags
from tapehand.audio.read_tags import read_tags
from tapehand.audio.tags import Broadcast, BroadcastLoudness, Marker, Tags, plain_isrc
from tapehand.errors import InputError

FEW = settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
SOUND = Audio.of(np.random.default_rng(7).uniform(-0.5, 0.5, (2, 5_000)), 48_000)
WORDS = st.text(st.characters(exclude_categories=["Cs", "Cc", "Zs", "Zl", "Zp"]), min_size=1, max_size=20)
SHORT = st.text(string.ascii_letters + string.digits + ":-._", max_size=8)
HUNDREDTHS = st.none() | st.integers(-9_000, 9_000).map(lambda value: value / 100)
LOUDNESS = st.builds(
    BroadcastLoudness,
    integrated_lufs=st.integers(-9_000, 0).map(lambda value: value / 100),
    range_lu=HUNDREDTHS,
    max_true_peak_dbtp=HUNDREDTHS,
    max_momentary_lufs=HUNDREDTHS,
    max_short_term_lufs=HUNDREDTHS,
)
BROADCASTS = st.builds(
    Broadcast,
    description=WORDS,
    originator=SHORT,
    originator_reference=SHORT,
    date=SHORT,
    time_of_day=SHORT,
    time_reference_samples=st.integers(0, 2**64 - 1),
    umid=st.just(b"") | st.binary(min_size=64, max_size=64).filter(any),
    loudness=st.none() | LOUDNESS,
    coding_history=SHORT,
)
MARKERS = st.lists(
    st.builds(Marker, position_samples=st.integers(0, 2**32 - 1), length_samples=st.integers(0, 2**31), name=SHORT),
    max_size=5,
).map(lambda markers: tuple(sorted(markers, key=lambda marker: marker.position_samples)))
NAMES = st.sampled_from(["TITLE", "ARTIST", "ALBUM", "TRACKNUMBER", "DATE", "GENRE", "COMMENT", "ENGINEER"])
TEXTS = st.lists(st.tuples(NAMES, WORDS), max_size=5).map(tuple)
ISRCS = st.sampled_from(["", "GBAYE0601498", "DEA620012345"])
IXML = st.builds(ixml.IxmlFields, project=WORDS, note=WORDS).map(ixml.document) | st.just("")
TAGS = st.builds(Tags, texts=TEXTS, isrc=ISRCS, broadcast=st.none() | BROADCASTS, ixml=IXML, markers=MARKERS)


@FEW
@given(TAGS, st.sampled_from(["PCM_16", "PCM_24", "FLOAT"]))
def test_a_wav_gives_back_every_tag_and_every_sample(tmp_path, tags, subtype):
    path = tmp_path / "x.wav"
    io.write(path, SOUND, subtype, tags=tags, overwrite=True)
    assert read_tags(path) == tags
    decoded = io.decode(path)
    assert (decoded.damage, decoded.facts.decoder) == (None, "tapehand")
    theirs, _ = soundfile.read(path, dtype="float32")
    assert np.array_equal(decoded.audio.samples, theirs.T)


@FEW
@given(TAGS)
def test_a_flac_gives_back_texts_and_code_and_every_sample(tmp_path, tags):
    path = tmp_path / "x.flac"
    io.write(path, SOUND, tags=tags, overwrite=True)
    assert read_tags(path) == Tags(texts=tags.texts, isrc=tags.isrc)
    assert io.decode(path).damage is None
    theirs, _ = soundfile.read(path, dtype="float32")
    assert np.abs(theirs.T - SOUND.samples).max() <= 2.0**-23


@pytest.mark.parametrize("suffix", [".wav", ".flac"])
def test_libsndfile_reads_the_same_words_and_the_bytes_are_the_same_each_time(tmp_path, suffix):
    tags = Tags(texts=(("TITLE", "Größe"), ("ARTIST", "a & b"), ("DATE", "2026")), isrc="GBAYE0601498")
    for name in ("a", "b"):
        io.write(tmp_path / f"{name}{suffix}", SOUND, tags=tags)
    assert (tmp_path / f"a{suffix}").read_bytes() == (tmp_path / f"b{suffix}").read_bytes()
    with soundfile.SoundFile(tmp_path / f"a{suffix}") as file:
        assert (file.title, file.artist, file.date) == ("Größe", "a & b", "2026")


def test_a_large_flac_keeps_its_sound_when_it_moves(tmp_path):
    audio = Audio.of(np.random.default_rng(1).uniform(-1, 1, (2, 400_000)), 48_000)
    for size in (0, 100, 300_000):
        io.write(tmp_path / "x.flac", audio, tags=Tags(texts=(("COMMENT", "x" * size),)), overwrite=True)
        assert io.decode(tmp_path / "x.flac").damage is None  # the checksum of all samples among others


@pytest.mark.skipif(shutil.which("ffprobe") is None, reason="ffprobe is not installed")
def test_another_program_reads_the_broadcast_fields(tmp_path):
    broadcast = Broadcast(
        description="Lead vocal", originator="Studio", date="2026-03-01", time_of_day="10:20:30",
        time_reference_samples=48_000 * 3_600 + 5, loudness=BroadcastLoudness(integrated_lufs=-14.25),
    )  # fmt: skip
    io.write(tmp_path / "x.wav", SOUND, tags=Tags(broadcast=broadcast))
    command = ["ffprobe", "-v", "quiet", "-of", "json", "-show_format", str(tmp_path / "x.wav")]
    told = json.loads(subprocess.run(command, capture_output=True, check=True).stdout)["format"]["tags"]
    assert told["time_reference"] == "172800005"
    assert (told["comment"], told["encoded_by"], told["date"]) == ("Lead vocal", "Studio", "2026-03-01")


def test_loudness_is_in_hundredths_at_the_place_of_the_standard(tmp_path):
    loudness = BroadcastLoudness(integrated_lufs=-23.456, range_lu=7.0, max_true_peak_dbtp=-1.0)
    io.write(tmp_path / "x.wav", SOUND, tags=Tags(broadcast=Broadcast(loudness=loudness)))
    payload = (tmp_path / "x.wav").read_bytes()
    start = payload.index(b"bext") + 8
    assert struct.unpack_from("<H", payload, start + 346) == (2,)
    assert struct.unpack_from("<5h", payload, start + 412) == (-2346, 700, -100, 0x7FFF, 0x7FFF)


def test_the_recording_code_is_not_the_source_of_an_info_list(tmp_path):
    info = b"INFO" + b"ISRC" + struct.pack("<I", 8) + b"Studio\0\0"
    io.write(tmp_path / "x.wav", SOUND)
    payload = (tmp_path / "x.wav").read_bytes()
    (tmp_path / "x.wav").write_bytes(payload + b"LIST" + struct.pack("<I", len(info)) + info)
    assert read_tags(tmp_path / "x.wav") == Tags(texts=(("SOURCE", "Studio"),))


@pytest.mark.parametrize(
    ("written", "plain"),
    [("GB-AYE-06-01498", "GBAYE0601498"), ("isrc: deA620012345", "DEA620012345"), ("12345", ""), ("", "")],
)
def test_recording_codes(written, plain):
    assert plain_isrc(written) == plain


class TestIxml:
    BASIS = (
        '<?xml version="1.0"?><BWFXML><IXML_VERSION>1.5</IXML_VERSION><PROJECT>Old</PROJECT><UBITS>1</UBITS>'
        "<TRACK_LIST><TRACK_COUNT>1</TRACK_COUNT><TRACK><CHANNEL_INDEX>3</CHANNEL_INDEX><INTERLEAVE_INDEX>1"
        "</INTERLEAVE_INDEX><NAME>Boom</NAME><VENDOR>x</VENDOR></TRACK></TRACK_LIST></BWFXML>"
    )

    def test_reads(self):
        told = ixml.fields(self.BASIS)
        assert told == ixml.IxmlFields(project="Old", tracks=(ixml.IxmlTrack(channel=1, name="Boom"),))

    def test_what_is_not_known_stays(self):
        told = ixml.fields(self.BASIS)
        written = ixml.document(replace(told, project="New", note="n"), self.BASIS)
        for kept in ("<UBITS>1</UBITS>", "<VENDOR>x</VENDOR>", "<CHANNEL_INDEX>3</CHANNEL_INDEX>", "1.5"):
            assert kept in written
        assert ixml.fields(written) == replace(told, project="New", note="n")

    @pytest.mark.parametrize(
        "document",
        [
            '<!DOCTYPE a [<!ENTITY b "c">]><BWFXML><PROJECT>&b;</PROJECT></BWFXML>',
            "<BWFXML>" + "<a>" * 50_000,
            "<BWFXML>" + "<a>" * 50_000 + "</a>" * 50_000 + "</BWFXML>",
            "<OTHER/>",
            "",
            "text",
        ],
    )
    def test_what_is_none_is_none(self, document):
        assert ixml.fields(document) is None


def syncsafe(size: int) -> bytes:
    return bytes([size >> 21 & 127, size >> 14 & 127, size >> 7 & 127, size & 127])


def id3_frame(name: bytes, body: bytes, version: int) -> bytes:
    size = len(body)
    digits = syncsafe(size) if version == 4 else struct.pack(">I", size)
    if version == 2:
        return name + struct.pack(">I", size)[1:] + body
    return name + digits + b"\0\0" + body


def id3(frames: bytes, version: int, flags: int = 0) -> bytes:
    return b"ID3" + bytes([version, 0, flags]) + syncsafe(len(frames)) + frames


class TestId3:
    @pytest.mark.parametrize("version", [2, 3, 4])
    def test_every_version_and_encoding(self, version):
        names = (b"TIT2", b"TPE1", b"TSRC", b"COMM", b"TXXX")
        if version == 2:
            names = (b"TT2", b"TP1", b"TRC", b"COM", b"TXX")
        frames = b"".join(
            id3_frame(name, body, version)
            for name, body in zip(
                names,
                (
                    b"\0Fr\xfchling",
                    b"\x01" + "名前".encode("utf-16"),
                    b"\0GB-AYE-06-01498\0",
                    b"\x01eng" + b"\xff\xfe\0\0" + "hello".encode("utf-16"),
                    "\x03Mood\0Größe".encode(),
                ),
                strict=True,
            )
        )
        expected = (("TITLE", "Frühling"), ("ARTIST", "名前"), ("COMMENT", "hello"), ("MOOD", "Größe"))
        assert id3_tags(id3(frames, version) + b"more") == Tags(texts=expected, isrc="GBAYE0601498")

    def test_unsynchronised(self):
        body = b"\x01" + "ÿx".encode("utf-16-be").join([b"\xfe\xff", b""])
        frames = id3_frame(b"TIT2", body, 3).replace(b"\xff", b"\xff\x00")
        assert id3_tags(id3(frames, 3, 0x80)).text("TITLE") == "ÿx"

    @pytest.mark.skipif(shutil.which("ffmpeg") is None, reason="ffmpeg is not installed")
    @pytest.mark.parametrize("version", ["3", "4"])
    def test_tags_of_another_program(self, tmp_path, version):
        io.write(tmp_path / "x.wav", SOUND)
        command = ["ffmpeg", "-v", "error", "-i", str(tmp_path / "x.wav"), "-id3v2_version", version]
        command += ["-metadata", "title=Größe", "-metadata", "artist=名", "-metadata", "TSRC=DEA620012345"]
        subprocess.run([*command, str(tmp_path / "x.mp3")], check=True)
        tags = read_tags(tmp_path / "x.mp3")
        assert (tags.text("TITLE"), tags.text("ARTIST"), tags.isrc) == ("Größe", "名", "DEA620012345")


def test_ogg_comments(tmp_path):
    with soundfile.SoundFile(tmp_path / "x.ogg", "w", 48_000, 2) as file:
        file.title, file.artist = "Größe", "b"
        file.write(SOUND.samples.T)
    assert read_tags(tmp_path / "x.ogg").text("TITLE") == "Größe"


@FEW
@given(st.data(), st.sampled_from([".wav", ".flac", ".mp3"]))
def test_ill_formed_tags_are_noted_or_left_out_never_raised(tmp_path, drawn, suffix):
    path = tmp_path / f"x{suffix}"
    if suffix == ".mp3":
        frames = b"".join(id3_frame(name, b"\x01\xff\xfea\0b\0", 3) for name in (b"TIT2", b"COMM", b"TXXX", b"TSRC"))
        flags = drawn.draw(st.sampled_from([0, 0x80, 0x40, 0xC0]))
        payload = bytearray(id3(frames, drawn.draw(st.integers(2, 4)), flags))
    else:
        markers = (Marker(position_samples=5, length_samples=2, name="a"), Marker(position_samples=9))
        texts, code = (("TITLE", "a"),), "GBAYE0601498"
        tags = Tags(texts=texts, isrc=code, broadcast=Broadcast(), ixml=TestIxml.BASIS, markers=markers)
        io.write(path, SOUND.span(0, 8), tags=tags, overwrite=True)
        payload = bytearray(path.read_bytes())
    for _ in range(drawn.draw(st.integers(1, 8))):
        payload[drawn.draw(st.integers(4, len(payload) - 1))] = drawn.draw(st.integers(0, 255))
    path.write_bytes(payload[: drawn.draw(st.integers(14, len(payload)))])
    told = read_tags(path)
    assert all(isinstance(text, str) for pair in told.texts for text in pair)


def test_only_files_that_cannot_be_opened_are_refused(tmp_path):
    with pytest.raises(InputError):
        read_tags(tmp_path / "none.wav")
    (tmp_path / "notes.txt").write_text("hello")
    assert read_tags(tmp_path / "notes.txt") == Tags()


def test_real_files_tell_something_or_nothing(material: Path):
    for path in sorted(material.rglob("*.*")):
        if path.suffix.lower() in (".wav", ".flac", ".mp3", ".ogg"):
            assert isinstance(read_tags(path), Tags)
    flac = sorted((material / "odd-audio" / "ietf-flac").glob("*.flac"))
    assert sum(bool(read_tags(path).texts) for path in flac) == 2  # as ffprobe has it
