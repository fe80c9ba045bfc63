"""`manage.py up`: everything in one process, from an empty data folder to an open page."""

import os
import secrets
import socket
import sys
from argparse import ArgumentParser
from pathlib import Path
from typing import Any

import uvicorn
from django.core.management import call_command
from django.core.management.base import BaseCommand, CommandError

from imadmin.accounts.models import User
from imadmin.config import config
from imadmin.core.errors import Conflict
from imadmin.core.locks import ProcessLease

FIRST_OWNER = "admin"


class Command(BaseCommand):
    help = "Start imadmin in one process: database, first owner, server; --demo adds a simulated cluster."
    requires_system_checks: list[str] = []

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--demo", action="store_true", help="start a simulated cluster beside the server")
        parser.add_argument("--host", default=config.host)
        parser.add_argument("--port", type=int, default=config.port)

    def handle(self, *, demo: bool, host: str, port: int, **options: Any) -> None:
        if config.redis_url:
            raise CommandError(
                "IMADMIN_REDIS_URL is set: imadmin then runs as several processes. Start each of these, once or more:\n"
                "  manage.py web\n  manage.py worker\n  manage.py beat\n  manage.py poller\n"
                "Run `manage.py migrate` first. For everything in one process unset IMADMIN_REDIS_URL."
            )
        lease = ProcessLease(config.data_dir / "imadmin.lock")
        try:
            lease.take()
        except Conflict as refusal:
            raise CommandError(f"{refusal.text()}\n{refusal.hint}") from None
        try:
            check_port(host, port)
            call_command("migrate", verbosity=0, interactive=False)
            sign_in = ensure_first_owner(config.data_dir / "first_sign_in", config.admin_password)
            if demo:
                os.environ["IMADMIN_DEMO"] = "1"
                os.environ["IMADMIN_DEMO_DOOR"] = own_address(host, port)
                grant_demo_reading()
            self.stdout.write(banner(host, port, sign_in, demo=demo))
            self.stdout.flush()
            serve(host, port)
        finally:
            lease.release()


def check_port(host: str, port: int) -> None:
    """Raises CommandError when somebody else listens there: better now than after the banner."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.socket(family, socket.SOCK_STREAM) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except OSError as error:
            raise CommandError(
                f"imadmin can't listen on {host} port {port}: {error.strerror}.\n"
                "Choose another with --port or IMADMIN_PORT, and another address with --host."
            ) from None


def own_address(host: str, port: int) -> str:
    """How this process reaches itself, for the webhook of the simulated cluster."""
    near = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(host, host)  # noqa: S104  (only compared)
    return f"http://[{near}]:{port}" if ":" in near else f"http://{near}:{port}"


def serve(host: str, port: int) -> None:
    """Until Ctrl-C or SIGTERM; open requests get two seconds."""
    # The loop that answers sockets lets go of the interpreter with each byte it sends: beside a thread that computes
    # it would wait five milliseconds to get it back, every time.
    sys.setswitchinterval(0.001)
    uvicorn.run(
        "imadmin.asgi:application",
        host=host,
        port=port,
        lifespan="on",
        log_config=None,
        access_log=False,
        server_header=False,
        ws_max_size=16 * 1024,  # what a browser sends us is a list of topics
        ws_per_message_deflate=False,  # signals are shorter than what packing them would add
        timeout_graceful_shutdown=2,
        proxy_headers=config.https,
        forwarded_allow_ips=config.trusted_proxies,
    )


def ensure_first_owner(note: Path, given_password: str) -> str:
    """Make the first owner when there is nobody yet.  Returns what to tell about signing in.

    A generated password is kept readable (mode 0600) until the owner changes it, so that a second start can tell it.
    """
    owner = User.objects.filter(username=FIRST_OWNER, is_owner=True).first()
    if owner is None and not User.objects.exists():
        password = given_password or secrets.token_urlsafe(12)
        owner = User(username=FIRST_OWNER, is_owner=True)
        owner.set_password(password)
        owner.save()
        if not given_password:
            handle = os.open(note, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
            with os.fdopen(handle, "w") as file:
                file.write(password)
    if owner and note.exists():
        password = note.read_text()
        if owner.check_password(password):
            return f"{FIRST_OWNER} / {password}   (change it under Account)"
        note.unlink()
    if owner and given_password and owner.check_password(given_password):
        return f"{FIRST_OWNER} / the password given by IMADMIN_ADMIN_PASSWORD"
    return "with your own name and password"


def grant_demo_reading() -> None:
    """In the demo the first owner is also a moderator of the demo cluster, so that its messages can be read."""
    from imadmin.clusters.models import Cluster, Grant

    owner = User.objects.filter(username=FIRST_OWNER, is_owner=True).first()
    demo, is_new = Cluster.objects.get_or_create(slug="demo", defaults={"name": "Demo", "is_demo": True})
    if owner and is_new:
        Grant.objects.get_or_create(user=owner, cluster=demo, role="moderator")


def banner(host: str, port: int, sign_in: str, *, demo: bool) -> str:
    shown = "localhost" if host in {"127.0.0.1", "0.0.0.0", "::"} else host  # noqa: S104  (only compared)
    lines = ["", f"  imadmin   http://{shown}:{port}/", f"  sign in   {sign_in}"]
    if demo:
        lines.append("  cluster   Demo: three simulated nodes on loopback; it starts anew with every start")
    lines += ["  stop      Ctrl-C", ""]
    return "\n".join(lines if sys.stdout is not None else [])
