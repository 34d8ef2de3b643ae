"""`ledger verify`: what an evidence bundle proves. It needs no server, no network, and the base installation alone."""

from __future__ import annotations

import argparse
import json
import re
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NoReturn

from ..chain.code import code_hashes
from ..domain.bundle_file import MAX_BYTES, read_json
from ..domain.chain_facts import ChainReader
from ..domain.checks import Report
from ..errors import InvalidInput, LedgerError
from ..verification import verify_bundle
from .plain import paragraph, say, styled
from .seen import default_memory, proof_from, with_memory

EXIT_CODES = {"verified": 0, "failed": 1, "pending": 2}
_STYLES = {"pass": ("green",), "fail": ("bold", "red"), "pending": ("yellow",), "skipped": ("cyan",)}
_COLOURS = {"verified": "green", "failed": "red", "pending": "yellow"}
_HASH = re.compile(r"0x[0-9a-f]{64}")


class Parser(argparse.ArgumentParser):
    def error(self, message: str) -> NoReturn:
        """As for every other input that cannot be right: 2 says that something is pending."""
        self.exit(1, f"{self.format_usage()}ledger: {message}\n")


def verify(arguments: Sequence[str]) -> int:
    """Checks an evidence bundle. Exit code 0: verified; 1: failed; 2: something is still pending."""
    options = _parser().parse_args(arguments)
    try:
        return _verify(options)
    except LedgerError as error:
        print(f"ledger: {error}", file=sys.stderr)
        return 1


def _parser() -> argparse.ArgumentParser:
    parser = Parser(prog="ledger verify", description=verify.__doc__, allow_abbrev=False)
    parser.add_argument("bundle", type=Path, help="the bundle's file")
    add_grounds(parser)
    parser.add_argument("--log", metavar="URL", help="the service's address, to ask for proofs that its log only grew")
    seen = parser.add_mutually_exclusive_group()
    seen.add_argument("--seen", type=Path, metavar="FILE", help="where the last checkpoint of each log is remembered")
    seen.add_argument("--no-seen", action="store_true", help="remember no checkpoint, and compare with none")
    parser.add_argument("--json", action="store_true", help="JSON for programs")
    return parser


def add_grounds(parser: Parser) -> None:
    """The options that say on what a bundle is judged beside itself."""
    parser.add_argument("--rpc", metavar="URL", help="a chain of your own choosing to ask, by its JSON-RPC URL")
    parser.add_argument(
        "--block-hash", metavar="HASH", help="a block that you know to be the chain's, 0x and 64 digits"
    )
    parser.add_argument("--jwks", type=Path, metavar="FILE", help="the service's keys, from its /.well-known/jwks.json")


def judged(content: Any, keys: Any, options: argparse.Namespace) -> tuple[Report, list[int]]:
    """The report of a bundle by these grounds, and the checks that say more since a chain was asked."""
    block_hash: str | None = options.block_hash
    if block_hash is not None and not _HASH.fullmatch(block_hash):
        raise InvalidInput(
            f"{block_hash!r} is no block hash.", field="--block-hash", remedy="Give 0x and 64 hex digits."
        )
    alone = verify_bundle(content, None, block_hash=block_hash, keys=keys, codes=code_hashes)
    if not options.rpc:
        return alone, []
    with _asking(options.rpc, block_hash) as chain:
        report = verify_bundle(content, chain, block_hash=block_hash, keys=keys, codes=code_hashes)
    return report, strengthened(alone, report)


def _verify(options: argparse.Namespace) -> int:
    content = read_file(options.bundle)
    keys = read_file(options.jwks) if options.jwks else None
    report, stronger = judged(content, keys, options)
    if not options.no_seen:
        prove = proof_from(options.log) if options.log else None
        report = with_memory(report, content, options.seen or default_memory(), prove, keys)
    if options.json:
        said = report.as_json() | ({"stronger": stronger} if options.rpc else {})
        print(json.dumps(said, indent=2, ensure_ascii=False))
    else:
        show(report, stronger)
    return EXIT_CODES[report.verdict]


@contextmanager
def _asking(url: str, block_hash: str | None) -> Iterator[ChainReader]:
    """Raises InvalidInput where the base installation cannot ask a chain."""
    try:
        from ..chain.case_reader import FullReader
        from ..chain.rpc import Rpc
    except ImportError:
        raise InvalidInput(
            "Asking a chain takes more than the verifier.",
            field="--rpc",
            remedy="Install it: pip install 'after-sales-audit-ledger[rpc]'",
        ) from None
    rpc = Rpc(url)
    try:
        yield FullReader(rpc, block_hash)
    finally:
        rpc.close()


def strengthened(alone: Report, asked: Report) -> list[int]:
    """The numbers of the checks that say more since a chain was asked."""
    before = {check.number: check for check in alone.checks}
    return [check.number for check in asked.checks if check.result == "pass" and before[check.number] != check]


def show(report: Report, stronger: list[int]) -> None:
    """The checks with their reasons, what is left to trust, and the verdict."""
    chain = report.chain
    say(f"Case {report.case_id}")
    say(f"Chain {chain['id']}, contract {chain['contract']}, run by: {chain['operator']}")
    for check in report.checks:
        result = styled(f"{check.result:8}", *_STYLES[check.result])
        print(f"{styled(str(check.number), 'bold')} {result} {check.as_json()['name']}")
        paragraph(check.detail, 11)
    if stronger:
        say(f"Stronger than the file alone, since the chain answered: checks {', '.join(map(str, stronger))}.")
    paragraph(report.trust, 0)
    skipped = f", with skipped checks {', '.join(map(str, report.skipped))}" if report.skipped else ""
    print(styled(report.verdict, "bold", _COLOURS[report.verdict]) + skipped)


def read_file(path: Path) -> Any:
    """The JSON of a file. Raises InvalidInput for a file that cannot be read or is no JSON."""
    try:
        with path.open("rb") as file:
            data = file.read(MAX_BYTES + 1)
    except OSError as error:
        raise InvalidInput(
            f"It cannot be read: {error.strerror}.", field=str(path), remedy="Check its name."
        ) from error
    return read_json(data, str(path))
