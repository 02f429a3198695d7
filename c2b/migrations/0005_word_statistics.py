from django.db import migrations

from common.names import statistics


class Migration(migrations.Migration):
    dependencies = [("c2b", "0004_followed")]
    operations = [
        statistics(
            "c2b_searched_words", "c2b_transactions", "customer_name", "client_name", "account_no", "bill_ref"
        )
    ]
