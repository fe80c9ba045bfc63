from django.apps import AppConfig


class LiveConfig(AppConfig):
    name = "imadmin.live"
    label = "live"
