"""Counting by wrapping: what stands behind a port doesn't know that it is counted."""

from collections.abc import Sequence

from imgtag.domain.errors import Invalid
from imgtag.domain.labels import LabelHit
from imgtag.domain.photos import Framing
from imgtag.metrics import Metrics
from imgtag.ports import Labeler, Subject


class MeteredLabeler:
    """Any labeler, with its calls counted by what became of them."""

    def __init__(self, labeler: Labeler, metrics: Metrics) -> None:
        self._labeler = labeler
        self._calls = metrics.labeler_calls

    @property
    def model(self) -> str:
        return self._labeler.model

    @property
    def rendition_side(self) -> int:
        return self._labeler.rendition_side

    @property
    def raster(self) -> Framing | None:
        return self._labeler.raster

    @property
    def dollars_per_photo(self) -> float:
        return self._labeler.dollars_per_photo

    async def detect(self, subject: Subject) -> Sequence[LabelHit]:
        outcome = "failed"
        try:
            hits = await self._labeler.detect(subject)
            outcome = "answered"
        except Invalid:
            outcome = "refused"
            raise
        finally:
            self._calls.labels(self.model, outcome).inc()
        return hits
