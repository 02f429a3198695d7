from django.apps import AppConfig
from django.conf import settings
from django.db.models.signals import post_migrate


class VaultConfig(AppConfig):
    name = "vault"

    def ready(self) -> None:
        from common.logs import configure
        from vault.roles import write_roles

        configure(level=settings.LOG_LEVEL)
        post_migrate.connect(write_roles)  # after django.contrib.auth has made the permissions
