"""Who says what next: plays dialogues of the corpus in the world's chats, with pictures, files and spam between."""

import json
import random
from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import accumulate

from .corpus import ABUSE, ENGLISH, FILES, GIVEN, PLACES, REPLIES, SPAM, SURNAMES, SYSTEM_TIPS, THEMES
from .ids import SYSTEM_UID, ChannelType
from .model import ChannelKey

NOTICES = {
    "zh": (
        "您的订单 {n} 已发货，请注意查收",
        "您有一张 {n} 元优惠券即将过期",
        "登录提醒：您的账号在新设备登录",
        "退款 {n} 元已原路退回",
    ),
    "en": (
        "Your order {n} has shipped",
        "Your verification code is {n}",
        "New sign-in from a new device",
        "Refund of ${n} is on its way",
    ),
}


@dataclass(slots=True)
class Chat:
    """A place where people talk; channel_id is the peer's uid in a person chat."""

    channel_id: str
    channel_type: int
    members: list[str]  # those who may write
    theme: str
    language: str
    weight: float
    is_closed: bool = False

    @property
    def key(self) -> ChannelKey:
        return self.channel_id, self.channel_type


@dataclass(slots=True)
class Cast:
    """Who and what the demo world consists of; the traffic goes on with it."""

    uids: list[str] = field(default_factory=list)
    chats: list[Chat] = field(default_factory=list)
    spammers: list[str] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Line:
    from_uid: str
    channel_id: str
    channel_type: int
    payload: bytes
    red_dot: bool = True


def some_hex(rng: random.Random, digits: int) -> str:
    return f"{rng.getrandbits(digits * 4):0{digits}x}"


def _json(value: object) -> bytes:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":")).encode()


