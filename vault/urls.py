from django.contrib import admin
from django.urls import include, path
from django.views.generic import RedirectView

from vault import health

urlpatterns = [
    path("", RedirectView.as_view(pattern_name="admin:index")),
    path("admin/", admin.site.urls),
    path("", include("disbursements.urls")),
    path("", include("c2b.urls")),
    path("", include("sms.urls")),
    path("", include("wallet.urls")),
    path("healthz", health.healthz),
    path("readyz", health.readyz),
    path("metrics", health.figures),
]
