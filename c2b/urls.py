from django.urls import re_path

from c2b import views

urlpatterns = [
    re_path(r"^callbacks/c2b/(?P<token>[0-9a-f]+)/confirmation$", views.confirmation),
    re_path(r"^callbacks/c2b/(?P<token>[0-9a-f]+)/validation$", views.validation),
    re_path(r"^callbacks/c2b/(?P<token>[0-9a-f]+)/pull$", views.pull_notice),
    re_path(r"^callbacks/reversal/(?P<token>[0-9a-f]+)/(?P<what>result|timeout)$", views.reversal),
    re_path(r"^callbacks/stk/(?P<token>[0-9a-f]+)/result$", views.prompt_result),
]
