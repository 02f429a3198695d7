from django.urls import path

from partners.api import key_views, resources

urlpatterns = [
    path("keys", key_views.Keys.as_view()),
    path("keys/<uuid:id>", key_views.Key.as_view()),
    path("keys/<uuid:id>/revoke", key_views.RevokeKey.as_view()),
    path("partners", resources.Partners.as_view()),
    path("partners/<uuid:id>", resources.OnePartner.as_view()),
    path("shortcodes", resources.Shortcodes.as_view()),
    path("shortcodes/<uuid:id>", resources.OneShortcode.as_view()),
    path("tariffs", resources.Tariffs.as_view()),
]
