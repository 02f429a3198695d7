from django.urls import path

from mifos import api

urlpatterns = [
    path("mifos/partners", api.MifosPartners.as_view()),
    path("mifos/partners/<uuid:id>", api.OneMifosPartner.as_view()),
    path("mifos/partners/<uuid:id>/test-connection", api.TestConnection.as_view()),
    path("mifos/partners/<uuid:id>/sync-products", api.SyncProducts.as_view()),
    path("mifos/partners/<uuid:id>/rotate-webhook-token", api.RotateWebhookToken.as_view()),
    path("mifos/partners/<uuid:id>/poll", api.Poll.as_view()),
    path("mifos/products", api.Products.as_view()),
    path("mifos/products/<uuid:id>", api.OneProduct.as_view()),
]
