from django.urls import re_path

from disbursements import views

urlpatterns = [
    re_path(
        r"^callbacks/(?P<kind>b2c|status|balance|b2b)/(?P<token>[0-9a-f]+)/(?P<what>result|timeout)$",
        views.daraja,
    ),
    re_path(r"^callbacks/mifos/(?P<token>[0-9a-f]+)/$", views.mifos_hook),
]
