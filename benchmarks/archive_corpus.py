"""Messages by seed: 68% Chinese, 15% English, 12% both, 5% numbers; few busy and many quiet channels and senders.

Words are made of the common characters by the seed; the needles that are searched for are put in at known rates.
"""

import json
import random
from collections.abc import Iterator
from itertools import accumulate

from imadmin.archive.rows import Incoming
from imadmin.gateway.types import ChannelRef

CHANNELS, SENDERS, DAYS = 20_000, 50_000, 90
START = 1_750_000_000
# (what is put in, how many of a million messages have it); those with many stand for everyday words
NEEDLES = (
    ("支付", 11_400), ("发票审核单", 10_000), ("红桥", 10_000), ("error", 3_800), ("the", 78_000),
    ("糖山", 100), ("银河巡检", 100), ("edgexq7zvnode", 100), ("云南海鲜节", 1), ("zebrafinch", 1),
)  # fmt: skip
RESERVED = set("糖巡鲸凳鼹")  # so that what is rare by its characters, and what is absent, is so
_ENGLISH = "a b c d f g h k l m n p r s t v w br ch cl dr gr pl sh st tr".split()  # noqa: SIM905
_VOWELS = "a e i o u ai ea ee oo ou".split()  # noqa: SIM905


class Corpus:
    """The same messages for the same seed and size."""

    def __init__(self, size: int, *, seed: int = 6) -> None:
        self.size = size
        self._random = random.Random(seed)
        self._chinese, self._english = self._chinese_words(), self._english_words()
        self._weights = [
            list(accumulate(1 / (rank + 3) for rank in range(len(words)))) for words in (self._chinese, self._english)
        ]
        self._channels = [_channel(number) for number in range(CHANNELS)]
        self._channel_weights = list(accumulate(1 / (rank + 1) for rank in range(CHANNELS)))
        self._senders = [f"user{number:05d}" for number in range(SENDERS)]
        self._sender_weights = list(accumulate(1 / (rank + 1) for rank in range(SENDERS)))
        self._put = self._places()

    @property
    def busiest(self) -> ChannelRef:
        return self._channels[0]

    @property
    def busy_sender(self) -> str:
        return self._senders[0]

    def batches(self, most: int = 500) -> Iterator[list[Incoming]]:
        """As a webhook would bring them: in the order of their time."""
        seqs: dict[ChannelRef, int] = {}
        for start in range(0, self.size, most):
            count = min(most, self.size - start)
            channels = self._random.choices(self._channels, cum_weights=self._channel_weights, k=count)
            senders = self._random.choices(self._senders, cum_weights=self._sender_weights, k=count)
            batch = []
            for place in range(count):
                number, channel = start + place, channels[place]
                seqs[channel] = seqs.get(channel, 0) + 1
                batch.append(self._message(number, channel, seqs[channel], senders[place]))
            yield batch

    def _message(self, number: int, channel: ChannelRef, seq: int, uid: str) -> Incoming:
        sent_at = START + number * DAYS * 86_400 // self.size
        body = {"type": 1, "content": self._text(number)}
        return Incoming(
            id=(sent_at * 1000 << 22) + number,
            seq=seq,
            channel=channel,
            from_uid=uid,
            sent_at=sent_at,
            payload=json.dumps(body, ensure_ascii=False, separators=(",", ":")).encode(),
            client_msg_no=f"{self._random.getrandbits(128):032x}",
        )

    def _text(self, number: int) -> str:
        draw = self._random.random()
        if draw < 0.68:
            text = self._of_chinese(1 + int(self._random.expovariate(1 / 9)))
        elif draw < 0.83:
            text = self._of_english(2 + int(self._random.expovariate(1 / 5)))
        elif draw < 0.95:
            text = f"{self._of_chinese(4)} {self._of_english(2)} {self._of_chinese(3)}"
        else:
            text = f"{self._random.choice(('订单', 'ip ', 'id ', '#'))}{self._random.getrandbits(40)}"
        text = text[:80]
        needles = self._put.get(number)
        if needles:
            at = self._random.randrange(len(text) + 1)
            text = f"{text[:at]} {' '.join(needles)} {text[at:]}"
        return text

    def _of_chinese(self, count: int) -> str:
        words = self._random.choices(self._chinese, cum_weights=self._weights[0], k=min(count, 40))
        if count > 6:
            words.insert(count // 2, "，")
        return "".join(words)

    def _of_english(self, count: int) -> str:
        return " ".join(self._random.choices(self._english, cum_weights=self._weights[1], k=min(count, 14)))

    def _chinese_words(self) -> list[str]:
        """A few of one character, most of two, some of three and four; common characters are in many of them."""
        common = [char for char in _hanzi() if char not in RESERVED]
        self._random.shuffle(common)
        weights = list(accumulate(1 / (rank + 40) for rank in range(len(common))))
        sizes = self._random.choices((1, 2, 3, 4), weights=(4, 74, 14, 8), k=30_000)
        words = ["".join(self._random.choices(common, cum_weights=weights, k=size)) for size in sizes]
        needles = [text for text, _ in NEEDLES]
        return [word for word in dict.fromkeys(words) if not any(word in one or one in word for one in needles)]

    def _english_words(self) -> list[str]:
        words = {
            "".join(
                self._random.choice(_ENGLISH) + self._random.choice(_VOWELS)
                for _ in range(self._random.choice((1, 2, 2, 3)))
            )
            + self._random.choice(("", "n", "r", "s", "t", "ing", "ed"))
            for _ in range(12_000)
        }
        return sorted(word for word in words if "zq" not in word and word not in ("the", "error"))

    def _places(self) -> dict[int, list[str]]:
        """Which messages have which needles."""
        put: dict[int, list[str]] = {}
        for text, rate in NEEDLES:
            for number in self._random.sample(range(self.size), max(1, rate * self.size // 1_000_000)):
                put.setdefault(number, []).append(text)
        return put


def _hanzi() -> list[str]:
    """The 3755 common characters, as the first level of GB 2312 lists them."""
    pairs = ((high, low) for high in range(0xB0, 0xD8) for low in range(0xA1, 0xFF))
    return [char for high, low in pairs if (char := bytes((high, low)).decode("gb2312", "ignore"))]


def _channel(number: int) -> ChannelRef:
    if number % 3 == 2:
        return ChannelRef.person(f"user{number:05d}", f"user{number + 7:05d}")
    return ChannelRef(f"group{number:05d}", 2)
