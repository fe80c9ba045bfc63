"""One change at a time: within a process, and among processes that share a cache."""

import threading
from typing import Any

import pytest

from imadmin.core.errors import Busy
from imadmin.directory.actions import serial


@pytest.fixture
def shared(monkeypatch: Any) -> None:
    """As with Redis: the lock of the process alone is not enough."""
    monkeypatch.setattr(serial.config, "redis_url", "redis://shared")
    monkeypatch.setattr(serial, "WAIT_SECONDS", 0.3)


@pytest.mark.parametrize("mode", ["embedded", "shared"])
def test_two_take_turns(mode: str, request: Any) -> None:
    if mode == "shared":
        request.getfixturevalue("shared")
    inside: list[str] = []

    def work(name: str) -> None:
        with serial.alone(1, "list g/2 # ? &"):
            inside.append(f"{name} in")
            inside.append(f"{name} out")

    threads = [threading.Thread(target=work, args=(name,)) for name in "abc"]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(5)
    assert [line.split()[1] for line in inside] == ["in", "out"] * 3


def test_another_process_inside_is_waited_for_and_then_told(shared: None) -> None:
    with serial._shared("serial:1:g"), pytest.raises(Busy), serial.alone(1, "g"):
        pytest.fail("two were inside")
    with serial.alone(1, "g"):
        pass


def test_other_targets_are_free(shared: None) -> None:
    with serial._shared("serial:1:g"), serial.alone(1, "h"), serial.alone(2, "g"):
        pass
