from django.apps import AppConfig


class JobsConfig(AppConfig):
    name = "imadmin.jobs"
    label = "jobs"
