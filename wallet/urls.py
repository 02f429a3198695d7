from django.urls import re_path

from wallet import views

urlpatterns = [
    re_path(
        r"^callbacks/ncba/(?P<token>[0-9a-f]+)/(?P<what>paybill|account)$", views.ncba, name="ncba_notice"
    )
]
