"""The small tools everybody stands on: cursors, outcomes, errors, secrets, signals, the lease, the bridge, the log."""

import asyncio
import json
import logging
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from cryptography.fernet import Fernet
from hypothesis import given
from hypothesis import strategies as st

from imadmin.core import aio, crypto, events, logs
from imadmin.core.commands import told
from imadmin.core.errors import Conflict, InvalidInput, NotFound
from imadmin.core.locks import ProcessLease
from imadmin.core.outcomes import Outcomes, Result, TargetOutcome
from imadmin.core.paging import cursor_moment, cursor_place, decode_cursor, encode_cursor


@given(st.integers(-(2**63), 2**63 - 1), st.text(st.characters(exclude_categories=["Cs"])))
def test_a_cursor_keeps_every_digit(number: int, text: str) -> None:
    cursor = encode_cursor(before=number, key=text)
    assert decode_cursor(cursor, "before", "key") == {"before": number, "key": text}
    assert cursor.replace("-", "").replace("_", "").isalnum()


@pytest.mark.parametrize(
    "broken", ["", "x", "????", "bnVsbA", "W10", encode_cursor(other=1), encode_cursor(), "é", "A" * 5000, "W1tb" * 700]
)
def test_a_cursor_from_elsewhere_is_refused(broken: str) -> None:
    with pytest.raises(InvalidInput) as error:
        decode_cursor(broken, "before")
    assert list(error.value.fields) == ["cursor"]


@pytest.mark.parametrize(
    "broken", [3, None, "soon", "2026-01-01T00:00:00", "0001-01-01T00:00:00+14:00", "9999-12-31T23:59:59-12:00"]
)
def test_a_moment_that_no_database_can_hold_is_a_broken_cursor(broken: object) -> None:
    assert cursor_moment("2026-01-01T00:00:00+08:00").year == 2026
    with pytest.raises(InvalidInput):
        cursor_moment(broken)


@pytest.mark.parametrize("broken", ["\x00", "\ud800", "", "a b", "x" * 65, 7, None])
def test_a_place_that_no_row_of_ours_has_is_a_broken_cursor(broken: object) -> None:
    at = "2026-01-01T00:00:00+00:00"
    assert cursor_place(encode_cursor(at=at, id="a1-_")) == (cursor_moment(at), "a1-_")
    with pytest.raises(InvalidInput):
        cursor_place(encode_cursor(at=at, id=broken))


@pytest.mark.parametrize(
    ("results", "verdict"),
    [
        ([], "done"),
        ([Result.DONE, Result.ALREADY], "done"),
        ([Result.DONE, Result.FAILED], "partial"),
        ([Result.FAILED, Result.NOT_FOUND], "failed"),
        ([Result.UNKNOWN], "unknown"),
        ([Result.UNKNOWN, Result.FAILED], "partial"),
    ],
)
def test_a_verdict_sums_the_targets_up(results: list[Result], verdict: str) -> None:
    outcomes = Outcomes(tuple(TargetOutcome(str(number), result) for number, result in enumerate(results)))
    assert outcomes.verdict == verdict
    assert sum(outcomes.counts().values()) == len(results)


def test_presence_before_and_after_tells_what_became_of_each() -> None:
    found = Outcomes.of_presence(["a", "b", "c", "a"], before=["a"], after=["a", "b"], why="it said no")
    assert [(item.target, item.result.value, item.detail) for item in found.items] == [
        ("a", "already", ""),
        ("b", "done", ""),
        ("c", "failed", "it said no"),
    ]


def test_what_could_not_be_read_back_is_unknown_but_what_was_never_sent_failed() -> None:
    found = Outcomes.of_presence(["a", "b"], before=[], after=None, unsent=["b"])
    assert [item.result for item in found.items] == [Result.UNKNOWN, Result.FAILED]


def test_removal_reads_the_other_way_round() -> None:
    found = Outcomes.of_presence(["a", "b"], before=["a"], after=[], present=False)
    assert [item.result for item in found.items] == [Result.DONE, Result.ALREADY]


def test_an_error_fills_its_sentence_in_the_readers_language() -> None:
    error = Conflict("It moved to %(where)s.", params={"where": "node 2"})
    assert error.text() == str(error) == "It moved to node 2."
    assert error.text({"It moved to %(where)s.": "已移到 %(where)s。"}.__getitem__) == "已移到 node 2。"
    assert NotFound().text() == NotFound.title
    assert InvalidInput({"uid": ["100% wrong"]}).text() == InvalidInput.title


