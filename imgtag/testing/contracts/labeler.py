"""The contract of `imgtag.ports.Labeler`."""

from collections import Counter
from typing import Generic, TypeVar

import pytest

from imgtag.domain.errors import Invalid
from imgtag.domain.keys import BlobKey, BlobKind
from imgtag.ports import Labeler, Rendition, Subject
from imgtag.testing.contracts.base import Contract, at_once
from imgtag.testing.photos import ADA, Maker, content_of, facts, jpeg

L = TypeVar("L", bound=Labeler)


class LabelerContract(Contract, Generic[L]):
    """Subclass it and give `labeler`; better photos than the plain ones come by `pictures`."""

    @pytest.fixture
    async def labeler(self) -> L:
        """Give a labeler."""
        raise NotImplementedError

    def pictures(self) -> list[bytes]:
        """Give JPEGs that it should have something to say about, or nothing."""
        colours = [(30, 90, 160), (0, 0, 0), (255, 255, 255), (20, 120, 30)]
        return [jpeg(320, 240, colour) for colour in colours]

    async def prepare(self, labeler: L, subject: Subject, original: bytes) -> None:
        """Put the original where the labeler looks for it, if it looks at originals."""

    @pytest.fixture
    async def subjects(self, labeler: L, make: Maker) -> list[Subject]:
        """Give photos as the labeler gets them."""
        made = [subject_of(make, picture) for picture in self.pictures()]
        for subject in made:
            await self.prepare(labeler, subject, subject.rendition.jpeg)
        return made

    async def test_it_says_who_it_is(self, labeler: L) -> None:
        """The model has a name, and renditions a size that a picture can have."""
        assert labeler.model.strip()
        assert labeler.model.isprintable()
        assert 32 <= labeler.rendition_side <= 10_000
        if labeler.raster:
            assert 1 <= labeler.raster.width * labeler.raster.height <= labeler.rendition_side**2

    async def test_it_says_what_it_costs(self, labeler: L) -> None:
        """A price in dollars, which may be nothing."""
        assert 0 <= labeler.dollars_per_photo < 1

    async def test_hits_are_sane(self, labeler: L, subjects: list[Subject]) -> None:
        """Confidence is 0 to 100, no label comes twice, and boxes lie in the picture."""
        for subject in subjects:
            hits = await labeler.detect(subject)
            assert all(0 <= hit.confidence <= 100 for hit in hits)
            assert max(Counter(hit.name.folded for hit in hits).values(), default=1) == 1
            boxes = [box for hit in hits for box in hit.boxes]
            assert all(0 <= box.left <= box.left + box.width <= 1.001 for box in boxes)
            assert all(0 <= box.top <= box.top + box.height <= 1.001 for box in boxes)

    async def test_ancestors_are_hits_too(self, labeler: L, subjects: list[Subject]) -> None:
        """Every parent is a label of its own, at least as sure, and nobody is their own."""
        for subject in subjects:
            hits = {hit.name.folded: hit for hit in await labeler.detect(subject)}
            for hit in hits.values():
                for parent in hit.parents:
                    assert parent.folded != hit.name.folded
                    assert hits[parent.folded].confidence >= hit.confidence - 0.01

    async def test_the_same_photo_gets_the_same_labels(
        self, labeler: L, subjects: list[Subject]
    ) -> None:
        """Asked again, alone or with others at once, the answer is the same."""
        alone = [await labeler.detect(subject) for subject in subjects]
        together = await at_once([labeler.detect(subject) for subject in subjects * 4])
        for number, answer in enumerate(together):
            before = {hit.name: hit.confidence for hit in alone[number % len(subjects)]}
            assert {hit.name: hit.confidence for hit in answer} == pytest.approx(before, abs=0.1)

    @pytest.mark.parametrize("broken", [b"", b"not a picture", b"\x00" * 4096])
    async def test_what_is_no_picture_is_invalid(
        self, labeler: L, make: Maker, broken: bytes
    ) -> None:
        """It says so, and goes on answering about others."""
        subject = subject_of(make, broken)
        await self.prepare(labeler, subject, broken)
        with pytest.raises(Invalid):
            await labeler.detect(subject)
        good = subject_of(make, self.pictures()[0])
        await self.prepare(labeler, good, good.rendition.jpeg)
        await labeler.detect(good)


def subject_of(make: Maker, picture: bytes) -> Subject:
    """Make a subject of which original and rendition are the same bytes."""
    key = BlobKey(ADA, BlobKind.ORIGINAL, make.photo_id())
    content = content_of(picture)
    return Subject(key, content.sha256, content.size, facts(), Rendition(picture))
