"""docs/gateway.md tells of every method, of every method of the SDK, and of tests that exist; its example runs."""

from __future__ import annotations

import ast
import re
import subprocess
import sys
from functools import lru_cache
from pathlib import Path

import pytest

from imadmin.gateway.capabilities import Capability
from imadmin.gateway.contract import Gateway
from imadmin.gateway.kinds.wukongim2.client import WuKongIM2
from imadmin.simulator import SimulatedCluster
from tests.gateway.conftest import TOKEN

ROOT = Path(__file__).parents[2]
TEXT = (ROOT / "docs" / "gateway.md").read_text("utf-8")
ENDING = {"aclose", "unused_for"}  # end a gateway, ask nothing
VERDICTS = ("works", "works under another name", "gone")

# Every public method of github.com/WuKongIM/gowk.
GOWK = [
    "AddChannelBlackList",
    "AddChannelSubscriber",
    "AddChannelWhiteList",
    "AddSystemUser",
    "BatchGetMessage",
    "BatchGetUserIMAddr",
    "BatchSendMessage",
    "ClearConversationUnread",
    "CreateChannel",
    "DeleteChannel",
    "DeleteConversation",
    "GetChannelWhiteList",
    "GetConnz",
    "GetMaxMessageSeq",
    "GetMessageByID",
    "GetMigrateReult",
    "GetOnlineStatus",
    "GetSystemUserID",
    "GetUserIMAddr",
    "GetVarz",
    "HealthCheck",
    "KickConn",
    "MessageSync",
    "QuitUserDevice",
    "RemoveChannelBlackList",
    "RemoveChannelSubscriber",
    "RemoveChannelWhiteList",
    "RemoveConn",
    "RemoveSystemUser",
    "RestyClient",
    "SearchUserMessage",
    "SendEvent",
    "SendMessage",
    "SetChannelBlackList",
    "SetChannelWhiteList",
    "SetConversationUnread",
    "SetUserToken",
    "SyncConversation",
    "UpdateChannelInfo",
    "UpdateUserToken",
]


def rows(width: int) -> list[list[str]]:
    found = [re.split(r"(?<!\\)\|", line)[1:-1] for line in TEXT.splitlines() if line.startswith("| ")]
    cells = [[cell.strip() for cell in row] for row in found if len(row) == width]
    return [row for row in cells if row[0] not in ("method", "gowk")]


OPERATIONS, SDK = rows(7), rows(5)


def methods() -> set[str]:
    return {name for name in vars(Gateway) if not name.startswith("_")} - {"kind", "capabilities"} - ENDING


@lru_cache
def names_in(path: str) -> frozenset[str]:
    tree = ast.parse((ROOT / path).read_text("utf-8"))
    return frozenset(node.name for node in tree.body if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)))


def test_every_method_has_its_row_and_every_row_its_method():
    named = [row[0].strip("`") for row in OPERATIONS]
    assert sorted(named) == sorted(set(named)), "twice"
    assert set(named) == methods()


def test_the_client_has_every_method_and_no_other():
    public = {name for name in dir(WuKongIM2) if not name.startswith("_") and callable(getattr(WuKongIM2, name))}
    helpers = {"everywhere", "at_slot_leader", "each", "check_slot"}
    assert public - helpers - ENDING == methods()


@pytest.mark.parametrize("row", OPERATIONS, ids=lambda row: row[0].strip("`"))
def test_a_row_tells_everything(row: list[str]):
    method, route, _, capabilities, retry, verified, test = row
    assert all((route, retry, verified)), method
    assert set(capabilities.split(", ")) <= {capability.value for capability in Capability}
    path, _, name = test.strip("`").partition("::")
    assert name in names_in(path), test
    is_change = not retry.startswith("yes: a question") and "remembers" not in retry
    assert is_change == (verified != "-"), f"{method}: a change is verified by something"


@pytest.mark.parametrize("row", OPERATIONS, ids=lambda row: row[0].strip("`"))
def test_a_named_test_stands_beside_calls_of_the_method(row: list[str]):
    method, path = row[0].strip("`"), row[6].strip("`").partition("::")[0]
    source = (ROOT / path).read_text("utf-8")
    assert re.search(rf"\b(gateway|robots|alone)\.{method}\b", source), f"{path}: {method}"


def test_every_method_tells_what_it_does():
    for row in OPERATIONS:
        doc = getattr(WuKongIM2, row[0].strip("`")).__doc__ or ""
        assert "ource: " in doc or row[0] == "`probe`", f"{row[0]}: where from?"


def test_every_method_of_the_sdk_is_found_with_its_proof():
    assert [row[0] for row in SDK] == GOWK and len(GOWK) == 40
    for name, verdict, ours, note, proof in SDK:
        assert verdict in VERDICTS
        assert verdict != "gone" or note, f"{name}: gone, but why?"
        assert set(re.findall(r"`(\w+)`", ours)) <= methods()
        assert ours != "-" or verdict == "gone"
        if proof != "-":
            path, _, test = proof.strip("`").partition("::")
            assert test in names_in(path), proof


def test_the_totals_are_those_of_the_table():
    counts = [sum(row[1] == verdict for row in SDK) for verdict in VERDICTS]
    works, other, gone = counts
    assert f"All 40 methods of gowk: {works} work, {other} work under another name, {gone} are gone." in TEXT


def test_the_example_runs_without_django(cluster: SimulatedCluster):
    cluster.state.add_group("group", ["anna"])
    cluster.state.add_message("anna", "group", "hello")
    example = re.search(r"```python\n(.*?)```", TEXT, re.DOTALL)
    assert example
    lines = [line for line in example[1].splitlines() if line and not line.startswith(("import", "from"))]
    assert len(lines) <= 10
    guard = "import sys; sys.modules['django'] = None\n"  # importing it fails
    node = cluster.nodes[0]
    done = subprocess.run(
        [sys.executable, "-c", guard + example[1], node.api_url, node.manager_url, TOKEN],
        capture_output=True, text=True, timeout=120, cwd=ROOT,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert "2/group 1" in done.stdout and done.stdout.rstrip().endswith("complete")
