"""Where a manager API is reached, from what its node says that it listens on."""

import pytest

from imadmin.gateway.kinds.wukongim2 import managers


@pytest.mark.parametrize(
    ("api", "listens_on", "found"),
    [
        ("http://10.0.0.1:5001", "0.0.0.0:5300", "http://10.0.0.1:5300"),
        ("http://10.0.0.1:5001", ":5300", "http://10.0.0.1:5300"),
        ("http://10.0.0.1:5001", "[::]:5300", "http://10.0.0.1:5300"),
        ("http://10.0.0.1:5001", "10.9.0.1:5300", "http://10.9.0.1:5300"),
        ("http://10.0.0.1:5001", "127.0.0.1:5300", "http://10.0.0.1:5300"),
        ("http://127.0.0.1:5001", "127.0.0.1:5311", "http://127.0.0.1:5311"),
        ("http://[fd00::1]:5001", "0.0.0.0:5300", "http://[fd00::1]:5300"),
        ("http://10.0.0.1:5001", "", ""),
        ("http://10.0.0.1:5001", "nonsense", ""),
        ("http://10.0.0.1:5001", "0.0.0.0:99999", ""),
        ("http://10.0.0.1:5001", "a b:5300/?x", ""),
    ],
)
def test_the_loopback_of_a_node_is_never_ours(api: str, listens_on: str, found: str) -> None:
    assert managers.address(api, listens_on) == found
