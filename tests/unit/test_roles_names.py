"""Names as they come on track sheets, in several languages, and what they say."""

import random
import string
from pathlib import Path

import pytest

from tapehand.catalogue.loading import load
from tapehand.listening.names import read_name

NAMES = {
    "lead_vocal": [
        "Vox",
        "LeadVox",
        "Lead Vocal",
        "vox_lead",
        "Vocals30",
        "01 Lead Vox_01-03",
        "LD VOX comp",
        "Main Vocal.dup1",
        "Voz principal",
        "Gesang",
        "Voix Lead",
        "Voce",
        "wokal",
        "Vocal (bip)",
        "LV take 3",
        "Rap Verse 2",
        "acapella",
        "ボーカル",
        "Vox U87 tuned",
        "12_Vocal_Cm_140bpm",
        "VOZ LEAD",
        "Stimme 1",
        "Vocls",
    ],
    "double": ["Vox Dbl L", "Lead Vox Double", "LDV dbl", "Vocal Double 2", "LdVox dbl", "LV dbl", "Verse Vox Dbl 2"],
    "ad_lib": ["AdLibs", "Ad-lib 3", "vox_adlib_02", "Hype Vox"],
    "harmony": ["High Harmony", "Vox Harm 1", "bgvox_harmony_glitch", "Harmonies L"],
    "backing_vocal": [
        "bgvox_1",
        "BGV 3",
        "BV_stack",
        "Backing Vox L",
        "bgvox_alt",
        "Oohs",
        "Coros",
        "Gang Vox",
        "Choeurs",
    ],
    "speech": ["Narration", "VO", "Spoken Word", "Dialogue 2"],
    "kick": [
        "Kik in",
        "Kick Out",
        "KICK",
        "BD",
        "Bass Drum",
        "off_kick",
        "01-Kick_01",
        "Bombo",
        "Grosse Caisse",
        "Kick Sub.dup2",
        "kickin",
        "SubKick",
        "Bumbo",
        "Stopa",
        "kikku",
    ],
    "snare": [
        "Snare Top",
        "SNR bot",
        "SD",
        "snare_build",
        "Caixa",
        "Caisse claire",
        "snaretop",
        "Sn Top 57",
        "Rullante",
        "Werbel",
        "Snare (bip)_02",
    ],
    "toms": ["Rack Tom", "Floor Tom", "toms", "Tom 2", "FT", "Standtom"],
    "hats": ["HiHat", "HH", "hh_glitch", "alt_hh", "Hi-Hat_03", "hats", "Chimbal", "Closed Hat 2", "OpenHat"],
    "cymbals": ["crash_fade", "Ride", "Cymbals", "Becken", "Platillos", "Piatti"],
    "overheads": ["OHL", "OH R", "Overheads", "OverheadL", "Drums OH", "OH_L.01", "overheadr", "OVHD"],
    "room": ["Room Mic", "Drum Room L", "Far Room", "AMB", "Sala", "Raum", "Room_St_U87"],
    "drums": [
        "Drums",
        "Drum Loop",
        "break_beat",
        "breakbeat",
        "BassDrums30",
        "bassdrums",
        "kick_hats",
        "end_drums",
        "DRM BUS",
        "Schlagzeug",
        "Batteria",
        "Bateria",
        "Perkusja",
        "Kick+Snare",
        "ドラム",
        "Drums 2 mix",
    ],
    "percussion": [
        "Claps",
        "Shaker",
        "TAMB",
        "Congas L",
        "perc loop 3",
        "Cowbell",
        "Pandeiro",
        "Finger Snaps",
        "Palmas",
    ],
    "bass": [
        "Bass DI",
        "sy_bass",
        "808",
        "808 Bass",
        "Sub",
        "BASS AMP",
        "Bajo",
        "Baixo",
        "Basse",
        "Basso",
        "Kontrabass",
        "Reese",
        "E-Bass",
        "Synth Bass 2",
        "bs",
        "ベース",
        "Bass Gtr",
        "gitara basowa",
    ],
    "electric_guitar": [
        "GTR 2 DI",
        "Guitar30",
        "Lead Gtr",
        "EGtr L",
        "El Gtr R",
        "Rhythm Guitar",
        "Gitarre",
        "Guitarra",
        "Chitarra",
        "E-Gitarre",
        "gtrs",
        "Guitare électrique",
        "GtrDI",
        "Strat clean",
        "Gitara",
        "Guitr solo",
    ],
    "acoustic_guitar": [
        "Acoustic Gtr",
        "AcGtr",
        "Violão",
        "Nylon",
        "Ukulele",
        "A-Gitarre",
        "Guitare acoustique",
        "Banjo",
        "12 string",
        "akogi",
    ],
    "piano": ["Piano", "PNO L", "Grand Piano", "Flügel", "Fluegel", "Pianoforte", "Fortepian"],
    "keys": [
        "Keys",
        "Rhodes",
        "Wurli",
        "PianoSynth30",
        "mallet",
        "Teclado",
        "Klawisze",
        "EP",
        "Tastiera",
        "Marimba",
        "E-Piano",
    ],
    "organ": ["Organ", "Hammond B3", "Orgel", "B3", "Akkordeon"],
    "pad": ["Pad", "melody_pad", "echo_pad", "Warm Pads", "Drone", "Flächen", "Nappe"],
    "synth": [
        "Synth",
        "arp_dist",
        "pluck",
        "Lead Synth",
        "Supersaw 2",
        "Stab",
        "Vocal Chops",
        "Sintetizador",
        "Arp_Am_124",
    ],
    "strings": ["Strings", "Vln 1", "Cello", "Streicher", "Cuerdas", "Archi", "Violine 2", "Skrzypce", "Violoncelle"],
    "brass": ["Trumpet", "Tpt 2", "Horns", "Trombón", "Posaune", "Tromba", "Brass section", "Trąbka"],
    "winds": ["Flute", "Alto Sax", "Saxophon", "Clarinet", "Flauta", "Oboe", "Saksofon"],
    "choir": ["Choir", "Chor", "Coro", "SATB", "Gospel Choir"],
    "beat": ["Instrumental", "2track", "Beat", "Backing Track", "Type Beat", "karaoke"],
    "fx": [
        "FX",
        "Riser",
        "edm_build",
        "build",
        "microcosm_effect",
        "Impact 2",
        "Vox Verb",
        "White Noise",
        "SFX 3",
        "Downlifter",
        "Geräusch",
        "Efekty",
    ],
    "click": ["Click", "Click Track", "Metronome", "Klick", "Claqueta", "CLK"],
    "talkback": ["Talkback", "TB Mic", "Slate"],
    "rough_mix": ["Rough Mix", "RoughMix_v2", "Mixdown", "Ref Mix", "Master", "Song_final_mix", "Stereo Out", "Mezcla"],
    None: ["Audio 01", "Track 12", "01-03", "Take 3", "", "Gm 124bpm", "New Recording 44", "xqzzt", "😀", "\x1b[31m"],
}


