from django.urls import path

from sms import gateway_api

urlpatterns = [
    path("sms/gateways", gateway_api.Gateways.as_view()),
    path("sms/gateways/<uuid:id>", gateway_api.OneGateway.as_view()),
    path("sms/gateways/<uuid:id>/restart", gateway_api.RestartGateway.as_view()),
    path("sms/gateways/<uuid:id>/rotate-report-address", gateway_api.RotateReportAddress.as_view()),
]
