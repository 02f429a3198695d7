from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("c2b", "0006_wishes_of_keys")]
    operations = [
        migrations.AddIndex(
            model_name="c2btransaction",
            index=models.Index(
                fields=["partner", "bill_ref"], name="c2b_unread", condition=models.Q(("status", "received"))
            ),
        ),
    ]
