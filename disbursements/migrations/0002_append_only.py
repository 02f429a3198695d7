from django.db import migrations


class Migration(migrations.Migration):
    dependencies = [("disbursements", "0001_initial"), ("common", "0002_append_only")]
    operations = [
        migrations.RunSQL(
            "create trigger disbursement_events_append_only before update or delete on disbursement_events "
            "for each row execute function refuse_change();",
            "drop trigger disbursement_events_append_only on disbursement_events;",
        )
    ]
