"""Where news of bundles goes. Addresses pass through here, and are neither kept nor logged."""

from aiohttp import web

from imgtag.api.keys import principal, services
from imgtag.api.messages import body, reply
from imgtag.api.schemas import Notifications, NotificationsChange
from imgtag.domain.addresses import Channel


async def get_notifications(request: web.Request) -> web.Response:
    """Tell where news goes, by hints that the holder of an address knows again."""
    notifications = services(request).notifications
    told = await notifications.subscriptions(principal(request).owner)
    hints = {subscription.channel.value: subscription.hint for subscription in told}
    return reply(
        Notifications(
            **hints,
            unconfirmed=[each.channel for each in told if not each.confirmed],
            channels=sorted(notifications.channels),
        )
    )


async def change_notifications(request: web.Request) -> web.Response:
    """Hand addresses to the notifier: what is left out stays, null ends it."""
    asked = (await body(request, NotificationsChange)).model_dump(exclude_unset=True)
    wanted = {Channel(name): text for name, text in asked.items()}
    await services(request).notifications.change(principal(request).owner, wanted)
    return await get_notifications(request)
