from django.db import migrations

from partners.events.history import follow


class Migration(migrations.Migration):
    dependencies = [("wallet", "0006_set_based_holds"), ("events", "0002_append_only")]
    operations = [follow("topup_events"), follow("bank_credit_events"), follow("float_purchase_events")]
