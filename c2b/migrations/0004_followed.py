from django.db import migrations

from partners.events.history import follow


class Migration(migrations.Migration):
    dependencies = [("c2b", "0003_words"), ("events", "0002_append_only")]
    operations = [follow("c2b_events"), follow("c2b_stk_push_events")]
