"""Who else wrote this: copies, disguised copies, what only looks alike, and who may ask."""

import itertools
import random
import time
from zoneinfo import ZoneInfo

import pytest

from imadmin.archive import likeness, spread
from imadmin.archive.likeness import likeness as like
from imadmin.archive.masking import BodyAccess
from imadmin.archive.norm import norm
from imadmin.core.errors import Forbidden, InvalidInput, NotFound
from tests.archive import disguises
from tests.archive.filling import Filling, quiet_cluster

UTC = ZoneInfo("UTC")
SPAM = disguises.SPREAD[0]


@pytest.fixture
def filling(db):
    return Filling(quiet_cluster())


@pytest.fixture
def ask(filling, scope_of):
    """ask(text=…) as a moderator, who reads bodies."""

    def asked(role="moderator", **wanted):
        return spread.spread(scope_of(filling.cluster, role), **({"zone": UTC} | wanted))

    return asked


# -- likeness --


@pytest.mark.parametrize("trick", disguises.EXACT_TRICKS + disguises.NEAR_TRICKS, ids=lambda trick: trick.__name__)
def test_a_disguised_copy_is_like_its_original(trick):
    dice = random.Random(6)
    for text in disguises.SPREAD:
        original = like(norm(text))
        for _ in range(20):
            copy = norm(trick(text, dice))
            assert copy == norm(text) or like(copy).is_near(original), copy


def test_plain_chat_is_like_none_of_what_spreads_and_its_own_lines_are_not_alike():
    lines = list(dict.fromkeys(itertools.islice(disguises.chat(random.Random(1)), 2000)))
    chat = [like(norm(line)) for line in lines]
    assert not any(like(norm(text)).is_near(each) for text in disguises.SPREAD for each in chat)
    dialogues = [like(norm(line)) for line in dict.fromkeys(disguises._lines())]
    pairs = list(itertools.combinations(dialogues, 2))
    assert len(pairs) > 30_000
    assert sum(one.is_near(other) for one, other in pairs) == 0


def test_the_hash_of_near_texts_differs_in_few_bits_and_of_others_in_many():
    one, near = like(norm(SPAM)), like(norm(disguises.other_number(SPAM, random.Random(2))))
    other = like(norm(disguises.SPREAD[1]))
    assert (one.hash ^ near.hash).bit_count() <= 4
    assert (one.hash ^ other.hash).bit_count() > likeness.NEAR_BITS


@pytest.mark.parametrize("text", ["", " ", "！！！", "12345", "https://t.cn/abc", "👍👍", "a", "好", "\u202e\u202d"])
def test_texts_without_letters_are_like_nothing(text):
    assert not like(norm(text)).is_near(like(norm(text)))
    assert likeness.near_cover(norm(text)) is None or like(norm(text)).weight < likeness.LEAST


def test_a_text_of_a_megabyte_is_compared_by_its_start_in_no_time():
    text = norm("加微信领红包，" * 150_000)
    assert like(text).is_near(like(norm("加微信领红包，" * 600)))


# -- the archive --


@pytest.mark.parametrize("trick", disguises.EXACT_TRICKS + disguises.NEAR_TRICKS, ids=lambda trick: trick.__name__)
def test_disguised_copies_are_found_among_plain_chat(filling, ask, trick):
    dice = random.Random(7)
    chat = list(itertools.islice(disguises.chat(dice), 400))
    filling.put_all((line, {"uid": f"u{place}"}) for place, line in enumerate(chat))
    missed = []
    for text in disguises.SPREAD:
        original = filling.put(text, uid="first")
        copies = {filling.put(trick(text, dice), uid=f"copy{number}") for number in range(3)}
        found = ask(message_id=original)
        if {row.id for row in found.rows} != copies | {original}:
            missed.append(text)
        assert not found.is_cut
    assert missed == []


def test_counts_senders_channels_times_and_wordings(filling, ask):
    now = int(time.time())
    first = filling.put(SPAM, uid="anna", channel="one", at=now - 7200)
    filling.put(SPAM, uid="anna", channel="two", at=now - 3600)
    filling.put(disguises.wide(SPAM, None), uid="bob", channel="two", at=now - 1800)
    filling.put(SPAM.replace("8866123", "771"), uid="cat", channel="two", at=now - 60)
    filling.put("明天几点开会？", uid="dan")

    found = ask(message_id=first)

    assert (found.total, found.exact, found.near) == (4, 3, 1)
    assert [(row.uid, row.count, row.exact) for row in found.writers] == [("anna", 2, 2), ("cat", 1, 0), ("bob", 1, 1)]
    assert [(place.channel.id, place.count) for place in found.places] == [("two", 3), ("one", 1)]
    assert [(row.count, row.is_same) for row in found.variants] == [(3, True), (1, False)]
    assert found.variants[1].text == SPAM.replace("8866123", "771")
    assert (found.first.timestamp(), found.last.timestamp()) == (now - 7200, now - 60)
    assert sum(bar.count for bar in found.bars) == 4
    assert sum(bar.exact for bar in found.bars) == 3
    assert [row.from_uid for row in found.rows] == ["cat", "bob", "anna", "anna"]


