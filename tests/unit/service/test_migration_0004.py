"""The migration to what is told keeps the mails that were sent, and those that still have to be."""

from __future__ import annotations

import pytest
from alembic import command
from databases import Databases
from sqlalchemy import text

from ledger_service.store import migrate
from ledger_service.store.database import Database


def _move(database: Database, to: str, *, down: bool = False) -> None:
    config = migrate._config()
    with database.engine.begin() as connection:
        config.attributes["connection"] = connection
        (command.downgrade if down else command.upgrade)(config, to)


@pytest.fixture
def old(databases: Databases) -> Database:
    """With a mail that was sent, and one that was not."""
    database = databases.open(databases.empty_url())
    _move(database, "0003")
    with database.engine.begin() as connection:
        connection.execute(
            text(
                "INSERT INTO accounts (id, name, role, address, api_key_hash, created_at)"
                " VALUES (1, 'Shop', 'merchant', '0x01', 'x', 0)"
            )
        )
        connection.execute(
            text(
                "INSERT INTO cases (case_id, account_id, merchant, carrier, warehouse, inspector, consumer, reference,"
                " policy, policy_id, mode, currency, refund_minor, freight_minor, reserve_minor, token, language,"
                " terms, opened_at) VALUES ('0xca', 1, '', '', '', '', '', 'R', 'eu-14', '', 'none', 'GBP', 1, 0, 0,"
                " '', 'en', '{}', 0)"
            )
        )
        for number, sent_at in ((0, 5), (1, None)):
            connection.execute(
                text(
                    "INSERT INTO mails (case_id, template, position, due_at, sent_at, attempts)"
                    " VALUES ('0xca', 'opened', :position, 4, :sent_at, 1)"
                ),
                {"position": number, "sent_at": sent_at},
            )
    return database


def test_mails_keep_what_became_of_them(old: Database) -> None:
    _move(old, "0004")
    with old.engine.connect() as connection:
        kept = connection.execute(
            text("SELECT position, state, sent_at, head, occasion, corrected FROM mails ORDER BY position")
        ).all()
    assert [tuple(row) for row in kept] == [(0, "sent", 5, "", "start", False), (1, "due", None, "", "start", False)]


def test_going_back_keeps_one_mail_for_a_record(old: Database) -> None:
    _move(old, "0004")
    with old.engine.begin() as connection:
        for head, occasion in (("0xaa", "start"), ("0xaa", "halfway"), ("0xbb", "start")):
            connection.execute(
                text(
                    "INSERT INTO mails (case_id, template, position, head, occasion, due_at, attempts)"
                    " VALUES ('0xca', 'authorised', 2, :head, :occasion, 4, 0)"
                ),
                {"head": head, "occasion": occasion},
            )
    _move(old, "0003", down=True)
    with old.engine.connect() as connection:
        assert connection.execute(text("SELECT position FROM mails ORDER BY position")).scalars().all() == [0, 1, 2]
