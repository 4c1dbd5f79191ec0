"""What comes on the queue of bundles: work that takes longer than one photo does."""

from imgtag.domain.errors import Invalid
from imgtag.domain.events import BundleEnded, BundleRequested, Event, ImportRequested
from imgtag.domain.photos import Failure
from imgtag.services.building import Builder
from imgtag.services.importing import Importer
from imgtag.services.notifications import Notifications


class Jobs:
    """Hands each event to whom it concerns. *builder* is there where archives are built ahead."""

    def __init__(
        self, *, importer: Importer, notifications: Notifications, builder: Builder | None
    ) -> None:
        self._importer = importer
        self._notifications = notifications
        self._builder = builder

    async def handle(self, event: Event) -> None:
        """Do what *event* asks for."""
        deals_with_it = self._find(event)
        if deals_with_it is None:
            msg = "nobody here deals with this event"
            raise Invalid(msg)
        await deals_with_it.handle(event)

    async def give_up(self, event: Event, failure: Failure) -> None:
        """Show *failure* where the last attempt has failed."""
        deals_with_it = self._find(event)
        if deals_with_it:
            await deals_with_it.give_up(event, failure)

    def _find(self, event: Event) -> Importer | Notifications | Builder | None:
        match event:
            case ImportRequested():
                return self._importer
            case BundleEnded():
                return self._notifications
            case BundleRequested():
                return self._builder
            case _:
                return None