def test_a_terminal_is_told_each_field_and_the_way_out() -> None:
    error = InvalidInput({"name": ["Use %(most)s."]}, hint="Try again.", params={"most": 5})
    assert told(error).splitlines() == [InvalidInput.title, "  name: Use 5.", "Try again."]


def test_secrets_open_with_any_key_and_are_sealed_with_the_first(settings: Any) -> None:
    old, new = Fernet.generate_key().decode(), Fernet.generate_key().decode()
    settings.IMADMIN_ENCRYPTION_KEYS = [old]
    sealed = crypto.seal("令牌")
    settings.IMADMIN_ENCRYPTION_KEYS = [new, old]
    assert crypto.unseal(sealed) == "令牌"
    settings.IMADMIN_ENCRYPTION_KEYS = [new]
    with pytest.raises(crypto.Undecryptable):
        crypto.unseal(sealed)
    assert crypto.seal("") == crypto.unseal("") == ""


def test_tokens_differ_and_only_their_hash_can_be_compared() -> None:
    first, second = crypto.new_token("imadmin"), crypto.new_token("imadmin")
    assert first != second and first.startswith("imadmin_") and len(first) > 40
    assert crypto.token_hash(first) != crypto.token_hash(second) != second


def test_a_broken_listener_does_not_break_the_change() -> None:
    heard: list[events.Changed] = []

    def broken(_signal: events.Changed) -> None:
        raise RuntimeError

    stop = [events.listen(broken), events.listen(heard.append)]
    events.changed("prod/channel")
    events.changed("prod/channel")
    for each in stop:
        each()
    events.changed("prod/channel")
    assert [signal.topic for signal in heard] == ["prod/channel"] * 2
    assert heard[0].version < heard[1].version


def test_a_second_process_on_the_same_folder_is_told_who_holds_it(tmp_path: Path) -> None:
    lease = ProcessLease(tmp_path / "lock")
    lease.take()
    code = (
        "import sys; from pathlib import Path; from imadmin.core.locks import ProcessLease\n"
        "try: ProcessLease(Path(sys.argv[1])).take()\nexcept Exception as error: print(error); sys.exit(3)\n"
    )
    words = [sys.executable, "-c", code, str(tmp_path / "lock")]
    refused = subprocess.run(words, capture_output=True, text=True, check=False)
    assert refused.returncode == 3 and str(tmp_path) in refused.stdout
    lease.release()
    assert subprocess.run(words, check=False).returncode == 0


def test_sync_code_waits_for_the_network_loop_and_hears_its_errors() -> None:
    async def double(number: int) -> int:
        await asyncio.sleep(0)
        return number * 2

    async def fail() -> None:
        raise NotFound("nothing here")

    assert aio.run(double(21)) == 42
    with pytest.raises(NotFound, match="nothing here"):
        aio.run(fail())


def test_a_wait_has_an_end_and_stops_what_it_waited_for() -> None:
    stopped: list[bool] = []

    async def forever() -> None:
        try:
            await asyncio.Event().wait()
        finally:
            stopped.append(True)

    with pytest.raises(TimeoutError):
        aio.run(forever(), seconds=0.05)

    async def settle() -> None:
        while not stopped:
            await asyncio.sleep(0)

    aio.run(settle(), seconds=5)
    assert stopped == [True]


def test_waiting_for_the_loop_on_the_loop_itself_is_refused() -> None:
    async def nothing() -> None: ...

    async def inside() -> None:
        aio.run(nothing())

    with pytest.raises(RuntimeError, match="network loop"):
        aio.run(inside())


@pytest.mark.parametrize(
    "event",
    [
        {"token": "hunter2"},
        {"jwt_password": "hunter2"},
        {"Authorization": "Bearer hunter2"},
        {"text": "Authorization: Bearer hunter2 and more"},
        {"url": "http://x/?token=hunter2&a=1"},
        {"exception": "failed with password: hunter2"},
    ],
)
def test_the_log_blanks_what_looks_like_a_secret(event: dict[str, Any]) -> None:
    assert "hunter2" not in json.dumps(logs.redact(None, "info", dict(event)))


def test_the_log_leaves_the_rest_alone() -> None:
    event = {"event": "page.failed", "reference": "e-12", "count": 3}
    assert logs.redact(logging.getLogger(), "info", dict(event)) == event
