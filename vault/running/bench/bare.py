"""A bare Django project with one view that inserts one row: what a confirmation is measured beside.

No middleware, no checks, no signature; the database settings are the platform's own.
"""

import json

from django.conf import settings
from django.core.wsgi import get_wsgi_application
from django.db import models
from django.http import HttpRequest, JsonResponse
from django.urls import path

from vault import garbage
from vault.settings import ALLOWED_HOSTS, DATABASES, SECRET_KEY

settings.configure(
    DATABASES=DATABASES,
    SECRET_KEY=SECRET_KEY,
    ALLOWED_HOSTS=ALLOWED_HOSTS,
    ROOT_URLCONF=__name__,
    MIDDLEWARE=[],
    USE_TZ=True,
)
application = get_wsgi_application()


class BareRow(models.Model):
    """One payment, and nothing else."""

    id = models.BigAutoField(primary_key=True)
    receipt = models.CharField(max_length=20, unique=True)
    amount = models.DecimalField(max_digits=14, decimal_places=2)
    body = models.TextField()
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        app_label = "bench"
        db_table = "bench_bare"  # made by `confirmations`
        managed = False

    def __str__(self) -> str:
        return self.receipt


def insert(request: HttpRequest) -> JsonResponse:
    """Insert one row."""
    posted = json.loads(request.body)
    BareRow._default_manager.create(
        receipt=posted["TransID"], amount=posted["TransAmount"], body=request.body.decode()
    )
    return JsonResponse({"ResultCode": 0, "ResultDesc": "Success"})


urlpatterns = [path("insert", insert)]
garbage.settle()
