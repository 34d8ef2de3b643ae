"""Writes real bundles, tampered variants of them, and what the checks say of each.

Run `python tests/vectors/bundles/regenerate.py` (some seconds; it starts a chain of its own). Keys, salts and times are
new with every run, so all files change; `expected.json` should not, but for block hashes and seals.

    NAME.json        a bundle, as `ledger bundle` writes it
    expected.json    {"bundles": {NAME: {"block_hash": …, "alone": …, "given_hash": …}}, "tampered": […],
                      "breaches": [{"of": NAME, "finding": …, "certificate": …}]}

`alone` is what the file says by itself, `given_hash` what it says with `--block-hash`: the verdict, and the result of
each check by number. A tampered one names its bundle (`of`) and what is `set`: the value at each path, in order; a
value that is not there removes what stands at the path. Its `seal` is made anew where it says `resealed`.
"""

from __future__ import annotations

import copy
import hashlib
import json
import sys
import tempfile
from pathlib import Path
from typing import Any

HERE = Path(__file__).parent
sys.path.insert(0, str(HERE.parents[1]))

from databases import databases_in  # noqa: E402
from integration.conftest import World  # noqa: E402
from integration.court import Court, opened_court  # noqa: E402

from ledger_service.chain.local import LocalChain  # noqa: E402
from ledger_service.domain.breaches import judge_breach  # noqa: E402
from ledger_service.domain.checks import Report  # noqa: E402
from ledger_service.domain.evidence import parse_evidence  # noqa: E402
from ledger_service.domain.hashing import hex0x  # noqa: E402
from ledger_service.domain.reading import Reading  # noqa: E402
from ledger_service.domain.records import canonical_bytes  # noqa: E402
from ledger_service.errors import InvalidInput  # noqa: E402
from ledger_service.mail_sending import FolderSender  # noqa: E402
from ledger_service.services.breaches import case_breaches  # noqa: E402
from ledger_service.services.bundles import make_bundle  # noqa: E402
from ledger_service.services.erasing import erase_case  # noqa: E402
from ledger_service.services.evidence import show_all, show_none  # noqa: E402
from ledger_service.services.inputs import ErasureInput  # noqa: E402
from ledger_service.services.observation_data import ObservationInput  # noqa: E402
from ledger_service.services.observations import observe  # noqa: E402
from ledger_service.verification import verify_bundle  # noqa: E402
from ledger_service.workers.anchoring import LogKeeper, Pace  # noqa: E402
from ledger_service.workers.notifier import Notifier  # noqa: E402
from ledger_service.workers.telling import Teller  # noqa: E402


def refunded(court: Court) -> str:
    case_id = court.inspected("V-1", 10_000)
    court.consumer_says(case_id, "accepted")
    return case_id


def ruled(court: Court) -> str:
    case_id = court.disputed("V-2")
    court.shop_says(case_id, "evidence", text="The bulb is blackened.")
    court.vote(case_id, court.judges, 8_500, 9_000, 9_500)
    court.lapse(case_id)
    return case_id


def exchanged(court: Court) -> str:
    case_id = court.inspected("V-3", 10_000)
    court.shop_says(case_id, "exchange_agreed")
    court.consumer_says(case_id, "exchange_agreed")
    court.lapse(case_id)  # of the notice
    court.shop_says(case_id, "exchange_shipped")
    court.shop_says(case_id, "exchange_delivered")
    court.lapse(case_id)
    return case_id


def split(court: Court) -> str:
    case_id = court.inspected("V-4", 5_000)
    court.shop_says(case_id, "split", share=7_000)
    court.consumer_says(case_id, "split", share=7_000)
    court.lapse(case_id)
    return case_id


def refused(court: Court) -> str:
    """The shop answered in time, and the answer came to the contract after the deadline."""
    case_id = court.open("V-5")
    court.settle()
    court.shop_says(case_id, "authorised")
    court.world.chain.advance(court.case(case_id).due - court.app.clock.seconds() + 2)
    return case_id


def silent(court: Court) -> str:
    """The shop let its time to answer pass."""
    case_id = court.open("V-7")
    court.lapse(case_id)
    return case_id


