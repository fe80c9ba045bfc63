from django.apps import AppConfig


class AccountsConfig(AppConfig):
    name = "imadmin.accounts"

    def ready(self) -> None:
        from imadmin.accounts import signals  # noqa: F401  (connects the receivers)
