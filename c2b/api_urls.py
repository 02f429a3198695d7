from django.urls import path

from c2b import api

urlpatterns = [
    path("c2b/transactions", api.Payments.as_view()),
    path("c2b/transactions/<uuid:id>", api.OnePayment.as_view()),
    path("c2b/transactions/<uuid:id>/allocate", api.Allocate.as_view()),
    path("c2b/prompts", api.Prompts.as_view()),
    path("c2b/prompts/<uuid:id>", api.OnePrompt.as_view()),
]
