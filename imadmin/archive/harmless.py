"""Foreign text made safe to look at: text stays text, links can't be clicked or pasted by mistake, nothing is hidden.

Pure functions on strings; escaping for HTML is the templates' work.
"""

import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass

Step = tuple[re.Pattern[str], Callable[[re.Match[str]], str]]

SNIPPET = 160
REPLACEMENT = "\ufffd"

# Direction overrides and isolates, invisible and tag characters: they change what the eye reads (U+200C/D stay, emoji
# and Persian need them).
_HIDDEN = re.compile(
    "[\u00ad\u061c\u180e\u200b\u200e\u200f\u2028-\u202e\u2060-\u206f\ufeff\ufff9-\ufffb\U000e0000-\U000e007f\x80-\x9f]"
)
_CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f]")
_SURROGATE = re.compile("[\ud800-\udfff]")
_RETURNS = re.compile("\r\n")
_SCHEME = re.compile(r"(?i)\b(https?|ftps?|wss?)://([^\s/?#]*)")
_HOST = re.compile(r"(?i)(?<![\w@.\[\]-])((?:[\w-]{1,63}\.){1,8}[a-z]{2,24})(?=[/:?#]|$|\s|[，。、！？）)])")
# What looks like a host but is far more often the end of a file's name.
_FILES = re.compile(
    "(?i)jpe?g|png|gif|webp|svg|bmp|heic|mp[34]|amr|m4a|wav|ogg|mov|avi|mkv|pdf|docx?|xlsx?|csv|pptx?|txt|md|log|json|xml|"
    "ya?ml|html|css|js|ts|py|java|go|sh|sql|zip|rar|gz|tar|apk|ipa|exe|dmg|db|bak"
)
_CODE_SCHEME = re.compile(r"(?i)\b(javascript|vbscript|data):")
_SCRIPTS: tuple[tuple[str, re.Pattern[str]], ...] = (
    ("ja", re.compile("[\u3040-\u30ff]")),
    ("ko", re.compile("[\uac00-\ud7af\u1100-\u11ff]")),
    ("zh-Hans", re.compile("[\u3400-\u9fff\uf900-\ufaff\U00020000-\U0003ffff]")),
    ("ar", re.compile("[\u0600-\u06ff]")),
    ("he", re.compile("[\u0590-\u05ff]")),
    ("ru", re.compile("[\u0400-\u04ff]")),
)


@dataclass(frozen=True, slots=True)
class Piece:
    """A part of a text; is_hit: what was searched for."""

    text: str
    is_hit: bool = False


def visible(text: str) -> str:
    """Control and direction characters as something one sees; line breaks and tabs stay."""
    return _after(_TO_VISIBLE, text)


def defanged(text: str) -> str:
    """Addresses that no program turns into a link: hxxps://host[.]name/path."""
    return _after(_TO_DEFANGED, text)


def harmless(text: str) -> str:
    return _after(STEPS, text)


def _after(steps: Iterable[Step], text: str) -> str:
    for pattern, become in steps:
        text = pattern.sub(become, text)
    return text


def _dead_host(hit: re.Match[str]) -> str:
    host = hit.group(1)
    is_file = _FILES.fullmatch(host.rpartition(".")[2]) and not hit.string.startswith("/", hit.end())
    return host if is_file else host.replace(".", "[.]")


def _dead(scheme: str) -> str:
    return scheme.replace("tt", "xx").replace("TT", "XX") if scheme.lower().startswith("http") else f"x{scheme}"


# Each step finds pieces and says what becomes of them; `marking` follows positions through them.
_TO_VISIBLE: tuple[Step, ...] = (
    (_SURROGATE, lambda hit: REPLACEMENT),
    (_RETURNS, lambda hit: "\n"),
    (_CONTROL, lambda hit: "\u2421" if hit.group() == "\x7f" else chr(0x2400 + ord(hit.group()))),
    (_HIDDEN, lambda hit: f"⟨U+{ord(hit.group()):04X}⟩"),
)
_TO_DEFANGED: tuple[Step, ...] = (
    (_SCHEME, lambda hit: f"{_dead(hit.group(1))}://{hit.group(2).replace('.', '[.]')}"),
    (_CODE_SCHEME, lambda hit: f"{hit.group(1)}[:]"),
    (_HOST, _dead_host),
)
STEPS: tuple[Step, ...] = (*_TO_VISIBLE, *_TO_DEFANGED)


def language_of(text: str) -> str:
    """For the `lang` attribute: the script's usual language, "" for Latin and unknown ones."""
    start = text[:500]  # a look at the start will do
    return next((language for language, script in _SCRIPTS if script.search(start)), "")


def pieces(text: str, wanted: str = "", *, limit: int = SNIPPET) -> tuple[Piece, ...]:
    """One line of harmless text, cut around the first place where `wanted` stands, with every such place marked."""
    line = " ".join(harmless(text[: limit * 40]).split())
    found = _pattern_of(wanted).search(line) if wanted.strip() else None
    start = max(0, min(found.start() - limit // 3, len(line) - limit)) if found else 0
    cut = line[start : start + limit]
    before, after = "…" if start else "", "…" if start + limit < len(line) or len(text) > limit * 40 else ""
    return tuple(piece for piece in (Piece(before), *marked(cut, wanted), Piece(after)) if piece.text)


def marked(text: str, wanted: str) -> tuple[Piece, ...]:
    """Harmless text in pieces, the searched ones marked."""
    if not wanted.strip():
        return (Piece(text),)
    parts, last = [], 0
    for hit in _pattern_of(wanted).finditer(text):
        parts += [Piece(text[last : hit.start()]), Piece(hit.group(), is_hit=True)]
        last = hit.end()
    return tuple(piece for piece in (*parts, Piece(text[last:])) if piece.text)


def _pattern_of(wanted: str) -> re.Pattern[str]:
    """What was typed, as it looks after defanging."""
    pattern = re.escape(" ".join(visible(wanted).split()))
    return re.compile(pattern.replace(r"\.", r"(?:\.|\[\.\])").replace("http", "h(?:tt|xx)p"))
