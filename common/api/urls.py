from django.urls import path, re_path

from common.api import open_doors

urlpatterns = [
    path("schema/", open_doors.Schema.as_view(), name="api-schema"),
    path("docs/", open_doors.docs, name="api-docs"),
    path("problems", open_doors.problems, name="api-problems"),
    path("problems/<slug:code>", open_doors.problems, name="api-problem"),
    re_path("", open_doors.nothing),
]