class Chatter:
    def __init__(self, rng: random.Random, chats: list[Chat], spammers: list[str]) -> None:
        self._rng = rng
        self._chats = [chat for chat in chats if chat.members]
        self._weights = list(accumulate(chat.weight for chat in self._chats))
        self._spammers = spammers
        self._dialogues: dict[int, Iterator[str]] = {}
        self._last_speaker: dict[int, str] = {}
        self._wave: list[tuple[str, Chat]] = []  # a spam wave that is rolling

    def next_line(self) -> Line:
        rng = self._rng
        if not self._wave and self._spammers and rng.random() < 0.002:
            self._start_wave()
        if self._wave and rng.random() < 0.5:
            spammer, chat = self._wave.pop()
            return self._line(chat, spammer, self._text(rng.choice(SPAM), spammer))
        index = rng.choices(range(len(self._chats)), cum_weights=self._weights)[0]
        chat = self._chats[index]
        speaker = self._speaker(index, chat)
        return self._line(chat, speaker, self._payload(index, chat, speaker))

    def _start_wave(self) -> None:
        groups = [chat for chat in self._chats if chat.channel_type == ChannelType.GROUP and not chat.is_closed]
        if groups:
            spammer = self._rng.choice(self._spammers)
            self._wave = [(spammer, chat) for chat in self._rng.sample(groups, min(9, len(groups)))]

    def _line(self, chat: Chat, speaker: str, payload: bytes) -> Line:
        target = chat.channel_id
        if chat.channel_type == ChannelType.PERSON and speaker == target:
            target = chat.members[0]
        return Line(speaker, target, chat.channel_type, payload)

    def _speaker(self, index: int, chat: Chat) -> str:
        speaker = self._rng.choice(chat.members)
        if speaker == self._last_speaker.get(index):
            speaker = self._rng.choice(chat.members)
        self._last_speaker[index] = speaker
        return speaker

    def _payload(self, index: int, chat: Chat, speaker: str) -> bytes:
        rng, dice = self._rng, self._rng.random()
        if chat.theme == "notice" or speaker == SYSTEM_UID:
            return self._text(rng.choice(NOTICES[chat.language]), speaker)
        if dice < 0.80:
            return self._text(self._next_of_dialogue(index, chat), speaker)
        if dice < 0.87:
            return self._text(rng.choice(REPLIES[chat.language]), speaker)
        if dice < 0.875:
            return self._text(rng.choice(ABUSE), speaker)
        if dice < 0.985:
            return _json(self._media(speaker))
        return self._odd(speaker) if dice < 0.996 else self._broken()

    def _next_of_dialogue(self, index: int, chat: Chat) -> str:
        lines = self._dialogues.get(index)
        text = next(lines, None) if lines else None
        if text is None:
            lines = self._dialogues[index] = iter(self._rng.choice(THEMES[chat.theme][chat.language]))
            text = next(lines)
        return text

    def _text(self, text: str, speaker: str) -> bytes:
        content = text.replace("{n}", str(self._rng.randrange(100, 99999))).replace("{who}", self._name())
        body: dict[str, object] = {"type": 1, "content": content}
        if self._rng.random() < 0.04:
            body["mention"] = {"all": 0, "uids": [speaker]}
        if self._rng.random() < 0.05:
            body["reply"] = {"from_uid": speaker, "message_seq": self._rng.randrange(1, 90), "root_mid": ""}
        return _json(body)

    def _name(self) -> str:
        rng = self._rng
        return (
            rng.choice(ENGLISH).title() if rng.random() < 0.5 else f"{rng.choice(SURNAMES)}{rng.choice(GIVEN)}".title()
        )

    def _media(self, speaker: str) -> dict[str, object]:
        """The content types of the usual clients, except text."""
        rng = self._rng
        name, number = some_hex(rng, 16), rng.randrange(10, 9999)
        kind = rng.choices((2, 3, 4, 5, 6, 7, 8, 11), (40, 8, 16, 8, 5, 5, 14, 4))[0]
        if kind in (2, 3):
            suffix = "jpg" if kind == 2 else "gif"
            return {"type": kind, "url": f"chat/1/{name}.{suffix}", "width": rng.choice((720, 1080)), "height": 960}
        if kind == 4:
            return {
                "type": 4,
                "url": f"chat/1/{name}.amr",
                "timeTrad": rng.randrange(1, 60),
                "waveform": some_hex(rng, 40),
            }
        if kind == 5:
            return {
                "type": 5,
                "url": f"chat/1/{name}.mp4",
                "cover": f"chat/1/{name}.jpg",
                "second": rng.randrange(3, 300),
                "size": number * 900,
                "width": 720,
                "height": 1280,
            }
        if kind == 6:
            title, lat, lng = rng.choice(PLACES)
            return {"type": 6, "title": title, "address": title, "lat": lat, "lng": lng}
        if kind == 7:
            return {"type": 7, "uid": speaker, "name": self._name(), "vercode": f"{some_hex(rng, 32)}@3"}
        if kind == 8:
            title = rng.choice(FILES).replace("{n}", str(number))
            return {"type": 8, "name": title, "url": f"chat/1/{name}", "size": number * 311}
        inner = [
            {
                "message_id": str(number),
                "from_uid": speaker,
                "timestamp": 0,
                "payload": {"type": 1, "content": rng.choice(REPLIES["zh"])},
            }
        ]
        return {"type": 11, "channel_type": 2, "users": [{"uid": speaker, "name": self._name()}], "msgs": inner}

    def _odd(self, speaker: str) -> bytes:
        """Commands, system tips and types only the customer's own app knows."""
        rng, dice = self._rng, self._rng.random()
        if dice < 0.5:
            template = rng.choice(list(SYSTEM_TIPS.values()))
            return template.format(uid=speaker, who=self._name(), n=rng.randrange(10**17, 10**18)).encode()
        if dice < 0.7:
            return _json({"type": 99, "cmd": "unreadClear", "param": {"channel_type": 2, "unread": 0}})
        if dice < 0.85:
            return _json(
                {"type": 56, "content": "投票：周五团建去哪儿", "options": ["爬山", "桌游", "KTV"], "votes": [3, 5, 2]}
            )
        return _json({"type": 2001, "orderNo": str(rng.randrange(10**9)), "title": "Order card", "amount": "¥199.00"})

    def _broken(self) -> bytes:
        return self._rng.choice(
            (
                b"plain text, no JSON at all",
                b"{}",
                b'{"type":1,"content":"cut off',
                b"\xff\xfe\x00\x01binary\x80\x81",
                b"[1,2,3]",
                '{"content":"没有类型字段"}'.encode(),
                b'{"type":"1","content":42}',
                b'{"type":1,"content":"<b>bold?</b> & \\u4f60\\u597d"}',
            )
        )
