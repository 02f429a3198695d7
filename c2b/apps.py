from django.apps import AppConfig


class C2bConfig(AppConfig):
    name = "c2b"
    verbose_name = "Collections"
