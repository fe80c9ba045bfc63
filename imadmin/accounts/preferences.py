"""How a person wants to see the dashboard. Nobody else is concerned, so it is not on the audit trail."""

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
