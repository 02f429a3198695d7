from django.db import migrations

from common.names import statistics


class Migration(migrations.Migration):
    dependencies = [("disbursements", "0004_followed")]
    operations = [statistics("disbursement_name_words", "disbursements", "client_name")]
