"""The sentences of the connection test: English templates, translated where they are shown."""

from __future__ import annotations

from collections.abc import Mapping

from imadmin.core.errors import gettext_noop
from imadmin.gateway import address, http

TRIED: Mapping[str, str] = {
    "address": gettext_noop("Ask %(url)s whether it is healthy"),
    "token": gettext_noop("Ask with the manager token"),
    "manager": gettext_noop("Ask the manager API at %(url)s"),
    "sign-in": gettext_noop("Sign in to the manager API"),
    "rights": gettext_noop("Read the rights of our account"),
    "version": gettext_noop("Read the server's version"),
    "clock": gettext_noop("Compare the server's clock with ours"),
    "node": gettext_noop("Ask node %(node)s itself at %(url)s"),
    "default-secret": gettext_noop("Knock with a session signed by the well-known default secret"),
    "guest": gettext_noop("Sign in as guest with the password guest"),
    "open-api": gettext_noop("Ask the main API without any credential"),
}

AT_ADDRESS = gettext_noop("Ask the node at %(url)s itself")

NOT_TRIED = gettext_noop("Not tried, as an earlier step failed or is left out")

ADDRESS_OK = gettext_noop("A WuKongIM v2 main API answers")
STAND_IN = gettext_noop("The cluster is reached through %(other)s instead; pages work, but correct the main address.")
NOT_WUKONGIM = gettext_noop("Something answers at that address, but it isn't WuKongIM v2")
NOT_WUKONGIM_HELP = gettext_noop("Give the address of httpAddr (port 5001 by default), not the manager's.")
UNREACHABLE_HELP = gettext_noop("Check that the node runs, and that this machine may connect to that address.")
HELP: Mapping[str, str] = {
    http.NO_NAME: gettext_noop("Check the spelling of the host name, or give the address as a number."),
    http.REFUSED: gettext_noop("Check that the server runs and the port is right (5001 by default)."),
    http.NO_CONNECT: gettext_noop("A firewall may drop the packets: let this machine connect to that port."),
    http.BAD_TLS: gettext_noop("Use http:// for a plain port, or a certificate that fits the host name."),
    http.NOT_HTTP: gettext_noop("This looks like a client or cluster port; give the port of the HTTP API."),
    address.OUTSIDE: gettext_noop("Add its network to the networks of this cluster, or give another address."),
}

TOKEN_OK = gettext_noop("The node accepts our token")
TOKEN_NOT_NEEDED = gettext_noop("No token is set, and the node asks for none")
TOKEN_REFUSED = gettext_noop("The node refuses the token")
TOKEN_MISSING = gettext_noop("The node asks for a manager token, and none is set")
TOKEN_HELP = gettext_noop("Enter the managerToken of the server's configuration.")

NO_MANAGER = gettext_noop("No manager address is set")
NO_MANAGER_HELP = gettext_noop("Set it to sign in and to read metrics; its port is 5300 by default.")
MANAGER_OK = gettext_noop("A manager API answers")
MANAGER_IS_MAIN = gettext_noop("This is a main API, not a manager API")
MANAGER_HELP = gettext_noop("Give the address of manager.addr, port 5300 by default.")

NO_USER = gettext_noop("No user is set; we go by the token alone")
NO_USER_HELP = gettext_noop("Moving slots needs a user of auth.users with all rights; everything else works without.")
PASSWORD_HELP = gettext_noop("Enter a user and password of auth.users in the server's configuration.")
SIGNED_IN = gettext_noop("Signed in as %(user)s")

ALL_RIGHTS = gettext_noop("The account has all rights: %(permissions)s")
SOME_RIGHTS = gettext_noop("The account has only some rights: %(permissions)s")
READ_ONLY = gettext_noop("The account can only read: %(permissions)s")
RIGHTS_HELP = gettext_noop("Moving slots and channels will be refused; give the account all rights (name:password:*).")

VERSION_OK = gettext_noop("Version %(version)s")
VERSION_OTHER = gettext_noop("Version %(version)s is not one we know")
VERSION_HELP = gettext_noop("This was made for v2.2; with other versions some pages may fail or show wrong numbers.")
VERSION_UNKNOWN = gettext_noop("The server was built without saying its version")
VERSION_UNKNOWN_HELP = gettext_noop("Make sure that it is v2.2 or later of version 2.")

NO_DATE = gettext_noop("The answer carries no date")
CLOCK_OK = gettext_noop("The clocks agree")
CLOCK_OFF = gettext_noop("The server's clock is %(seconds)s seconds off ours")
CLOCK_HELP = gettext_noop("Set both machines by NTP; sessions and times of messages depend on it.")

NODE_OK = gettext_noop("Node %(node)s answers")
NODE_OTHER = gettext_noop("Another node answers at the address of node %(node)s")
NODE_STRANGE = gettext_noop("Node %(node)s answers there, which the cluster doesn't list")
NODE_STRANGE_HELP = gettext_noop("It may be of another cluster: correct or remove this address.")
NODE_NO_ADDRESS = gettext_noop("The cluster gives no address for this node")
NODE_HELP = gettext_noop("Its part of the data is missing. If it runs, enter its address as seen from this machine.")

SECRET_OWN = gettext_noop("The session is refused")
SECRET_DEFAULT = gettext_noop("It opens: anyone can sign in with all rights")
SECRET_HELP = gettext_noop("Set jwt.secret to 32 random characters, the same on all nodes, and restart them.")
GUEST_CLOSED = gettext_noop("There is no such account")
GUEST_OPEN = gettext_noop("It opens: anyone can read everything and kick people")
GUEST_HELP = gettext_noop("Set auth.users; then the built-in guest is gone.")
API_CLOSED = gettext_noop("It refuses")
API_OPEN = gettext_noop("It answers: whoever reaches this port can read and change everything")
API_OPEN_HELP = gettext_noop("Set managerToken, and let only machines you trust reach the port.")
