"""iXML: what a recorder or DAW writes about a take, as XML inside a WAV. What is not known here is passed through.

Documents with a DTD are not read: nothing in iXML needs one, and entities can blow up a kilobyte into gigabytes.
"""

import xml.etree.ElementTree as ElementTree
from dataclasses import dataclass
from typing import Final

ROOT: Final = "BWFXML"
VERSION: Final = "1.61"
PLAIN_FIELDS: Final = {"project": "PROJECT", "scene": "SCENE", "take": "TAKE", "tape": "TAPE", "note": "NOTE"}


@dataclass(frozen=True, slots=True, kw_only=True)
class IxmlTrack:
    """One recorded channel; ``channel`` counts from 1 in the file."""

    channel: int
    name: str
    function: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class SyncPoint:
    """A marked place: samples from the file's start where it ``is_relative``, else from midnight. Only read here."""

    comment: str
    position_samples: int
    length_samples: int = 0
    is_relative: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class IxmlFields:
    """The fields of an iXML document that are read and written here; empty where it has none."""

    project: str = ""
    scene: str = ""
    take: str = ""
    tape: str = ""
    note: str = ""
    tracks: tuple[IxmlTrack, ...] = ()
    points: tuple[SyncPoint, ...] = ()


def fields(document: str) -> IxmlFields | None:
    """The known fields of a document; None where it is ill-formed or has a DTD."""
    root = _parsed(document)
    if root is None:
        return None
    plain = {field: (root.findtext(element) or "").strip() for field, element in PLAIN_FIELDS.items()}
    found = [_track(track, number) for number, track in enumerate(root.findall("TRACK_LIST/TRACK"), start=1)]
    points = [_point(point) for point in root.findall("SYNC_POINT_LIST/SYNC_POINT")]
    return IxmlFields(tracks=tuple(found), points=tuple(each for each in points if each is not None), **plain)


def document(values: IxmlFields, basis: str = "") -> str:
    """A document with these fields; everything else of ``basis`` stays as it is there."""
    root = _parsed(basis) if basis else None
    if root is None:
        root = ElementTree.Element(ROOT)
        _set(root, "IXML_VERSION", VERSION)
    for field, element in PLAIN_FIELDS.items():
        _set(root, element, getattr(values, field))
    if values.tracks:
        _set_tracks(root, values.tracks)
    return '<?xml version="1.0" encoding="UTF-8"?>\n' + ElementTree.tostring(root, encoding="unicode")


def _parsed(document: str) -> ElementTree.Element | None:
    if "<!" in document.replace("<!--", "").replace("<![CDATA[", ""):
        return None
    try:
        root = ElementTree.fromstring(document)  # noqa: S314  a document that declares entities does not come so far
        ElementTree.tostring(root)
    except (ElementTree.ParseError, ValueError, RecursionError):
        return None
    return root if root.tag == ROOT else None


def _track(track: ElementTree.Element, number: int) -> IxmlTrack:
    told = (track.findtext("INTERLEAVE_INDEX") or track.findtext("CHANNEL_INDEX") or "").strip()
    channel = int(told) if told.isascii() and told.isdigit() and len(told) < 5 else number
    name, function = (track.findtext("NAME") or "").strip(), (track.findtext("FUNCTION") or "").strip()
    return IxmlTrack(channel=channel, name=name, function=function)


def _point(point: ElementTree.Element) -> SyncPoint | None:
    """A marker; slates and what a recorder syncs by say nothing about the music."""
    numbers = [(point.findtext(f"SYNC_POINT_{name}") or "0").strip() for name in ("LOW", "HIGH", "EVENT_DURATION")]
    is_marker = (point.findtext("SYNC_POINT_FUNCTION") or "").strip().startswith("MARKER")
    if not is_marker or not all(each.isascii() and each.isdigit() and len(each) < 11 for each in numbers):
        return None
    low, high, length_samples = map(int, numbers)
    return SyncPoint(
        comment=(point.findtext("SYNC_POINT_COMMENT") or "").strip(),
        position_samples=high << 32 | low,
        length_samples=length_samples,
        is_relative=(point.findtext("SYNC_POINT_TYPE") or "").strip() != "ABSOLUTE",
    )


def _set(parent: ElementTree.Element, element: str, text: str) -> None:
    found = parent.find(element)
    if text:
        (ElementTree.SubElement(parent, element) if found is None else found).text = text
    elif found is not None:
        parent.remove(found)


def _set_tracks(root: ElementTree.Element, tracks: tuple[IxmlTrack, ...]) -> None:
    """Known fields of known tracks are set; a track list of another length is made anew."""
    tracklist = root.find("TRACK_LIST")
    if tracklist is None or len(tracklist.findall("TRACK")) != len(tracks):
        if tracklist is not None:
            root.remove(tracklist)
        tracklist = ElementTree.SubElement(root, "TRACK_LIST")
        _set(tracklist, "TRACK_COUNT", str(len(tracks)))
        for _ in tracks:
            ElementTree.SubElement(tracklist, "TRACK")
    for told, track in zip(tracks, tracklist.findall("TRACK"), strict=True):
        _set(track, "CHANNEL_INDEX", track.findtext("CHANNEL_INDEX") or str(told.channel))
        _set(track, "INTERLEAVE_INDEX", str(told.channel))
        _set(track, "NAME", told.name)
        _set(track, "FUNCTION", told.function)
