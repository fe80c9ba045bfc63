"""The product's settings, with the bare baseline views mounted beside its pages."""

from imadmin.settings import *  # noqa: F403

ROOT_URLCONF = "benchmarks.urls"