def _cases() -> list[tuple[str, str | None]]:
    return [(name, role) for role, names in NAMES.items() for name in names]


@pytest.mark.parametrize(("name", "role"), _cases())
def test_a_name_says_its_role(name: str, role: str | None) -> None:
    reading = read_name(name)
    assert reading.role == role
    assert reading.confidence == 0.0 if role is None else reading.confidence >= 0.7


def test_the_table_is_long_enough_to_mean_something() -> None:
    assert len(_cases()) >= 200


@pytest.mark.parametrize(
    "decoration", ["{}_01-03", "03 {}", "{}.dup1", "{} (bip)", "{}_120bpm", "{} Take 7", "{}-edit"]
)
def test_what_a_workstation_adds_changes_nothing(decoration: str) -> None:
    for role, names in NAMES.items():
        if role is not None:
            assert [n for n in names if read_name(decoration.format(n)).role != role] == []


def test_nonsense_is_never_named_with_confidence() -> None:
    generator = random.Random(11)
    words = ["".join(generator.choices(string.ascii_lowercase, k=generator.randint(6, 10))) for _ in range(400)]
    sure = [word for word in words if read_name(word).confidence >= 0.7]
    assert len(sure) <= 2, sure


@pytest.mark.parametrize(
    ("name", "side"),
    [
        ("OHL", "left"),
        ("OH R", "right"),
        ("Gtr L", "left"),
        ("Vox.R", "right"),
        ("Gitarre links", "left"),
        ("Guitar", None),
        ("Gtr 1", None),
        ("gtr", None),
        ("GtrL", "left"),
        ("DX7", None),
        ("overheadr", "right"),
        ("L", None),
        ("Snare", None),
        ("Vocal", None),
        ("Overhead_L_01", "left"),
    ],
)
def test_the_side_of_a_pair(name: str, side: str | None) -> None:
    assert read_name(name).side == side


def test_a_bare_lead_is_only_a_hint() -> None:
    assert read_name("Lead").role == "lead_vocal"
    assert read_name("Lead").confidence < 0.7


def test_every_role_stands_in_a_known_group() -> None:
    catalogue = load("roles")
    assert {facts["group"] for facts in catalogue["roles"].values()} <= set(catalogue["groups"])


def test_every_real_stem_is_read_by_its_name(material: Path) -> None:
    silent = [path.stem for path in sorted((material / "multitrack").glob("*/*")) if read_name(path.stem).role is None]
    assert silent == []
