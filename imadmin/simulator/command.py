"""What `manage.py simulate` does; pure functions, so that this package stays free of Django."""

import contextlib
import signal
import threading
from argparse import ArgumentParser
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from .cluster import SimulatedCluster
from .faults import BREAK_MODES
from .recorddiff import run
from .world import WORLDS, WorldSpec


def add_arguments(parser: ArgumentParser) -> None:
    parser.add_argument("--nodes", type=int, default=3, help="number of nodes (default 3)")
    parser.add_argument("--seed", type=int, default=1, help="the same seed makes the same world (default 1)")
    parser.add_argument("--port", type=int, default=5101, help="first port; the next node takes +10 (0: free ports)")
    parser.add_argument("--slots", type=int, default=0, help="number of slots, up to 1024 (default: as the world has)")
    parser.add_argument("--token", default="", help="managerToken; guards the main API when given")
    parser.add_argument(
        "--world", choices=tuple(WORLDS), default="demo", help="living demo world (default), nothing, or very much"
    )
    diff = parser.add_argument_group("comparing with a real server (reads, and harmless writes under new names)")
    diff.add_argument("--record-diff", metavar="API", default="", help="main API of a real node: list every difference")
    diff.add_argument("--manager", default="", help="its manager API")
    diff.add_argument("--token-file", default="", help="file with its managerToken")
    diff.add_argument("--sign-in", default="admin:pwd", help="user:password with all rights (default admin:pwd)")
    diff.add_argument("--only", default="", help="one group of questions")


def _record_diff(options: Mapping[str, Any], write: Callable[[str], object]) -> None:
    token = options["token"]
    if options["token_file"]:
        token = Path(options["token_file"]).read_text("utf-8").strip()
    user, _, password = options["sign_in"].partition(":")
    run(options["record_diff"], options["manager"], token, (user, password), write, options["only"])


def handle(options: Mapping[str, Any], write: Callable[[str], object]) -> None:
    """Run a cluster until Ctrl-C, or compare with a real server."""
    if options.get("record_diff"):
        _record_diff(options, write)
        return
    cluster = SimulatedCluster(
        nodes=options["nodes"],
        seed=options["seed"],
        ports=options["port"] or None,
        world=_world(options["world"], options.get("slots") or 0),
        manager_token=options["token"],
        restless=options["world"] != "empty",
    )
    done = threading.Event()
    with cluster:
        for line in describe(cluster, options["token"]):
            write(line)
        if threading.current_thread() is threading.main_thread():
            signal.signal(signal.SIGTERM, lambda *_: done.set())
        with contextlib.suppress(KeyboardInterrupt):
            done.wait()
    write("simulated cluster stopped")


def _world(name: str, slots: int) -> WorldSpec:
    return replace(WORLDS[name], slot_count=slots) if slots else WORLDS[name]


def describe(cluster: SimulatedCluster, token: str) -> list[str]:
    lines = ["simulated WuKongIM cluster (demo data, nothing here is real)"]
    lines += [
        f"  node {one.id}: api {one.api_url}  manager {one.manager_url}  ws {one.ws_url}" for one in cluster.nodes
    ]
    lines.append(f"  manager token: {token or '(none)'}   sign-in: admin / pwd, viewer / pwd")
    url, node = cluster.control_url, cluster.nodes[-1].id
    lines.append(f"knobs (POST; GET {url}/ for the state):")
    lines += [f"  {url}/{knob}/{node}" for knob in ("kill", "revive", "hang", "resume", "heal")]
    lines += [
        f"  {url}/slow/{node}?seconds=1",
        f"  {url}/break/{node}?mode=html   ({', '.join(BREAK_MODES)})",
        f"  {url}/skew/{node}?seconds=60   {url}/metrics/{node}?mode=missing   {url}/close/{node}?door=manager",
        f"  {url}/haunt/{node}?count=5   {url}/loiter/{node}?count=5   {url}/deafen/{node}?share=0.5",
        f"  {url}/lag/{node}   {url}/unlag/{node}   {url}/stick_moves/1   {url}/join/0 (1: stuck)   {url}/storm/500",
        f"  {url}/webhook/0?url=http://127.0.0.1:8000/hooks/wukongim/…   {url}/lose_batch/1",
        f"  {url}/wedge/7?seconds=5&written=0   {url}/unwedge/7   (a slot)",
    ]
    return lines
