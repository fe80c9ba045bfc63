"""What a role allows.  The one table; `clusters.access` asks it for page, fragment, API, command and job alike."""

from collections.abc import Iterable
from enum import StrEnum

from imadmin.core.errors import gettext_noop


class Permission(StrEnum):
    VIEW = "view"
    SEARCH_MESSAGES = "search-messages"  # who, where, when: bodies stay masked
    REVEAL_BODIES = "reveal-bodies"  # one by one, with a reason; also search by text
    READ_BODIES = "read-bodies"  # unmasked in lists
    EXPORT_MESSAGES = "export-messages"  # take a search's result along, masked as it is seen
    MANAGE_CHANNELS = "manage-channels"
    RESTRICT_MEMBERS = "restrict-members"
    KICK = "kick"
    RESTRICT_USERS = "restrict-users"
    OPERATE_CLUSTER = "operate-cluster"  # move slots and leaders, set up the webhook and the message archive
    MANAGE_POLICIES = "manage-policies"  # cleanup policies, their schedules and holds; run and stop jobs
    VIEW_AUDIT = "view-audit"
    MANAGE_SITE = "manage-site"


class Role(StrEnum):
    """Per cluster: viewer to admin. For the site: owner, who has every cluster too."""

    VIEWER = "viewer"
    SUPPORT = "support"
    MODERATOR = "moderator"
    ADMIN = "admin"
    OWNER = "owner"


CLUSTER_ROLES = (Role.VIEWER, Role.SUPPORT, Role.MODERATOR, Role.ADMIN)

ROLE_WORDS = {
    Role.VIEWER: gettext_noop("Viewer"),
    Role.SUPPORT: gettext_noop("Support"),
    Role.MODERATOR: gettext_noop("Moderator"),
    Role.ADMIN: gettext_noop("Administrator"),
    Role.OWNER: gettext_noop("Owner"),
}

_P = Permission
ROLE_PERMISSIONS: dict[Role, frozenset[Permission]] = {
    Role.VIEWER: frozenset({_P.VIEW}),
    Role.SUPPORT: frozenset({_P.VIEW, _P.SEARCH_MESSAGES, _P.KICK, _P.RESTRICT_USERS}),
    Role.MODERATOR: frozenset(
        {
            _P.VIEW, _P.SEARCH_MESSAGES, _P.REVEAL_BODIES, _P.READ_BODIES, _P.EXPORT_MESSAGES, _P.RESTRICT_MEMBERS,
            _P.KICK, _P.RESTRICT_USERS,
        }
    ),
    Role.ADMIN: frozenset(
        {
            _P.VIEW, _P.SEARCH_MESSAGES, _P.REVEAL_BODIES, _P.EXPORT_MESSAGES, _P.MANAGE_CHANNELS, _P.RESTRICT_MEMBERS,
            _P.KICK, _P.RESTRICT_USERS, _P.OPERATE_CLUSTER, _P.MANAGE_POLICIES, _P.VIEW_AUDIT,
        }
    ),
    # The owner runs the site and may do all of it, but reads bodies only one by one, with a reason.
    Role.OWNER: frozenset(set(Permission) - {_P.READ_BODIES}),
}  # fmt: skip


def permissions_of(roles: Iterable[Role]) -> frozenset[Permission]:
    """The union of what these roles allow."""
    return frozenset().union(*(ROLE_PERMISSIONS[role] for role in roles))
