from django.contrib import admin
from django.urls import path

from vault.house import health_page, reconciling_page, reports_page, unknown_page

app_name = "house"
urlpatterns = [
    path("unknown/", admin.site.admin_view(unknown_page.page), name="unknown"),
    path("reconciliation/", admin.site.admin_view(reconciling_page.page), name="reconciliation"),
    path("reports/", admin.site.admin_view(reports_page.page), name="reports"),
    path("health/", admin.site.admin_view(health_page.page), name="health"),
]
