#!/usr/bin/env python
"""Translations: compile what is in locale/, or check that every text in the code has its Chinese.

scripts/messages.py compile     .po -> .mo, when newer (pure Python: no gettext needed to run the product)
scripts/messages.py extract     collect texts from code and templates into locale/ (needs gettext)
scripts/messages.py check       fail when a text is missing, empty, fuzzy, or has other placeholders
"""

import re
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

import polib

ROOT = Path(__file__).resolve().parent.parent
PO = ROOT / "locale" / "zh_Hans" / "LC_MESSAGES" / "django.po"
PLACEHOLDER = re.compile(r"%\(\w+\)[sd]|%[sd]|\{\w*\}")


def compile_messages() -> None:
    for po in ROOT.glob("locale/*/LC_MESSAGES/*.po"):
        mo = po.with_suffix(".mo")
        if not mo.exists() or mo.stat().st_mtime < po.stat().st_mtime:
            polib.pofile(str(po)).save_as_mofile(str(mo))


def extract(into: Path) -> None:
    """Run Django's makemessages on a copy of the sources, with `into` as its locale folder."""
    with tempfile.TemporaryDirectory() as folder:
        copy = Path(folder)
        for name in ("imadmin", "templates"):
            shutil.copytree(ROOT / name, copy / name, ignore=shutil.ignore_patterns("__pycache__", "simulator"))
        (copy / "locale" / "zh_Hans" / "LC_MESSAGES").mkdir(parents=True)
        if PO.exists():
            shutil.copy(PO, copy / "locale" / "zh_Hans" / "LC_MESSAGES" / "django.po")
        subprocess.run(
            [sys.executable, "-m", "django", "makemessages", "--locale", "zh_Hans", "--no-location", "--no-obsolete",
             "--no-wrap", "--extension", "html,py,txt", "--verbosity", "0"],
            cwd=copy, check=True,
        )  # fmt: skip
        shutil.copy(copy / "locale" / "zh_Hans" / "LC_MESSAGES" / "django.po", into)


def check() -> int:
    problems = []
    with tempfile.NamedTemporaryFile(suffix=".po") as file:
        extract(Path(file.name))
        fresh = polib.pofile(file.name)
    for entry in fresh:
        texts = list(entry.msgstr_plural.values()) if entry.msgid_plural else [entry.msgstr]
        if not all(texts):
            problems.append(f"no Chinese for: {entry.msgid!r}")
        elif entry.fuzzy:
            problems.append(f"fuzzy: {entry.msgid!r}")
        else:
            # One form stands for one and many: it fills in what either of them does.
            wanted = [set(PLACEHOLDER.findall(form)) for form in (entry.msgid, entry.msgid_plural) if form]
            for text in texts:
                if set(PLACEHOLDER.findall(text)) not in wanted:
                    problems.append(f"other placeholders: {entry.msgid!r} -> {text!r}")
                elif any(wanted) and "%" in PLACEHOLDER.sub("", text).replace("%%", ""):
                    problems.append(f"a percent sign that would be taken for a placeholder: {text!r}")
    for problem in problems:
        print(problem)
    print(f"translations: {len(fresh)} texts, {len(problems)} problems")
    return 1 if problems else 0


if __name__ == "__main__":
    command = sys.argv[1] if len(sys.argv) > 1 else "check"
    if command == "compile":
        compile_messages()
    elif command == "extract":
        extract(PO)
        compile_messages()
    else:
        sys.exit(check())
