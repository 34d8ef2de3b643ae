"""E-mail out: by SMTP, or, where no server is configured, into a folder that a local page shows."""

from __future__ import annotations

import smtplib
from email.message import EmailMessage
from pathlib import Path
from typing import Protocol

from .config import Settings

_TIMEOUT = 20


class MailSender(Protocol):
    def send(self, mail_id: int, message: EmailMessage, /) -> None:
        """Raises OSError (smtplib's errors are) if the message was not taken."""


class SmtpSender:
    """STARTTLS whenever the server offers it, and always before a password is sent."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings

    def send(self, _mail_id: int, message: EmailMessage) -> None:
        settings = self._settings
        with smtplib.SMTP(settings.smtp_host, settings.smtp_port, timeout=_TIMEOUT) as server:
            server.ehlo()
            if server.has_extn("starttls"):
                server.starttls()
            if settings.smtp_user:
                server.login(settings.smtp_user, settings.smtp_password)
            server.send_message(message)


class FolderSender:
    """One file a message, named by its number: sent again it is the same file."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def send(self, mail_id: int, message: EmailMessage) -> None:
        self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        target = self._folder / f"{mail_id:08d}.eml"
        temporary = target.with_suffix(".tmp")
        temporary.write_bytes(message.as_bytes())
        temporary.replace(target)


def mail_sender(settings: Settings) -> MailSender:
    return SmtpSender(settings) if settings.smtp_host else FolderSender(settings.data / "mail")
