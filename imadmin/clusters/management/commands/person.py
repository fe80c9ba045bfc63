"""`manage.py person add|grant|password|list`: the first steps, before anybody can sign in."""

from typing import Any

from imadmin.accounts import actions as people
from imadmin.accounts.permissions import CLUSTER_ROLES
from imadmin.clusters import access, grants, queries
from imadmin.core.commands import ProductCommand, secret_from


class Command(ProductCommand):
    help = "People: add one, grant a role, give a new password, list."

    def subcommands(self, add: Any) -> None:
        new = add.add_parser("add", help="add a person; without --password-file a password is made and printed once")
        new.add_argument("username")
        new.add_argument("--owner", action="store_true", help="owns the site: every cluster, people, audit")
        new.add_argument("--password-file", metavar="FILE", help="file with the password (- = standard input)")
        grant = add.add_parser("grant", help="give one more role")
        grant.add_argument("username")
        grant.add_argument("role", choices=[role.value for role in CLUSTER_ROLES])
        grant.add_argument("--cluster", default=grants.EVERYWHERE, metavar="SLUG", help="default: all clusters")
        password = add.add_parser("password", help="give a new password and end the open sessions")
        password.add_argument("username")
        password.add_argument("--password-file", metavar="FILE", help="file with the password (- = standard input)")
        add.add_parser("list", help="list the people and their roles")
        for parser in (new, grant, password):
            parser.add_argument("--reason", default="done by command", help="kept on the audit trail")

    def do_add(self, options: dict[str, Any]) -> None:
        added = grants.add_person(
            access.enter_site_by_command(),
            options["username"],
            password=secret_from(options["password_file"]),
            is_owner=options["owner"],
            reason=options["reason"],
        )
        self._tell(f"Added {added.user.username}.", added)

    def do_grant(self, options: dict[str, Any]) -> None:
        row = queries.person(options["username"])
        held = [(grant.cluster, role.value) for grant in row.grants for role in grant.roles]
        wanted = [*held, (options["cluster"], options["role"])]
        changed = grants.set_roles(access.enter_site_by_command(), row.user, wanted, reason=options["reason"])
        self.say("Granted." if changed else "Granted already.")

    def do_password(self, options: dict[str, Any]) -> None:
        reset = people.reset_password(
            access.enter_site_by_command(),
            queries.person(options["username"]).user,
            password=secret_from(options["password_file"]),
            reason=options["reason"],
        )
        self._tell(f"{reset.user.username} has a new password; open sessions have ended.", reset)

    def do_list(self, _options: dict[str, Any]) -> None:
        for row in queries.people():
            roles = [f"{grant.cluster}: {', '.join(grant.roles)}" for grant in row.grants]
            words = ["owner"] * row.user.is_owner + ["deactivated"] * (not row.user.is_active) + roles
            self.say(f"{row.user.username}\t{'; '.join(words) or 'no role'}")

    def _tell(self, sentence: str, made: people.NewPassword) -> None:
        self.stderr.write(sentence)
        if made.password:
            self.stderr.write("Password, shown only now:")
            self.say(made.password)
