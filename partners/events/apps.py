from django.apps import AppConfig


class EventsConfig(AppConfig):
    name = "partners.events"
    label = "events"
    verbose_name = "Partner events"
