from django.apps import AppConfig


class DirectoryConfig(AppConfig):
    name = "imadmin.directory"
