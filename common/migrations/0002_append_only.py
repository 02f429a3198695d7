from django.db import migrations

APPEND_ONLY = """
create or replace function refuse_change() returns trigger language plpgsql as $$
begin
    raise exception '% is append-only', tg_table_name using errcode = 'restrict_violation';
end $$;
create trigger audit_lines_append_only before update or delete on audit_lines
    for each row execute function refuse_change();
"""


class Migration(migrations.Migration):
    dependencies = [("common", "0001_initial")]
    operations = [
        migrations.RunSQL(
            APPEND_ONLY,
            "drop trigger audit_lines_append_only on audit_lines; drop function refuse_change();",
        )
    ]
