from django.urls import path

from sms import views

urlpatterns = [path("callbacks/sms/<str:token>/", views.delivery_report, name="sms_delivery_report")]
