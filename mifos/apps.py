from django.apps import AppConfig


class MifosConfig(AppConfig):
    name = "mifos"
