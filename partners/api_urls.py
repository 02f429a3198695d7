from django.urls import path

from partners.api import key_views

urlpatterns = [
    path("keys", key_views.Keys.as_view()),
    path("keys/<uuid:id>", key_views.Key.as_view()),
    path("keys/<uuid:id>/revoke", key_views.RevokeKey.as_view()),
]