def erased(court: Court) -> str:
    """The case is over, and what was personal in it is destroyed."""
    case_id = court.open("V-8", escrow="none")
    court.shop_says(case_id, "declined")
    court.settle()
    while court.case(case_id).state != "closed":
        court.lapse(case_id)
    teller, notifier = Teller(court.app), Notifier(court.app, FolderSender(court.app.settings.data / "mail"))
    while teller.step() or notifier.step():  # what is on its way to the consumer comes first
        pass
    erase_case(court.app, None, case_id, ErasureInput())
    return case_id


def observed(court: Court) -> str:
    """Three observations, all of them under a checkpoint that is anchored."""
    case_id = court.open("V-9")
    court.settle()
    said = [_READING, ObservationInput(kind="message", data={"to": "consumer", "text": "It is on its way."}), _READING]
    observe(court.app, court.shop, case_id, said, is_list=True)
    LogKeeper(court.app, Pace(entries=1, seconds=0)).step()
    court.settle()
    return case_id


def observed_today(court: Court) -> str:
    """One observation in the log under a checkpoint that no block anchors yet, and one that waits for its place."""
    case_id = court.open("V-10")
    court.settle()
    keeper = LogKeeper(court.app, Pace(entries=1_000, seconds=86_400))
    observe(court.app, court.shop, case_id, [_READING], is_list=True)
    keeper.step()
    observe(court.app, court.shop, case_id, [_READING], is_list=True)
    return case_id


def under_way(court: Court) -> str:
    case_id = court.open("V-6")
    court.settle()
    court.shop_says(case_id, "authorised")
    return case_id


_READING = ObservationInput(kind="reading", data={"quantity": "temperature", "value": "4.5", "unit": "C"})
LIVES = {
    "refunded": refunded,
    "ruled": ruled,
    "exchanged": exchanged,
    "split": split,
    "refused": refused,
    "silent": silent,
    "erased": erased,
    "observed": observed,
}
LATEST = {"observed_today": observed_today, "under_way": under_way}  # which nothing may settle any more


def main() -> None:
    with tempfile.TemporaryDirectory() as folder, databases_in("sqlite", Path(folder)) as databases:
        chain = LocalChain("anvil", Path(folder), kept=False)
        chain.start()
        try:
            with opened_court(World(chain, Path(folder)), databases.make()) as court:
                bundles = {name: _bundle(court, name, case_id) for name, case_id in _played(court).items()}
                _write(bundles, court)
        finally:
            chain.stop()


def _played(court: Court) -> dict[str, str]:
    cases = {name: play(court) for name, play in LIVES.items()}
    court.settle()
    return cases | {name: play(court) for name, play in LATEST.items()}


def _bundle(court: Court, name: str, case_id: str) -> Any:
    """With all personal fields in two, and none in the others."""
    show = show_all if name in ("refunded", "observed") else show_none
    return json.loads(json.dumps(make_bundle(court.app, case_id, show)))


def _write(bundles: dict[str, Any], court: Court) -> None:
    for name, bundle in bundles.items():
        (HERE / f"{name}.json").write_text(json.dumps(bundle, indent=1, ensure_ascii=False) + "\n", "utf-8")
    expected = {name: _expected(bundle) for name, bundle in bundles.items()}
    tampered = [_tampered(bundles, one, court) for one in TAMPERED]
    content = {"bundles": expected, "tampered": tampered, "breaches": _breaches(bundles, court)}
    text = json.dumps(content, indent=1, ensure_ascii=False)
    (HERE / "expected.json").write_text(text + "\n", "utf-8")


def _expected(bundle: Any) -> dict[str, Any]:
    evidence = bundle["evidence"]
    block_hash = next(block["hash"] for block in evidence["blocks"] if block["number"] == evidence["head"]["block"])
    return {"block_hash": block_hash, "alone": judged(bundle), "given_hash": judged(bundle, block_hash)}


def _breaches(bundles: dict[str, Any], court: Court) -> list[dict[str, Any]]:
    """The certificates of all that was missed, and what each bundle says of its own."""
    found = []
    for name, bundle in bundles.items():
        evidence = parse_evidence(bundle["evidence"])
        for item in case_breaches(court.app, hex0x(evidence.case_id))["items"]:
            if item["certificate"]:
                finding = judge_breach(item["certificate"], Reading(evidence)).finding
                found.append({"of": name, "finding": finding, "certificate": item["certificate"]})
    return found


def judged(bundle: Any, block_hash: str | None = None) -> dict[str, Any]:
    """What the checks say, in short."""
    try:
        report: Report = verify_bundle(bundle, block_hash=block_hash)
    except InvalidInput as error:
        return {"verdict": "unreadable", "field": error.field}
    return {"verdict": report.verdict, "checks": {str(check.number): check.result for check in report.checks}}


