from django.apps import AppConfig
from django.conf import settings


class VaultConfig(AppConfig):
    name = "vault"

    def ready(self) -> None:
        from common.logs import configure

        configure(level=settings.LOG_LEVEL)
