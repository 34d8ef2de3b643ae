"""Mail servers as they are: with TLS, without, with a wrong certificate, refusing now or for good."""

from __future__ import annotations

import contextlib
import socketserver
import ssl
import threading
from collections.abc import Iterator
from email.message import EmailMessage
from pathlib import Path
from typing import Any

import pytest
from certificates import make_certificate

from ledger_service import mail_sending
from ledger_service.config import Settings
from ledger_service.mail_sending import FolderSender, NeverTaken, SmtpSender, mail_sender


class Server:
    """Speaks enough SMTP. `answers` replaces what it says to a command."""

    def __init__(self, tls: ssl.SSLContext | None = None) -> None:
        self.answers: dict[str, bytes] = {}
        self.said: list[str] = []
        self.taken: list[bytes] = []
        server = self

        class Handler(socketserver.StreamRequestHandler):
            def handle(self) -> None:
                self.wfile.write(b"220 ready\r\n")
                while line := self.rfile.readline():
                    word = line.split()[0].upper().decode() if line.split() else ""
                    server.said.append(word)
                    if word == "STARTTLS" and tls is not None:
                        self.wfile.write(b"220 go\r\n")
                        self.request = tls.wrap_socket(self.request, server_side=True)
                        self.rfile, self.wfile = self.request.makefile("rb"), self.request.makefile("wb", 0)
                        continue
                    self.wfile.write(server.answers.get(word) or server.default(word, tls is not None))
                    if word == "DATA" and "DATA" not in server.answers:
                        server.taken.append(b"".join(iter(self.rfile.readline, b".\r\n")))
                        self.wfile.write(server.answers.get("END", b"250 taken\r\n"))
                    if word == "QUIT":
                        return

            def finish(self) -> None:
                with contextlib.suppress(OSError):
                    super().finish()
                self.request.close()

        class Listening(socketserver.ThreadingTCPServer):
            daemon_threads = True

            def handle_error(self, *_: Any) -> None:
                pass

        self._server = Listening(("127.0.0.1", 0), Handler)
        self.port = int(self._server.server_address[1])
        threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True).start()

    @staticmethod
    def default(word: str, has_tls: bool) -> bytes:
        if word == "EHLO":
            return b"250-here\r\n250-STARTTLS\r\n250 AUTH PLAIN\r\n" if has_tls else b"250 here\r\n"
        return {"DATA": b"354 go on\r\n", "QUIT": b"221 bye\r\n", "AUTH": b"235 in\r\n"}.get(word, b"250 ok\r\n")

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()


@pytest.fixture
def certificate(tmp_path: Path) -> Path:
    return make_certificate(tmp_path, "mail.example")


@pytest.fixture
def plain() -> Iterator[Server]:
    server = Server()
    yield server
    server.close()


@pytest.fixture
def secure(certificate: Path) -> Iterator[Server]:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate / "cert.pem", certificate / "key.pem")
    server = Server(context)
    yield server
    server.close()


@pytest.fixture
def elsewhere(monkeypatch: pytest.MonkeyPatch) -> None:
    """mail.example and other.example lead to this machine, which is then not known as such."""
    connect = mail_sending.smtplib.socket.create_connection
    monkeypatch.setattr(
        mail_sending.smtplib.socket,
        "create_connection",
        lambda address, *rest, **more: connect(("127.0.0.1", address[1]), *rest, **more),
    )


def message() -> EmailMessage:
    made = EmailMessage()
    made["From"], made["To"], made["Subject"] = "r@ledger.example", "ann@example.com", "Your return"
    made.set_content("Hello")
    return made


def sender(server: Server, host: str, certificate: Path | None = None, **more: Any) -> SmtpSender:
    settings = Settings(_env_file=None, smtp_host=host, smtp_port=server.port, **more)
    return SmtpSender(settings, ssl.create_default_context(cafile=certificate / "cert.pem") if certificate else None)


def test_mail_leaves_this_machine_by_tls_alone(plain: Server, elsewhere: None) -> None:
    with pytest.raises(OSError, match="STARTTLS"):
        sender(plain, "mail.example", smtp_user="u", smtp_password="p").send(1, message())
    assert plain.taken == []
    assert "AUTH" not in plain.said


def test_certificate_is_checked(secure: Server, elsewhere: None, certificate: Path) -> None:
    sender(secure, "mail.example", certificate, smtp_user="u", smtp_password="p").send(1, message())
    assert secure.said[:4] == ["EHLO", "STARTTLS", "EHLO", "AUTH"]
    assert len(secure.taken) == 1
    for wrong in (sender(secure, "other.example", certificate), sender(secure, "mail.example")):
        with pytest.raises(ssl.SSLError):
            wrong.send(1, message())
    assert len(secure.taken) == 1


def test_server_on_this_machine_may_do_without_or_sign_for_itself(plain: Server, secure: Server) -> None:
    for server in (plain, secure):
        sender(server, "127.0.0.1").send(1, message())
        assert len(server.taken) == 1
    assert "STARTTLS" in secure.said


@pytest.mark.parametrize(
    ("word", "answer"), [("RCPT", b"550 nobody\r\n"), ("MAIL", b"553 no\r\n"), ("END", b"554 spam\r\n")]
)
def test_refusal_for_good(plain: Server, word: str, answer: bytes) -> None:
    plain.answers[word] = answer
    with pytest.raises(NeverTaken):
        sender(plain, "127.0.0.1").send(1, message())


@pytest.mark.parametrize(
    ("word", "answer"), [("RCPT", b"450 later\r\n"), ("MAIL", b"452 full\r\n"), ("END", b"451 later\r\n")]
)
def test_refusal_for_now(plain: Server, word: str, answer: bytes) -> None:
    plain.answers[word] = answer
    with pytest.raises(OSError) as raised:  # noqa: PT011 - whichever of smtplib's
        sender(plain, "127.0.0.1").send(1, message())
    assert not isinstance(raised.value, NeverTaken)


def test_server_that_says_nothing_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(mail_sending, "_TIMEOUT", 0.3)
    silent = socketserver.TCPServer(("127.0.0.1", 0), socketserver.BaseRequestHandler)
    settings = Settings(_env_file=None, smtp_host="127.0.0.1", smtp_port=silent.server_address[1])
    try:
        with pytest.raises(OSError, match="timed out"):
            SmtpSender(settings).send(1, message())
    finally:
        silent.server_close()


def test_without_a_server_mails_become_files_and_the_same_mail_the_same_file(tmp_path: Path) -> None:
    made = mail_sender(Settings(_env_file=None, data=tmp_path))
    assert isinstance(made, FolderSender)
    for _ in range(2):
        made.send(7, message())
    assert [file.name for file in (tmp_path / "mail").iterdir()] == ["00000007.eml"]
