from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("c2b", "0008_reversals")]

    operations = [
        migrations.AddField(
            "collectionrule",
            "tell_balance",
            models.BooleanField(
                default=False,
                help_text="Tell the customer the account's balance too, where Mifos has said it.",
            ),
        ),
    ]
