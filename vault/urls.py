from django.contrib import admin
from django.urls import include, path
from django.views.generic import RedirectView

from common import revealing
from vault import health, search_page

urlpatterns = [
    path("", RedirectView.as_view(pattern_name="admin:index")),
    path("admin/search/", admin.site.admin_view(search_page.page)),  # before unfold's own of that path
    path("admin/", include("vault.entry.urls")),  # before the admin's own login, logout and password
    path(
        "admin/reveal/<str:label>/<uuid:row_id>/<str:field>/",
        admin.site.admin_view(revealing.reveal),
        name="reveal_phone",
    ),
    path("admin/", include("vault.house.urls")),
    path("admin/", admin.site.urls),
    path("", include("disbursements.urls")),
    path("", include("c2b.urls")),
    path("", include("sms.urls")),
    path("", include("wallet.urls")),
    path("api/", include("partners.api_urls")),
    path("api/", include("wallet.api_urls")),
    path("api/", include("mifos.api_urls")),
    path("api/", include("sms.api_urls")),
    path("api/", include("partners.events.api_urls")),
    path("api/", include("disbursements.api_urls")),
    path("api/", include("c2b.api_urls")),
    path("api/", include("common.api.urls")),  # the last: it answers for what none of the others knows
    path("healthz", health.healthz),
    path("readyz", health.readyz),
    path("metrics", health.figures),
]

handler400 = "common.api.open_doors.bad_request"
handler500 = "common.api.open_doors.server_error"
