"""imadmin: a web admin dashboard for instant-messaging clusters."""

__version__ = "0.1.0"
