"""Writes imadmin/archive/fold.txt: which traditional character is searched as which simplified one.

The table is frozen: an index is only as good as the table it was made with, so a new one means a new NORM_VERSION and
`manage.py archive reindex`.  Needs OpenCC, in an environment of its own: `uv run --with opencc==1.4.2 python
scripts/fold_table.py`.
"""

import unicodedata
from importlib.metadata import version
from pathlib import Path

TARGET = Path(__file__).resolve().parent.parent / "imadmin" / "archive" / "fold.txt"
BLOCKS = ((0x2E80, 0x2FE0), (0x3005, 0x3008), (0x3400, 0xA000), (0xF900, 0xFB00), (0x20000, 0x32000))
HEAD = """\
# Traditional to simplified, one character to one, "from" and "to" side by side.  Frozen: see archive/norm.py.
# Made by scripts/fold_table.py with OpenCC {version} (configuration t2s), https://github.com/BYVoid/OpenCC,
# Copyright 2010-2026 Carbo Kuo and contributors, licensed under the Apache License 2.0.
"""


def pairs() -> dict[str, str]:
    """Every character that OpenCC changes into one other; chains followed to their end."""
    import opencc

    convert = opencc.OpenCC("t2s").convert
    found = {}
    for first, last in BLOCKS:
        for code in range(first, last):
            one = chr(code)
            if unicodedata.normalize("NFKC", one) != one:
                continue  # never seen: texts are in NFKC by then
            other = convert(one)
            if other != one and len(other) == 1 and unicodedata.normalize("NFKC", other) == other:
                found[one] = other
    for one, other in found.items():
        seen = {one}
        while other in found and other not in seen:
            seen.add(other)
            other = found[other]
        found[one] = other
    return found


def main() -> None:
    lines = [f"{one}{other}" for one, other in sorted(pairs().items())]
    TARGET.write_text(HEAD.format(version=version("opencc")) + "\n".join(lines) + "\n", encoding="utf-8")
    print(f"{len(lines)} pairs in {TARGET}")


if __name__ == "__main__":
    main()
