from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("events", "0002_append_only"),
        ("partners", "0005_partner_users"),
    ]

    operations = [
        migrations.AddIndex(
            model_name="partnerevent",
            index=models.Index(fields=["told_at"], name="partner_event_told"),
        ),
    ]
