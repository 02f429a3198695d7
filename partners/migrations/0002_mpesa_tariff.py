"""What Safaricom charges for a B2C payment to a registered phone.

Safaricom's form "C1-Public", August 2023 (business pays all). It ends at 150,000; Safaricom and the Central
Bank said in September 2023 that it holds up to 250,000.
"""

from datetime import date

from django.db import migrations

KIND = "mpesa_b2c"
VALID_FROM = date(2023, 8, 1)
BANDS = [(100, 0), (1_500, 5), (5_000, 9), (20_000, 11), (250_000, 13)]


def seed(apps, schema_editor):
    bands = apps.get_model("partners", "TariffBand").objects
    for up_to, fee in BANDS:
        bands.get_or_create(
            partner=None, kind=KIND, valid_from=VALID_FROM, up_to=up_to, defaults={"fee": fee}
        )


class Migration(migrations.Migration):
    dependencies = [("partners", "0001_initial")]
    operations = [migrations.RunPython(seed, migrations.RunPython.noop)]
