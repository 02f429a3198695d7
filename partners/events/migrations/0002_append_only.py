from django.db import migrations

# A UUIDv7 of now (RFC 9562 §5.7), for rows that PostgreSQL itself makes in bulk.
EVENT_ID = """
create function event_id() returns uuid language sql volatile as $$
    select (
        lpad(to_hex((extract(epoch from clock_timestamp()) * 1000)::bigint), 12, '0') || '7'
        || substr(replace(gen_random_uuid()::text, '-', ''), 14, 19))::uuid
$$;
"""


class Migration(migrations.Migration):
    dependencies = [("events", "0001_initial"), ("common", "0002_append_only")]
    operations = [
        migrations.RunSQL(EVENT_ID, "drop function event_id;"),
        migrations.RunSQL(
            "create trigger partner_events_append_only before update or delete on partner_events "
            "for each row execute function refuse_change();"
            "create trigger webhook_tries_append_only before update or delete on webhook_tries "
            "for each row execute function refuse_change();",
            "drop trigger partner_events_append_only on partner_events;"
            "drop trigger webhook_tries_append_only on webhook_tries;",
        ),
    ]
