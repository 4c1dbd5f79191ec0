import random
import unicodedata

import pytest

from imgtag.domain.names import MANIFEST_NAME, MAX_NAME_BYTES, member_names

HOSTILE = (
    "../../etc/passwd", "..\\..\\boot.ini", "C:\\temp\\x.jpg", "\\\\server\\share\\x.jpg",
    "a.jpg::$DATA", "a\x00b.jpg", "a\r\nb.jpg", "\u202egpj.exe", "zero\u200bwidth.jpg", "con",
    "CON.jpg", "aux.tar.jpg", "COM1.jpg", "com¹.jpg", "LPT9.JPG", "con .x.jpg", "nul.", "...",
    " ", "", "a.jpg.", "a.jpg ", ".htaccess", "desktop.ini", "-rf.jpg", "~x.jpg", "a" * 300,
    "あ" * 300 + ".png", "\ud800.jpg", "caf\u0065\u0301.jpg", "caf\u00e9.jpg", "LAKE.JPG",
    "lake.jpg", "Lake.Jpg", "ﬁsh.jpg", "fish.jpg", "straße.jpg", "STRASSE.jpg", "manifest.json",
    "MANIFEST.JSON", "lake.jpg.xmp", "lake (2).jpg", 'a|b?c*d<e>f"g.jpg', "\u2028.jpg",
    "\ue000.jpg", "\U000e0001.jpg", "x.jpg/..", "conin$.jpg", "a/b.jpg",
)  # fmt: skip
RESERVED = {
    "con", "prn", "aux", "nul", "conin$", "conout$",
    *(f"{port}{number}" for port in ("com", "lpt") for number in "0123456789¹²³"),
}  # fmt: skip


def legal_on_windows(name: str) -> bool:
    """The rules of "Naming Files, Paths, and Namespaces"."""
    return (
        not any(mark in '<>:"/\\|?*' or ord(mark) < 32 for mark in name)
        and not name.endswith((" ", "."))
        and name.partition(".")[0].rstrip(" ").lower() not in RESERVED
        and len(name.encode("utf-16-le")) <= 2 * 255
    )


def folded(name: str) -> str:
    """What makes two names the same on some file system."""
    return unicodedata.normalize("NFKC", unicodedata.normalize("NFKC", name).casefold())


@pytest.mark.parametrize(
    ("given", "named"),
    [
        ("lake.jpg", "lake.jpg"),
        ("Falcon.jpg", "Falcon.jpg"),
        ("balcon.jpg", "balcon.jpg"),
        ("IMG_0001.JPG", "IMG_0001.JPG"),
        ("con.jpg", "_con.jpg"),
        ("con .x.jpg", "_con .x.jpg"),
        ("a/b\\c.jpg", "a_b_c.jpg"),
        ("lake", "lake.jpg"),
        ("lake.gif", "lake.gif.jpg"),
        ("manifest.json", "manifest.json.jpg"),
        ("", "photo.jpg"),
        ("...", "photo.jpg"),
        (".jpg", "jpg.jpg"),
    ],
)
def test_a_name_stays_as_it_is_unless_it_is_unsafe(given: str, named: str) -> None:
    """Only what some system refuses is changed."""
    assert member_names([(given, "image/jpeg")]) == [named]


def test_an_ending_is_added_by_type() -> None:
    """A name without a photo's ending gets the one of its content."""
    assert member_names([("a", "image/png"), ("b", "image/heic"), ("c", None)]) == [
        "a.png",
        "b.heic",
        "c.jpg",
    ]


def test_equal_names_are_numbered_in_order() -> None:
    """Names that some file system holds for equal are told apart, and taken numbers skipped."""
    names = ["lake.jpg", "LAKE.jpg", "lake (3).jpg", "lake.jpg", "lake (2).jpg"]
    assert member_names([(name, None) for name in names]) == [
        "lake.jpg",
        "LAKE (2).jpg",
        "lake (3).jpg",
        "lake (4).jpg",
        "lake (2) (2).jpg",
    ]


def test_every_name_is_legal_everywhere() -> None:
    """A thousand hostile names come out legal, short, and different under any folding."""
    chance = random.Random(5)
    marks = [chr(number) for number in (*range(0x250), 0x300, 0x301, 0x2028, 0xFF0F, 0x1F600)]
    strange = ["".join(chance.choices(marks, k=chance.randrange(1, 90))) for _ in range(950)]
    names = member_names([(name, "image/jpeg") for name in (*HOSTILE, *HOSTILE, *strange)])

    assert all(map(legal_on_windows, names))
    assert all(len(name.encode()) <= MAX_NAME_BYTES for name in names)
    assert all(name == unicodedata.normalize("NFC", name) for name in names)
    assert not any(unicodedata.category(mark)[0] == "C" for name in names for mark in name)
    reserved = [MANIFEST_NAME, *(f"{name}.xmp" for name in names)]
    assert len({folded(name) for name in (*names, *reserved)}) == len(names) + len(reserved)


def test_a_hundred_thousand_equal_names_are_told_apart() -> None:
    """The time grows with the number of names, not with its square."""
    names = member_names([("lake.jpg", None)] * 100_000)
    assert names[-1] == "lake (100000).jpg"
    assert len(set(names)) == 100_000
