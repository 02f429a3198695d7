from django.urls import path

from partners.events import api

urlpatterns = [
    path("events", api.Events.as_view()),
    path("events/<uuid:id>", api.OneEvent.as_view()),
    path("webhook-endpoints", api.Endpoints.as_view()),
    path("webhook-endpoints/<uuid:id>", api.OneEndpoint.as_view()),
    path("webhook-endpoints/<uuid:id>/rotate-secret", api.RotateSecret.as_view()),
    path("webhook-endpoints/<uuid:id>/test", api.TestEndpoint.as_view()),
    path("webhook-deliveries", api.Deliveries.as_view()),
    path("webhook-deliveries/<uuid:id>", api.OneDelivery.as_view()),
    path("webhook-deliveries/<uuid:id>/resend", api.ResendDelivery.as_view()),
]
