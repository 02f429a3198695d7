from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("partners", "0005_partner_users"),
        ("sms", "0004_operators"),
    ]

    operations = [
        migrations.AddIndex(
            model_name="smsnotification",
            index=models.Index(
                condition=models.Q(("unconfirmed", True)), fields=["created_at"], name="sms_unconfirmed"
            ),
        ),
        migrations.AddIndex(
            model_name="smsnotification",
            index=models.Index(
                condition=models.Q(("message_type", "test_message")),
                fields=["partner", "created_at"],
                name="sms_tests",
            ),
        ),
        migrations.AddIndex(
            model_name="smsnotification",
            index=models.Index(condition=models.Q(("status", "failed")), fields=["id"], name="sms_failed"),
        ),
    ]
