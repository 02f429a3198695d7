from django.urls import path

from disbursements import api

urlpatterns = [
    path("loans/disbursements", api.Disbursements.as_view()),
    path("loans/disbursements/<uuid:id>", api.OneDisbursement.as_view()),
    path("loans/disbursements/<uuid:id>/hold", api.Hold.as_view()),
    path("loans/disbursements/<uuid:id>/release", api.Release.as_view()),
    path("loans/disbursements/<uuid:id>/retry", api.Retry.as_view()),
    path("loans/disbursements/<uuid:id>/cancel", api.Cancel.as_view()),
]