def test_bars_are_hours_for_a_short_wave_and_days_of_the_readers_zone_for_a_long_one(filling, ask):
    now = int(time.time())
    filling.put(SPAM, at=now - 100)
    filling.put(SPAM, at=now - 3 * 3600)
    hourly = ask(text=SPAM)
    assert hourly.is_hourly
    assert len(hourly.bars) in (3, 4, 5)
    filling.put(SPAM, at=now - 10 * 86400)
    daily = ask(text=SPAM, zone=ZoneInfo("Asia/Shanghai"))
    assert not daily.is_hourly
    assert len(daily.bars) in (10, 11, 12)
    assert {bar.start.hour for bar in daily.bars} == {0}
    assert {str(bar.start.tzinfo) for bar in daily.bars} == {"Asia/Shanghai"}


def test_only_the_window_is_looked_at(filling, ask):
    filling.put(SPAM, ago=40 * 86400)
    new = filling.put(SPAM, ago=60)
    assert [row.id for row in ask(text=SPAM).rows] == [new]
    assert ask(text=SPAM, days=90).total == 2


def test_a_short_text_is_only_found_word_for_word(filling, ask):
    filling.put("好的")
    filling.put("好的！")
    filling.put("好的呀")
    found = ask(text="好的")
    assert found.is_short
    assert found.total == 1


def test_an_ended_budget_says_at_least_and_back_to_when(filling, ask):
    now = int(time.time())
    filling.put_all((SPAM, {"uid": f"u{number}", "at": now - number}) for number in range(300))
    found = ask(text=SPAM, budget=spread.Budget(candidates=100, seconds=10))
    assert found.total == 100
    assert found.is_cut
    assert found.complete_since.timestamp() == now - 99
    assert not ask(text=SPAM).is_cut
    assert ask(text=SPAM).total == 300


def test_the_clock_is_looked_at_after_each_message(filling, ask, monkeypatch):
    now = int(time.time())
    filling.put_all((SPAM, {"uid": f"u{number}", "at": now - number}) for number in range(50))
    clock = itertools.count()
    monkeypatch.setattr(spread.time, "monotonic", lambda: next(clock))
    found = ask(text=SPAM, budget=spread.Budget(seconds=10))
    assert found.is_cut
    assert found.looked <= 12
    assert 5 < found.total < 12


def test_a_source_of_a_megabyte_is_compared_by_its_start(filling, ask, monkeypatch):
    longest = []
    whole = spread.norm
    monkeypatch.setattr(spread, "norm", lambda text: longest.append(len(text)) or whole(text))
    text = "加微信领红包，" * 150_000
    source = filling.put(text)
    filling.put(text)
    found = ask(message_id=source)
    assert (found.exact, found.length) == (2, len(text))
    assert max(longest) <= spread.READ


def test_rows_are_limited_and_all_are_counted(filling, ask):
    filling.put_all((SPAM, {"uid": f"u{number}"}) for number in range(30))
    found = ask(text=SPAM, limit=7)
    assert len(found.rows) == 7
    assert found.total == 30
    assert len(found.writers) == 30


@pytest.mark.parametrize("role", ["admin", "owner"])
def test_who_may_reveal_one_by_one_sees_how_many_wordings_not_their_words(filling, ask, role):
    source = filling.put(SPAM)
    filling.put(disguises.some_signs(SPAM, random.Random(3)))
    found = ask(role, message_id=source)
    assert found.access is BodyAccess.ONE_BY_ONE
    assert found.text is None
    assert {row.text for row in found.rows} == {None}
    assert {variant.text for variant in found.variants} == {None}
    assert found.variants[0].length == len(SPAM)
    assert "红包" not in repr(found)


@pytest.mark.parametrize("role", ["support", "viewer", "stranger"])
def test_who_reads_no_bodies_may_not_ask(filling, ask, role, trail):
    source = filling.put(SPAM)
    with pytest.raises(Forbidden):
        ask(role, message_id=source)
    with pytest.raises(Forbidden):
        ask(role, text=SPAM)
    assert trail("message.spread") == []


def test_asking_leaves_the_message_and_counts_on_the_trail_never_the_text(filling, ask, trail):
    source = filling.put(SPAM)
    ask(message_id=source)
    ask(text=SPAM)
    by_id, by_text = trail("message.spread")
    assert (by_id.target_kind, by_id.target) == ("message", str(source))
    assert (by_text.target_kind, by_text.target) == ("cluster", "own")
    assert by_id.detail["messages"] == by_text.detail["messages"] == 1
    assert by_id.detail["text"] == by_text.detail["text"]
    assert "红包" not in str(by_text.detail)


def test_what_cannot_be_compared_is_told(filling, ask):
    with pytest.raises(NotFound):
        ask(message_id=5)
    with pytest.raises(InvalidInput) as nothing:
        ask(text=" \u200b ")
    assert nothing.value.fields["text"] == [spread.NOTHING_TO_COMPARE]
    with pytest.raises(InvalidInput) as signs:
        ask(text="!!!")
    assert signs.value.fields["text"] == [spread.NO_LETTERS]
    picture = filling.put("", payload={"type": 2, "url": "a.png"})
    with pytest.raises(InvalidInput) as silent:
        ask(message_id=picture)
    assert silent.value.fields["text"] == [spread.SAYS_NOTHING]
    with pytest.raises(InvalidInput):
        ask(text=SPAM, days=0)
    with pytest.raises(InvalidInput):
        ask(text="x" * 5000)


@pytest.mark.parametrize(
    "text", ["<script>alert(1)</script> 加微信领红包", "\u202e加微信领红包\u202c ok", "加微信领红包" * 3000]
)
def test_hostile_texts_are_compared_as_any_other(filling, ask, text):
    source = filling.put(text)
    filling.put(text)
    assert ask(message_id=source).exact == 2
