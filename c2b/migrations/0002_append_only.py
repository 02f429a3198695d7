from django.db import migrations


def append_only(table: str) -> migrations.RunSQL:
    return migrations.RunSQL(
        f"create trigger {table}_append_only before update or delete on {table} "
        "for each row execute function refuse_change();",
        f"drop trigger {table}_append_only on {table};",
    )


class Migration(migrations.Migration):
    dependencies = [("c2b", "0001_initial"), ("common", "0002_append_only")]
    operations = [append_only("c2b_events"), append_only("c2b_stk_push_events")]
