"""Texts that spread, the tricks their senders use, and plain chat that must not be taken for them; all by seed."""

import random
from collections.abc import Callable, Iterator

from imadmin.simulator import corpus

SPREAD = (
    "加微信 vx8866123 领红包，名额有限先到先得",
    "高价回收游戏账号，当天结算，有意者私聊我",
    "内部渠道低价充值，八折起，安全快捷不封号",
    "兼职刷单日入三百，无需押金，时间自由，加群 773301245",
    "免费领取最新课程资料，点击 https://t.cn/a8Xk2 马上进群",
    "亲，您的快递丢失了，我们三倍赔付，请添加客服支付宝好友办理退款",
    "老师带单稳赚不赔，跟单十天翻倍，进群看战绩",
    "Cheap game coins, instant delivery, write me on telegram @coinshop88",
    "Work from home and earn 500 dollars a day, no experience needed, visit http://easy-job.example/join",
    "Congratulations, you have been selected to receive a free gift card, claim it before midnight",
)
_TRADITIONAL = str.maketrans(
    "红领额号价结算内渠道课资马进办请添战绩无间载点击级业丢赔们三倍宝师带单稳赚转双亲您递",
    "紅領額號價結算內渠道課資馬進辦請添戰績無間載點擊級業丟賠們三倍寶師帶單穩賺轉雙親您遞",
)
_WIDE = {code: code + 0xFEE0 for code in range(0x21, 0x7F)}
_HIDDEN = "\u200b\u200c\u200d\u2060\ufeff"
_SIGNS = "，。.·-_~*|/！"
_FACES = "💰🎁🔥👉✨🧧"


def zero_width(text: str, dice: random.Random) -> str:
    return "".join(one + dice.choice(_HIDDEN) for one in text)


def wide(text: str, _dice: random.Random) -> str:
    return text.translate(_WIDE)


def traditional(text: str, _dice: random.Random) -> str:
    return text.translate(_TRADITIONAL)


def capitals(text: str, dice: random.Random) -> str:
    return "".join(one.upper() if dice.random() < 0.5 else one for one in text)


def spaced(text: str, _dice: random.Random) -> str:
    """A space after each Chinese character; English words keep together."""
    return "".join(one if one.isascii() else f"{one} " for one in text)


def some_signs(text: str, dice: random.Random) -> str:
    """After each fifth Chinese character and each twelfth letter of an English one, by chance."""
    return "".join(
        one + (dice.choice(_SIGNS) if dice.random() < (0.08 if one.isascii() else 0.2) else "") for one in text
    )


def signs_everywhere(text: str, dice: random.Random) -> str:
    """Between all Chinese characters; in English only between words."""
    return "".join(one + (dice.choice(_SIGNS) if not one.isascii() or one == " " else "") for one in text)


def faces(text: str, dice: random.Random) -> str:
    return (
        "".join(one + (dice.choice(_FACES) if dice.random() < 0.25 and not one.isascii() else "") for one in text)
        + "🧧"
    )


def other_number(text: str, dice: random.Random) -> str:
    return "".join(str(dice.randrange(10)) if one.isdigit() else one for one in text) + f" {dice.randrange(10**6)}"


def other_link(text: str, dice: random.Random) -> str:
    return f"{text.split('http')[0]} https://u{dice.randrange(10**5)}.example/{dice.randrange(10**6):x}"


def greeting(text: str, dice: random.Random) -> str:
    return f"{dice.choice(('大家好，', '在吗 ', 'Hi all, ', '打扰一下：'))}{text}{dice.choice(('', '谢谢', ' thanks', '！！'))}"


def one_word(text: str, dice: random.Random) -> str:
    """One character replaced, or one English word."""
    if text[0].isascii():
        words = text.split(" ")
        words[dice.randrange(len(words))] = dice.choice(("super", "today", "friends"))
        return " ".join(words)
    places = [place for place, one in enumerate(text) if not one.isascii() and one.isalpha()]
    place = dice.choice(places)
    return f"{text[:place]}{dice.choice('佳威芯鸿枹')}{text[place + 1 :]}"


def shuffled(text: str, dice: random.Random) -> str:
    """Its clauses in another order."""
    clauses = [clause.strip() for clause in text.replace("，", ",").split(",")]
    dice.shuffle(clauses)
    return "，".join(clauses)


EXACT_TRICKS: tuple[Callable[[str, random.Random], str], ...] = (zero_width, wide, traditional, capitals, spaced)
NEAR_TRICKS: tuple[Callable[[str, random.Random], str], ...] = (
    some_signs, signs_everywhere, faces, other_number, other_link, greeting, one_word, shuffled,
)  # fmt: skip


def chat(dice: random.Random) -> Iterator[str]:
    """What people say: each line of the demo world's dialogues, and lines put together from parts, without end."""
    lines = list(dict.fromkeys(_lines()))
    yield from lines
    while True:
        one, other = dice.sample(lines, 2)
        yield dice.choice((f"{one}，{other}", f"{one} {dice.randrange(10**4)}", f"{other[: len(other) // 2 + 1]}{one}"))


def _lines() -> Iterator[str]:
    for themes in corpus.THEMES.values():
        for dialogues in themes.values():
            for dialogue in dialogues:
                yield from (line.replace("{n}", "8812").replace("{who}", "小王") for line in dialogue)
    for replies in corpus.REPLIES.values():
        yield from replies