# --- tampered --------------------------------------------------------------------------------------------------------

Change = tuple[str, str, bool, list[tuple[tuple[str | int, ...], Any]]]
_GONE = object()
_RECORDS, _LINKS, _OBSERVED = ("evidence", "records"), ("evidence", "links"), ("evidence", "observations")
TAMPERED: list[Change] = [
    ("a record is taken out", "refunded", True, [((*_RECORDS, 2), _GONE)]),
    ("an event is taken out", "refunded", True, [((*_LINKS, 2), _GONE)]),
    ("a share is another", "refunded", True, [((*_RECORDS, 4, "share"), 9_999)]),
    ("the case is another", "refunded", True, [(("evidence", "case_id"), "0x" + "11" * 32)]),
    ("a vote is another", "ruled", True, [(("evidence", "votes", 0, "share"), 1)]),
    ("a vote is taken out", "ruled", True, [(("evidence", "votes", 0), _GONE)]),
    ("more was paid out", "ruled", True, [(("evidence", "escrow", 1, "args", "toConsumer"), 2_000)]),
    ("a block is dated otherwise", "exchanged", True, [(("evidence", "blocks", 1, "time"), 1_700_000_000)]),
    ("a header is another's", "split", True, [(("evidence", "headers", 0), "0x" + "c0")]),
    ("a proof is cut off", "split", True, [(("evidence", "state_proof", "case_head", 0), _GONE)]),
    ("the service did not seal this", "split", False, [(("evidence", "chain", "operator"), "somebody else")]),
    (
        "a record that waits is left out, which its receipt alone can show",
        "under_way",
        True,
        [(("evidence", "records", 1), _GONE)],
    ),
    ("an observation says something else", "observed", True, [((*_OBSERVED, 0, "canonical"), "{}")]),
    ("an observation stands elsewhere in the log", "observed", True, [((*_OBSERVED, 0, "index"), 1)]),
    ("an observation is proven by less", "observed", True, [((*_OBSERVED, 0, "proof", 0), _GONE)]),
    ("the log was never anchored there", "observed", True, [(("evidence", "checkpoint", "anchor", "block"), 1)]),
    ("the checkpoint is taken out", "observed", True, [(("evidence", "checkpoint"), None)]),
    ("the observations are taken out", "observed_today", True, [(("evidence", "observations"), [])]),
    ("the checkpoint is another's", "observed_today", True, [(("evidence", "checkpoint", "note"), "x")]),
    ("it was not the shop that was silent", "silent", True, [((*_LINKS, 1), _GONE)]),
    ("what was erased is said to be there", "erased", True, [((*_LINKS, -1), _GONE)]),
    ("there is a value beside", "refused", True, [(("evidence", "extra"), 1)]),
]


def _tampered(bundles: dict[str, Any], change: Change, court: Court) -> dict[str, Any]:
    name, of, resealed, settings = change
    bundle = copy.deepcopy(bundles[of])
    changes: list[dict[str, Any]] = []
    for path, value in settings:
        changes.append({"path": list(path), **({} if value is _GONE else {"value": value})})
    if resealed:
        changes.append({"path": ["seal"], "value": _seal(applied(bundle, changes)["evidence"], court)})
    bundle = applied(bundle, changes)
    expected = _expected(bundles[of])["block_hash"]
    told = {"alone": judged(bundle), "given_hash": judged(bundle, expected)}
    return {"name": name, "of": of, "resealed": resealed, "set": changes, "block_hash": expected, **told}


def applied(bundle: Any, changes: list[dict[str, Any]]) -> Any:
    """The bundle with these changes."""
    result = copy.deepcopy(bundle)
    for change in changes:
        *parents, last = change["path"]
        place = result
        for part in parents:
            place = place[part]
        if "value" in change:
            place[last] = change["value"]
        else:
            del place[last]
    return result


def _seal(evidence: Any, court: Court) -> str:
    claims = {
        "iss": court.app.settings.url,
        "iat": court.app.clock.seconds(),
        "sub": evidence["case_id"],
        "sha256": hashlib.sha256(canonical_bytes(evidence)).hexdigest(),
    }
    return court.app.tokens.sign("bundle+jwt", claims)


if __name__ == "__main__":
    main()
