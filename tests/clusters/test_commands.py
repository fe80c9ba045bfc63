"""The command line: first steps without a browser; secrets come from files, never from arguments."""

import io
from pathlib import Path
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from django.test import Client

from imadmin.accounts.models import ApiToken, User
from imadmin.accounts.queries import token_by_secret
from imadmin.audit.models import AuditEntry
from imadmin.clusters import queries
from imadmin.clusters.models import Cluster


def run(*words: str) -> str:
    out = io.StringIO()
    call_command(*words, stdout=out, stderr=io.StringIO())
    return out.getvalue()


@pytest.fixture
def files(tmp_path: Path) -> dict[str, str]:
    found = {}
    for name, text in {"token": "sim-token\n", "jwt": "pwd\n", "wrong": "nope"}.items():
        path = tmp_path / name
        path.write_text(text)
        found[name] = str(path)
    return found


@pytest.fixture
def add(sim: Any, files: dict[str, str], db: None) -> Any:
    def go(token: str = "token", name: str = "Prod SH") -> str:
        return run(
            "cluster", "add", name, "--api", sim.nodes[0].api_url, "--manager", sim.nodes[0].manager_url,
            "--node-api", sim.nodes[1].api_url, "--token-file", files[token], "--jwt-user", "admin",
            "--jwt-password-file", files["jwt"], "--environment", "production",
        )  # fmt: skip

    return go


def test_add_test_list_and_remove_a_cluster(add: Any) -> None:
    assert "prod-sh" in add()
    assert "Signed in as admin" in run("cluster", "test", "prod-sh")
    assert run("cluster", "list").startswith("prod-sh\tproduction")
    run("cluster", "remove", "prod-sh", "--yes")
    assert not Cluster.objects.exists()
    assert set(AuditEntry.objects.values_list("via", flat=True)) == {"command"}


def test_a_test_that_fails_says_what_helps_and_ends_with_an_error(add: Any) -> None:
    add(token="wrong")
    out = io.StringIO()
    with pytest.raises(CommandError):
        call_command("cluster", "test", "prod-sh", stdout=out)
    assert "BAD  Ask with the manager token: The node refuses the token" in out.getvalue()
    assert "managerToken" in out.getvalue()


def test_a_cluster_that_cant_be_added_names_each_option(db: None) -> None:
    with pytest.raises(CommandError) as error:
        run("cluster", "add", "x", "--api", "http://8.8.8.8", "--manager", "nonsense")
    assert "api_url" in str(error.value) and "manager_url" in str(error.value)


def test_a_secret_file_that_cant_be_read(db: None) -> None:
    words = ("cluster", "add", "x", "--api", "http://127.0.0.1:1", "--manager", "http://127.0.0.1:1")
    with pytest.raises(CommandError, match="can't be read"):
        run(*words, "--token-file", "/no/such/file")


def test_a_token_is_printed_once_and_works(add: Any) -> None:
    add()
    secret = run("token", "create", "robot", "--role", "admin", "--cluster", "prod-sh").strip()
    assert token_by_secret(secret).name == "robot"
    listed = run("token", "list")
    assert secret not in listed and "robot\t…" in listed and "admin\tprod-sh\tactive" in listed
    assert "Revoked" in run("token", "revoke", "robot")
    assert "already" in run("token", "revoke", "robot")


def test_an_owners_token_and_wrong_ones(db: None) -> None:
    run("token", "create", "boss", "--role", "owner")
    assert ApiToken.objects.get().is_owner
    for words in (
        ("x", "--role", "king"),
        ("x", "--role", "viewer", "--cluster", "nope"),
        ("boss", "--role", "viewer"),
    ):
        with pytest.raises(CommandError):
            run("token", "create", *words)
    with pytest.raises(CommandError, match="no such token"):
        run("token", "revoke", "nobody")


def test_the_first_people(add: Any, tmp_path: Path) -> None:
    add()
    first = run("person", "add", "boss", "--owner").strip()
    assert Client().login(username="boss", password=first)
    run("person", "add", "mei")
    run("person", "grant", "mei", "moderator", "--cluster", "prod-sh")
    run("person", "grant", "mei", "support")
    assert "already" in run("person", "grant", "mei", "support")
    assert [(row.cluster, [role.value for role in row.roles]) for row in queries.person("mei").grants] == [
        ("*", ["support"]),
        ("prod-sh", ["moderator"]),
    ]
    (tmp_path / "pw").write_text("another quite long one\n")
    assert run("person", "password", "mei", "--password-file", str(tmp_path / "pw")) == ""
    assert Client().login(username="mei", password="another quite long one")
    assert "boss\towner" in run("person", "list")


def test_people_who_cant_be_added_or_found(db: None, tmp_path: Path) -> None:
    (tmp_path / "pw").write_text("short")
    with pytest.raises(CommandError, match="password"):
        run("person", "add", "mei", "--password-file", str(tmp_path / "pw"))
    with pytest.raises(CommandError, match="no such person"):
        run("person", "grant", "nobody", "viewer")
    assert not User.objects.exists()
