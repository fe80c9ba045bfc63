"""What our management commands share: sub-commands, and errors told in words instead of a traceback."""

import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from imadmin.core.errors import AppError, InvalidInput


class ProductCommand(BaseCommand):
    """Each sub-command `x-y` is a method `do_x_y(options)`; `subcommands` adds their arguments."""

    requires_system_checks: list[str] = []

    def add_arguments(self, parser: CommandParser) -> None:
        self.subcommands(parser.add_subparsers(dest="subcommand", required=True, metavar="COMMAND"))

    def subcommands(self, add: Any) -> None:
        raise NotImplementedError

    def handle(self, *_args: Any, **options: Any) -> None:
        run = getattr(self, f"do_{options['subcommand'].replace('-', '_')}")
        try:
            run(options)
        except AppError as error:
            raise CommandError(told(error)) from None

    def say(self, line: str = "") -> None:
        self.stdout.write(line)


def told(error: AppError) -> str:
    """An error as lines for a terminal: what happened, which option, what to do."""
    lines = [error.text()]
    if isinstance(error, InvalidInput):
        for name, sentences in error.fields.items():
            lines += [f"  {name}: {filled(sentence, error.params)}" for sentence in sentences]
    if error.hint:
        lines.append(filled(error.hint, error.params))
    return "\n".join(lines)


def filled(template: str, params: Mapping[str, Any]) -> str:
    return template % params if params else template


def secret_from(path: str | None) -> str:
    """The one line of a file, `-` = standard input: secrets on a command line are seen by everybody on the host."""
    if not path:
        return ""
    try:
        text = sys.stdin.read() if path == "-" else Path(path).read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise CommandError(f"{path} can't be read: {getattr(error, 'strerror', None) or 'not a text file'}") from None
    return text.strip()
