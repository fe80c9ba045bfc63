"""`manage.py cluster add|test|list|remove`."""

from typing import Any

from django.core.management.base import CommandError
from django.utils.text import slugify

from imadmin.clusters import access, actions
from imadmin.clusters.models import Cluster
from imadmin.core.commands import ProductCommand, filled, secret_from
from imadmin.gateway.types import ProbeReport, StepResult

WORDS = {StepResult.OK: "ok", StepResult.WARN: "warn", StepResult.FAILED: "BAD", StepResult.SKIPPED: "-"}


class Command(ProductCommand):
    help = "Clusters: add one, test the connection, list, remove."

    def subcommands(self, add: Any) -> None:
        new = add.add_parser("add", help="store a new cluster")
        new.add_argument("name")
        new.add_argument("--api", required=True, metavar="URL", help="main API of a node, like http://host:5001")
        new.add_argument("--manager", required=True, metavar="URL", help="manager API, like http://host:5300")
        new.add_argument("--node-api", action="append", default=[], metavar="URL", help="main API of another node")
        new.add_argument("--token-file", metavar="FILE", help="file with the manager token (- = standard input)")
        new.add_argument("--jwt-user", default="", metavar="NAME", help="account of the manager API")
        new.add_argument("--jwt-password-file", metavar="FILE", help="file with that account's password")
        new.add_argument("--slug", default="", help="short name in addresses (default: made from NAME)")
        new.add_argument("--kind", default="wukongim2", choices=sorted(actions.KINDS))
        new.add_argument("--environment", default="test", choices=Cluster.Environment.values)
        new.add_argument("--reason", default="added by command", help="kept on the audit trail")
        test = add.add_parser("test", help="try the connection step by step")
        test.add_argument("slug")
        add.add_parser("list", help="list the clusters")
        remove = add.add_parser("remove", help="forget a cluster; the cluster itself is not touched")
        remove.add_argument("slug")
        remove.add_argument("--yes", action="store_true", help="don't ask")
        remove.add_argument("--reason", default="removed by command", help="kept on the audit trail")

    def do_add(self, options: dict[str, Any]) -> None:
        if [options["token_file"], options["jwt_password_file"]].count("-") > 1:
            raise CommandError("Only one secret can come from standard input.")
        draft = actions.ClusterDraft(
            slug=options["slug"] or slugify(options["name"])[:50],
            name=options["name"],
            kind=options["kind"],
            environment=options["environment"],
            api_url=options["api"],
            manager_url=options["manager"],
            node_apis=tuple(options["node_api"]),
            jwt_user=options["jwt_user"],
            token=secret_from(options["token_file"]),
            jwt_password=secret_from(options["jwt_password_file"]),
        )
        cluster = actions.add_cluster(access.enter_site_by_command(), draft, reason=options["reason"])
        self.say(f"Added {cluster.slug}. Try the connection: manage.py cluster test {cluster.slug}")

    def do_test(self, options: dict[str, Any]) -> None:
        """Ends with 1 when a step failed."""
        report = actions.test_cluster(access.enter_site_by_command(), options["slug"])
        for line in lines(report):
            self.say(line)
        if not report.is_usable:
            raise CommandError("The cluster can't be used like this.")

    def do_list(self, _options: dict[str, Any]) -> None:
        for cluster in Cluster.objects.all():
            self.say(f"{cluster.slug}\t{cluster.environment}\t{cluster.kind}\t{cluster.api_url}\t{cluster.manager_url}")

    def do_remove(self, options: dict[str, Any]) -> None:
        slug = options["slug"]
        actions.stored(slug)
        typed = slug if options["yes"] else input(f"Type {slug} to forget this cluster with its roles: ")
        actions.remove_cluster(access.enter_site_by_command(), slug, typed=typed, reason=options["reason"])
        self.say(f"Removed {slug}.")


def lines(report: ProbeReport) -> list[str]:
    """A report for a terminal: what was tried, what answered, what helps."""
    found = []
    for step in report.steps:
        tried, answer = filled(step.tried, step.params), filled(step.found, step.params)
        found.append(f"{WORDS[step.result]:<5}{tried}: {answer}")
        if step.hint:
            found.append(f"     {filled(step.hint, step.params)}")
    return found
