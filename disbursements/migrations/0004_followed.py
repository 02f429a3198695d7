from django.db import migrations

from partners.events.history import follow


class Migration(migrations.Migration):
    dependencies = [("disbursements", "0003_names"), ("events", "0002_append_only")]
    operations = [follow("disbursement_events")]
