"""A piece of Python in a process of its own, for what mustn't happen in the one that runs the tests: forking, above all.

A worker of the tests has threads of many kinds; a child forked from it may wait for ever for a lock that one of them held.
"""

import subprocess
import sys
from pathlib import Path

from tests.product import ROOT

PATIENCE = 120  # seconds, an upper bound for a busy machine
FORKS = """
import os, signal
def forked(holds):
    '''Whether holds() is true in a child process.'''
    child = os.fork()
    if not child:
        signal.alarm(60)  # one that waits for ever ends
        is_so = False
        try:
            is_so = holds()
        finally:
            os._exit(0 if is_so else 1)
    return os.waitpid(child, 0)[1] == 0
"""


def run_apart(code: str, *words: str | Path) -> str:
    """What it printed; it may use forked(holds).  Failing is an error that tells why, and so is taking too long."""
    done = subprocess.run(
        [sys.executable, "-c", FORKS + code, *map(str, words)], cwd=ROOT, capture_output=True, text=True,
        timeout=PATIENCE,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout
