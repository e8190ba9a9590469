"""What was heard of a recording, kept as bytes, is read back as it was; damaged bytes are never taken for it."""

from dataclasses import fields, is_dataclass, replace
from functools import cache

import numpy as np
import pytest
from bench.listening.injectors import FAULTS
from bench.listening.stems import RATE_HZ, stem
from hypothesis import given, settings
from hypothesis import strategies as st

from tapehand.audio import Audio
from tapehand.audio.facts import Damage
from tapehand.errors import InputError
from tapehand.listening.heard_record import NoRecord, packed, unpacked
from tapehand.listening.heard_track import HeardTrack
from tapehand.listening.listener import hear_track
from tapehand.listening.sources import FileSound, HeldSound, Recording


def recording_of(audio, name="Take 3"):
    return Recording(id="t01", name=name, rate_hz=audio.rate_hz, sound=HeldSound(audio), path="take 3.wav")


def leaves(noun):
    """Every number, text and array of a noun, with its type."""
    if is_dataclass(noun):
        return [leaf for each in fields(noun) for leaf in leaves(getattr(noun, each.name))]
    if isinstance(noun, tuple):
        return [leaf for each in noun for leaf in leaves(each)]
    return [noun]


def assert_same(first: HeardTrack, second: HeardTrack):
    assert first.faults == second.faults
    assert list(map(repr, leaves(first.faults))) == list(map(repr, leaves(second.faults)))
    assert (first.guess, first.channels, first.length_samples) == (second.guess, second.channels, second.length_samples)
    assert (first.damage, first.is_lossy) == (second.damage, second.is_lossy)
    for name in ("coded", "bands", "levels"):
        one, other = getattr(first.compact, name), getattr(second.compact, name)
        assert (one.dtype, one.shape) == (other.dtype, other.shape)
        assert one.tobytes() == other.tobytes()
    assert first.compact.coding_gain == second.compact.coding_gain
    assert first.compact.frames_per_s == second.compact.frames_per_s
    assert (first.findings(), first.facts()) == (second.findings(), second.facts())


@cache
def heard_take():
    made = FAULTS["clicks"].plant(np.random.default_rng(1), stem("voice", 1, 6.0), "clear")
    return hear_track(recording_of(Audio.of(made.sound, RATE_HZ)))


@pytest.mark.parametrize("label", sorted(FAULTS))
def test_every_kind_of_fault_is_read_back_as_it_was_heard(label):
    fault = FAULTS[label]
    made = fault.plant(np.random.default_rng(2), stem(fault.stems[0], 2, 6.0), "clear")
    heard = hear_track(recording_of(Audio.of(made.sound, RATE_HZ)))
    assert_same(heard, unpacked(packed(heard), heard.recording))


@pytest.mark.parametrize(
    "audio", [Audio.silence(2, 0, 48_000), Audio.silence(1, 1, 8_000), Audio.silence(2, 70_000, 44_100)]
)
def test_nothing_at_all_is_read_back(audio):
    heard = hear_track(recording_of(audio))
    assert_same(heard, unpacked(packed(heard), heard.recording))


def test_damage_and_loss_are_kept():
    damage = Damage(decoded_samples=5, announced_samples=None, reason="end_missing")
    heard = replace(heard_take(), damage=damage, is_lossy=True)
    assert_same(heard, unpacked(packed(heard), heard.recording))


def test_a_name_that_says_enough_outranks_what_the_ear_guessed():
    record = packed(heard_take())
    named = unpacked(record, recording_of(Audio.silence(1, 1, RATE_HZ), "Lead Vox"))
    assert (named.guess.role, named.guess.told_by) == ("lead_vocal", "name")
    assert unpacked(record, heard_take().recording).guess == heard_take().guess


def test_real_files_are_read_back(material):
    for path in sorted((material / "odd-audio").rglob("*.wav"))[:6]:
        recording = Recording(id="a", name=path.stem, rate_hz=44_100, sound=FileSound(path), path=str(path))
        try:
            heard = hear_track(recording)
        except InputError:  # what cannot be read is told of elsewhere
            continue
        assert_same(heard, unpacked(packed(heard), recording))


@settings(max_examples=60, deadline=None)
@given(share=st.floats(0.0, 1.0), how=st.sampled_from(["cut", "text", "longer"]))
def test_damaged_bytes_are_no_record(share, how):
    record = bytearray(packed(heard_take()))
    text_end = 16 + int.from_bytes(record[8:12], "little")
    if how == "cut":
        record = record[: int(share * (len(record) - 1))]
    elif how == "longer":
        record += b"\0" * (1 + int(share * 40))
    else:
        record[int(share * (text_end - 1))] ^= 0x15
    with pytest.raises(NoRecord):
        unpacked(bytes(record), heard_take().recording)
