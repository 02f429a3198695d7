"""Alarms to the platform's own people belong to no partner; a one-time code is not kept once it has left."""

from django.db import migrations, models

TYPES = [
    ("disbursement_confirmation", "Loan paid (client)"),
    ("payment_receipt", "Payment receipt (client)"),
    ("account_balance_update", "Account balance update (client)"),
    ("transaction_confirmation", "Transaction confirmation (client)"),
    ("disbursement_success", "Payout succeeded (partner)"),
    ("disbursement_failure", "Payout failed (partner)"),
    ("balance_alert", "Low balance (partner)"),
    ("topup_confirmation", "Top-up received (partner)"),
    ("float_purchase", "Float bought (partner)"),
    ("float_purchase_failure", "Float not bought (partner)"),
    ("system_error", "System error (partner)"),
    ("one_time_code", "One-time code (partner)"),
    ("test_message", "Test message (partner)"),
    ("operator_alarm", "Alarm (operators)"),
]
MASK = """
update sms_notifications set message_content = regexp_replace(message_content, '[0-9]{4,}', '******', 'g')
where message_type = 'one_time_code' and status not in ('pending', 'sending')
"""


class Migration(migrations.Migration):
    dependencies = [("sms", "0003_test_message")]

    operations = [
        migrations.AlterField(
            "smsnotification",
            "partner",
            models.ForeignKey(
                db_index=False,
                null=True,
                on_delete=models.deletion.PROTECT,
                related_name="+",
                to="partners.partner",
            ),
        ),
        migrations.AlterField(
            "smsnotification", "message_type", models.CharField(choices=TYPES, max_length=30)
        ),
        migrations.AlterField("smstemplate", "message_type", models.CharField(choices=TYPES, max_length=30)),
        migrations.RunSQL(MASK, migrations.RunSQL.noop),
    ]
