"""What an index can answer of a query: a superset of its matches, in words that every engine understands."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Word:
    """A run of text that must occur.  text: normalised.  grams: all of its grams, joined by AND; () never occurs here.

    prefix: instead of grams, a gram that begins so (a text shorter than a gram).
    """

    text: str
    grams: tuple[str, ...] = ()
    prefix: str = ""


@dataclass(frozen=True, slots=True)
class Token:
    """An exact mark of a message: its channel, sender, kind, trait or client number (archive.grams makes them)."""

    text: str


@dataclass(frozen=True, slots=True)
class AllOf:
    parts: tuple[Cover, ...]


@dataclass(frozen=True, slots=True)
class AnyOf:
    parts: tuple[Cover, ...]


@dataclass(frozen=True, slots=True)
class Without:
    """part, but none that carries one of these tokens."""

    part: Cover
    tokens: tuple[Token, ...]


Cover = Word | Token | AllOf | AnyOf | Without
