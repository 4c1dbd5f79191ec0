"""Mail over SMTP."""

from email import policy
from email.message import EmailMessage
from email.utils import format_datetime, parseaddr
from typing import Any, Final

import aiosmtplib
import structlog

from imgtag.domain.errors import Unavailable
from imgtag.ports import Clock, Notice
from imgtag.settings import Settings

TIMEOUT_SECONDS: Final = 30
_RETRY_SECONDS: Final = 60
_PERMANENT: Final = 500

log = structlog.get_logger(__name__)


class SmtpMail:
    """Sends notices through the server that *settings* name."""

    def __init__(self, settings: Settings, clock: Clock) -> None:
        self._sender = settings.smtp_from
        self._clock = clock
        password = settings.smtp_password
        self._server: dict[str, Any] = {
            "hostname": settings.smtp_host,
            "port": settings.smtp_port,
            "username": settings.smtp_user or None,
            "password": password.get_secret_value() if password else None,
            "use_tls": settings.smtp_tls == "tls",
            "start_tls": settings.smtp_tls == "starttls",
            "timeout": TIMEOUT_SECONDS,
        }

    async def send(self, notice: Notice, address: str) -> None:
        """Send it. An address that the server refuses for good is told in the log, by owner."""
        try:
            await aiosmtplib.send(self._message(notice, address), **self._server)
        except aiosmtplib.SMTPRecipientsRefused as error:
            if all(refused.code >= _PERMANENT for refused in error.recipients):
                log.warning("mail refused", notice=notice.id, owner=notice.owner)
                return
            raise _unavailable() from error
        except (aiosmtplib.SMTPException, OSError) as error:
            raise _unavailable() from error

    def _message(self, notice: Notice, address: str) -> EmailMessage:
        message = EmailMessage(policy.SMTP)
        message["From"] = self._sender
        message["To"] = address
        # A line break would begin a header of somebody else's making.
        message["Subject"] = " ".join(notice.subject.split())
        message["Date"] = format_datetime(self._clock.now())
        # The same when it is sent again, so that mailboxes show it once.
        host = parseaddr(self._sender)[1].rpartition("@")[2]
        message["Message-ID"] = f"<{notice.id}@{host}>"
        message["Auto-Submitted"] = "auto-generated"  # RFC 3834: nobody's holiday notes, please
        message.set_content(notice.text)
        return message


def _unavailable() -> Unavailable:
    msg = "the mail server can't be reached, or takes no mail from us"
    return Unavailable(msg, code="mail_unavailable", retry_after_seconds=_RETRY_SECONDS)
