"""E-mail out: by SMTP, or, where no server is configured, into a folder that a local page shows."""

from __future__ import annotations

import smtplib
import ssl
from collections.abc import Iterable
from email.message import EmailMessage
from pathlib import Path
from typing import NoReturn, Protocol

from .config import Settings

FOLDER = "mail"  # of the data folder
_TIMEOUT = 20  # seconds for each step of the conversation
_TLS_PORT = 465  # where TLS comes first, without STARTTLS
_THIS_MACHINE = frozenset({"localhost", "127.0.0.1", "::1"})


class NeverTaken(Exception):
    """The server refused the message for good (SMTP's 5xx). The cause says how; its text may hold the address."""


class MailSender(Protocol):
    def send(self, mail_id: int, message: EmailMessage, /) -> None:
        """Raises NeverTaken, or OSError (smtplib's other errors are) if the message may be taken later."""


class SmtpSender:
    """The links in the mails act for their reader: they leave this machine by TLS alone, to a server whose certificate
    is right."""

    def __init__(self, settings: Settings, tls: ssl.SSLContext | None = None) -> None:
        self._settings = settings
        self._tls = tls or ssl.create_default_context()

    def send(self, _mail_id: int, message: EmailMessage) -> None:
        try:
            with self._connect() as server:
                if self._settings.smtp_user:
                    server.login(self._settings.smtp_user, self._settings.smtp_password)
                server.send_message(message)
        except smtplib.SMTPRecipientsRefused as refusal:
            _raise_if_final(refusal, [code for code, _ in refusal.recipients.values()])
        except (smtplib.SMTPSenderRefused, smtplib.SMTPDataError) as refusal:
            _raise_if_final(refusal, [refusal.smtp_code])

    def _connect(self) -> smtplib.SMTP:
        host, port = self._settings.smtp_host, self._settings.smtp_port
        if port == _TLS_PORT:
            return smtplib.SMTP_SSL(host, port, timeout=_TIMEOUT, context=self._tls)
        server = smtplib.SMTP(host, port, timeout=_TIMEOUT)
        try:
            server.ehlo()
            if host not in _THIS_MACHINE:
                server.starttls(context=self._tls)
            elif server.has_extn("starttls"):  # nobody is in between, whatever the certificate says
                server.starttls(context=ssl._create_unverified_context())  # noqa: S323
        except BaseException:
            server.close()
            raise
        return server


def _raise_if_final(refusal: smtplib.SMTPException, codes: list[int]) -> NoReturn:
    """What a server says of the message itself; a greeting or a login that fails is the operator's to mend."""
    if all(code >= 500 for code in codes):
        raise NeverTaken from refusal
    raise refusal


class FolderSender:
    """One file a message, named by its number: sent again it is the same file."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def send(self, mail_id: int, message: EmailMessage) -> None:
        self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        target = self._folder / _file_of(mail_id)
        temporary = target.with_suffix(".tmp")
        temporary.write_bytes(message.as_bytes())
        temporary.replace(target)


def _file_of(mail_id: int) -> str:
    return f"{mail_id:08d}.eml"


def remove_mails(data: Path, mail_ids: Iterable[int]) -> None:
    """Removes what was sent into the folder of an installation."""
    for mail_id in mail_ids:
        (data / FOLDER / _file_of(mail_id)).unlink(missing_ok=True)


def mail_sender(settings: Settings) -> MailSender:
    return SmtpSender(settings) if settings.smtp_host else FolderSender(settings.data / FOLDER)
