import common.names
import django.contrib.postgres.indexes
from django.conf import settings
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("partners", "0005_partner_users"),
        ("wallet", "0008_api"),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.AddIndex(
            model_name="bankcredit",
            index=models.Index(
                condition=models.Q(("booked_at__isnull", False)),
                fields=["booked_at"],
                name="bank_credit_booked",
            ),
        ),
        migrations.AddIndex(
            model_name="bankcredit",
            index=models.Index(fields=["created_at"], name="bank_credit_written"),
        ),
        migrations.AddIndex(
            model_name="bankcredit",
            index=django.contrib.postgres.indexes.GinIndex(
                common.names.NameWords("payer", "named"), name="bank_credit_words"
            ),
        ),
        migrations.AddIndex(
            model_name="bankdebit",
            index=models.Index(fields=["created_at"], name="bank_debit_written"),
        ),
        migrations.AddIndex(
            model_name="bankdebit",
            index=django.contrib.postgres.indexes.GinIndex(
                common.names.NameWords("narrative"), name="bank_debit_words"
            ),
        ),
        migrations.AddIndex(
            model_name="topup",
            index=models.Index(fields=["status", "id"], name="topup_status"),
        ),
        migrations.AddIndex(
            model_name="topup",
            index=models.Index(fields=["phone", "id"], name="topup_phone"),
        ),
        migrations.AddIndex(
            model_name="topup",
            index=models.Index(fields=["amount"], name="topup_amount"),
        ),
        migrations.AddIndex(
            model_name="topup",
            index=models.Index(
                condition=models.Q(("transaction_id", ""), _negated=True),
                fields=["transaction_id"],
                name="topup_pushed",
            ),
        ),
        migrations.AddIndex(
            model_name="topup",
            index=models.Index(
                condition=models.Q(("attention", ""), _negated=True),
                fields=["attention_at"],
                name="topup_attention",
            ),
        ),
        migrations.AddIndex(
            model_name="wallettransaction",
            index=models.Index(
                condition=models.Q(("transaction_type__in", ["hold", "release", "charge"]), _negated=True),
                fields=["transaction_type", "id"],
                name="wallet_transaction_kind",
            ),
        ),
    ]
