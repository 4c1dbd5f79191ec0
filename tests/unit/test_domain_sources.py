"""Addresses to import from: read once, and nothing leads out of what is allowed."""

import os

import pytest
from hypothesis import given
from hypothesis import strategies as st

from imgtag.domain.errors import Invalid
from imgtag.domain.sources import Scheme, Source


@pytest.mark.parametrize(
    ("text", "parts"),
    [
        ("file:///photos", ("photos",)),
        ("file:///photos/", ("photos",)),
        ("file://localhost/a/b", ("a", "b")),
        ("file:///My%20Photos/100%25", ("My Photos", "100%")),
        ("file:///Fotos/Åre 🏔️", ("Fotos", "Åre 🏔️")),
        ("file:///%C3%85re", ("Åre",)),
        ("file:///raw%FFname", (os.fsdecode(b"raw\xffname"),)),
        ("/photos/100%", ("photos", "100%")),
        ("/", ()),
    ],
)
def test_folders_are_read(text: str, parts: tuple[str, ...]) -> None:
    """Escapes count in file: addresses, and a plain path is taken as it stands."""
    assert Source.parse(text) == Source(Scheme.FILE, "", parts)


@pytest.mark.parametrize(
    ("text", "bucket", "prefix"),
    [
        ("s3://my-bucket", "my-bucket", ""),
        ("s3://my-bucket/", "my-bucket", ""),
        ("s3://my-bucket/2024", "my-bucket", "2024/"),
        ("s3://my-bucket/a b/ü%20?#/", "my-bucket", "a b/ü%20?#/"),
    ],
)
def test_buckets_are_read(text: str, bucket: str, prefix: str) -> None:
    """A prefix is a folder, and its characters are those of the keys."""
    source = Source.parse(text)
    assert (source.scheme, source.bucket, source.prefix) == (Scheme.S3, bucket, prefix)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "photos",
        "../photos",
        "file://server/share",
        "file:/photos",
        "file://photos",
        "FILE:///photos",
        "file:///photos/../etc",
        "file:///photos/%2e%2e/etc",
        "file:///photos/%2E./etc",
        "file:///photos/%252e%252e/etc",
        "file:///photos/..%2fetc",
        "file:///photos/./x",
        "file:///photos//x",
        "file:///photos/%00",
        "file:///photos/%zz",
        "file:///photos?x",
        "file:///photos#x",
        "/photos/../etc",
        "/photos/%2e%2e/etc",
        "s3://",
        "s3://UPPER/x",
        "s3://b",
        "s3://bucket/../other",
        "s3://bucket/%2e%2e/other",
        "s3://bucket//x",
        "s3://user@bucket/x",
        "https://bucket.s3.amazonaws.com/x",
        "s3:/bucket",
        "ftp://host/x",
    ],
)
def test_what_leads_elsewhere_is_refused(text: str) -> None:
    """Ways up in any spelling, other machines, other protocols, and what is no address."""
    with pytest.raises(Invalid) as caught:
        Source.parse(text)
    assert caught.value.code == "invalid_source"


@pytest.mark.parametrize(
    ("allowed", "asked", "covers"),
    [
        ("file:///photos", "file:///photos", True),
        ("file:///photos/", "file:///photos/2024", True),
        ("/photos", "file:///photos/2024", True),
        ("file:///", "file:///anything", True),
        ("file:///photos", "file:///photos-private", False),
        ("file:///photos", "file:///photo", False),
        ("file:///photos", "file:///Photos", False),
        ("file:///photos/2024", "file:///photos", False),
        ("s3://bucket/a", "s3://bucket/a/b", True),
        ("s3://bucket", "s3://bucket/a", True),
        ("s3://bucket/a", "s3://bucket/ab", False),
        ("s3://bucket/a", "s3://bucket", False),
        ("s3://bucket/a", "s3://bucket-2/a", False),
        ("s3://bucket", "s3://bucket2", False),
        ("file:///bucket", "s3://bucket", False),
    ],
)
def test_a_place_covers_what_lies_in_it(allowed: str, asked: str, *, covers: bool) -> None:
    """Compared by whole names, not by letters."""
    assert Source.parse(allowed).covers(Source.parse(asked)) is covers


@given(st.text())
def test_whatever_is_asked_is_read_or_refused(text: str) -> None:
    """And a place that was read never has a part that a file system takes for a way up."""
    for begin in ("file:///", "/", "s3://bucket/"):
        try:
            source = Source.parse(begin + text)
        except Invalid:
            continue
        assert not {"", ".", ".."} & set(source.parts)
        assert not any("\0" in part for part in source.parts)
