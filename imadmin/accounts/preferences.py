"""How a person wants to see the dashboard. Nobody else is concerned, so it is not on the audit trail."""

from collections.abc import Sequence

from imadmin.accounts.models import User

CHOICES = {
    "theme": ("", "light", "dark"),
    "density": ("", "compact", "comfortable"),
    "language": ("", "en", "zh-hans"),
}


def remember(user: User, **wishes: str) -> None:
    """Keep what is among the choices; anything else is left as it was."""
    known = {name: wish for name, wish in wishes.items() if wish in CHOICES.get(name, ())}
    for name, wish in known.items():
        setattr(user, name, wish)
    if known:
        user.save(update_fields=list(known))


def columns(user: User, page: str, *, known: Sequence[str], usual: Sequence[str]) -> tuple[str, ...]:
    """The columns this person chose for a list, in its own order; the usual ones until they choose."""
    chosen = user.columns.get(page) if isinstance(user.columns, dict) else None
    wanted = set(chosen) if isinstance(chosen, list) else set(usual)
    return tuple(name for name in known if name in wanted)


def remember_columns(user: User, page: str, chosen: Sequence[str], *, known: Sequence[str]) -> None:
    """None chosen: the usual ones again."""
    kept = [name for name in known if name in set(chosen)]
    others = {name: value for name, value in dict(user.columns).items() if name != page}
    user.columns = {**others, page: kept} if kept else others
    user.save(update_fields=["columns"])
