from django.urls import path

from wallet import api

urlpatterns = [
    path("wallet/balance", api.Balance.as_view()),
    path("wallet/transactions", api.Transactions.as_view()),
    path("wallet/transactions/<uuid:id>", api.Transaction.as_view()),
    path("wallet/topups", api.TopUps.as_view()),
    path("wallet/topups/<uuid:id>", api.OneTopUp.as_view()),
    path("wallet/float-purchases", api.Purchases.as_view()),
    path("wallet/float-purchases/<uuid:id>", api.OnePurchase.as_view()),
    path("wallet/float-purchases/<uuid:id>/confirm", api.ConfirmPurchase.as_view()),
    path("wallet/float-purchases/<uuid:id>/send-code", api.SendCode.as_view()),
    path("wallet/float-purchases/<uuid:id>/cancel", api.CancelPurchase.as_view()),
]
