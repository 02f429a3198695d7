from django.urls import path

from sms import gateway_api, notification_api, template_api

urlpatterns = [
    path("sms/gateways", gateway_api.Gateways.as_view()),
    path("sms/gateways/<uuid:id>", gateway_api.OneGateway.as_view()),
    path("sms/gateways/<uuid:id>/restart", gateway_api.RestartGateway.as_view()),
    path("sms/gateways/<uuid:id>/rotate-report-address", gateway_api.RotateReportAddress.as_view()),
    path("sms/notifications", notification_api.Messages.as_view()),
    path("sms/notifications/<uuid:id>", notification_api.OneMessage.as_view()),
    path("sms/notifications/<uuid:id>/resend", notification_api.ResendMessage.as_view()),
    path("sms/templates", template_api.Templates.as_view()),
    path("sms/templates/preview", template_api.PreviewTemplate.as_view()),
    path("sms/templates/<uuid:id>", template_api.OneTemplate.as_view()),
]
