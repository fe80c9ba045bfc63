"""What is offered while a query is typed."""

from imadmin.archive.operators import OPERATORS, complete
from tests.archive.asked import Known, read


def offered(text, caret=None):
    """Each suggestion as the whole text it would make."""
    caret = len(text) if caret is None else caret
    return [text[: one.start] + one.text + text[one.end :] for one in complete(text, caret, lookups=Known())]


def test_completion():
    assert offered("退款 fr") == ["退款 from:"]
    assert offered("退款 -fr") == ["退款 -from:"]
    assert offered("fr 退款", 2) == ["from: 退款"]
    assert offered("uid") == ["from:"]
    assert offered("") == [f"{operator.name}:" for operator in OPERATORS]
    assert offered("(") == [f"({operator.name}:" for operator in OPERATORS]
    assert offered("from:u") == ["from:u1", "from:u2", 'from:"u 3"']
    assert offered('from:"u ') == ['from:"u 3"']
    assert offered("in:g") == ["in:group", "in:group:g42", 'in:group:"g 43"', "in:customer_service:gate"]
    assert offered("node:") == ["node:1001", "node:1002"]
    assert offered("-node:1002") == ["-node:1002"]
    assert offered("node:9") == []
    assert offered("in:group:g") == ["in:group:g42", 'in:group:"g 43"']
    assert offered("in:person:") == ["in:person:u1@u2"]
    assert offered("-is:re") == ["-is:revoked"]
    assert offered("type:unk") == ["type:unknown"]
    assert offered("退款 ") == [f"退款 {operator.name}:" for operator in OPERATORS]
    assert offered("foo:b") == offered('"fr') == offered("zzz") == []


def test_what_is_offered_can_be_read():
    for text in ("from:u", "in:g", "in:person:", "in:", "is:", "has:", "type:", "after:", "on:"):
        for whole in offered(text):
            read(whole)
