"""`manage.py token create|list|revoke`."""

from typing import Any

from imadmin.accounts.models import ApiToken
from imadmin.accounts.permissions import Role
from imadmin.clusters import access, grants, queries
from imadmin.core.commands import ProductCommand
from imadmin.core.errors import NotFound, gettext_noop


class Command(ProductCommand):
    help = "API tokens: create one (printed once), list, revoke."

    def subcommands(self, add: Any) -> None:
        new = add.add_parser("create", help="make a token and print it once")
        new.add_argument("name")
        new.add_argument("--role", required=True, choices=[role.value for role in Role])
        new.add_argument("--cluster", default="", metavar="SLUG", help="default: all clusters")
        new.add_argument("--days", type=int, default=None, help="days until it expires (default: never)")
        new.add_argument("--reason", default="created by command", help="kept on the audit trail")
        add.add_parser("list", help="list the tokens")
        revoke = add.add_parser("revoke", help="end a token for good")
        revoke.add_argument("name")
        revoke.add_argument("--reason", default="revoked by command", help="kept on the audit trail")

    def do_create(self, options: dict[str, Any]) -> None:
        """Only the token goes to standard output, so that a script can take it."""
        made = grants.create_token(
            access.enter_site_by_command(),
            options["name"],
            role=options["role"],
            cluster=options["cluster"],
            days=options["days"],
            reason=options["reason"],
        )
        self.stderr.write(f"Token {made.token.name}, shown only now:")
        self.say(made.secret)

    def do_list(self, _options: dict[str, Any]) -> None:
        for row in queries.tokens():
            used = row.token.last_used_at.isoformat(timespec="seconds") if row.token.last_used_at else "never used"
            self.say(f"{row.token.name}\t…{row.token.tail}\t{row.role}\t{row.cluster}\t{row.state}\t{used}")

    def do_revoke(self, options: dict[str, Any]) -> None:
        token = ApiToken.objects.filter(name=options["name"]).first()
        if token is None:
            raise NotFound(gettext_noop("There is no such token."))
        was_living = grants.revoke_token(access.enter_site_by_command(), token.pk, reason=options["reason"])
        self.say(f"Revoked {token.name}." if was_living else f"{token.name} was revoked already.")
