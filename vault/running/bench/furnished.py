"""Twenty partners with everything that a page can show, and a history of any length for them."""

from io import StringIO
from typing import Any

import yaml
from django.core.management import call_command
from django.db import connection

from common.ids import new_id
from mifos.models import LoanProduct, MifosPartner
from partners.events.models import WebhookEndpoint
from partners.models import Partner
from vault.running.bench import history
from vault.running.bench.ground import Ground, partner_codes
from vault.running.bench.history_rows import EVERYTHING

# What the lines come to: nothing else than this statement ever sets a balance.
_BALANCES = """
set local session_replication_role = replica;
update partner_wallets w set current_balance = last.balance_after from bench_partners b cross join lateral (
    select balance_after from wallet_transactions t where t.wallet_id = b.wallet_id order by number desc limit 1
) last where w.id = b.wallet_id;
update ledger_accounts a set balance = w.current_balance from partner_wallets w
    where a.partner_id = w.partner_id and a.kind = 'wallet';
update ledger_accounts a set balance = last.balance_after from bench_partners b cross join lateral (
    select balance_after from ledger_lines l where l.account_id = b.float_account order by number desc limit 1
) last where a.id = b.float_account;
update ledger_accounts a set balance = held.charge from (
    select partner_id, sum(charge) as charge from ledger_holds where status = 'held' group by partner_id
) held where a.partner_id = held.partner_id and a.kind = 'wallet_held';
update ledger_accounts a set balance = held.principal from (
    select partner_id, sum(principal) as principal from ledger_holds where status = 'held' group by partner_id
) held where a.partner_id = held.partner_id and a.kind = 'float_held';
select setval('ledger_numbers', greatest(nextval('ledger_numbers'), (select max(number) from wallet_transactions)));
"""


def furnish(ground: Ground) -> None:
    """Make the partners, as a set-up file would."""
    path = ground.supervisor.run_dir / "pages.yaml"
    path.write_text(yaml.safe_dump(_setup()))
    call_command("apply", str(path), verbosity=0, stdout=StringIO())
    for host in MifosPartner.objects.all():
        for number, name in enumerate(("Biashara", "Elimu"), start=1):
            LoanProduct.objects.create(
                mifos_partner=host,
                mifos_product_id=number,
                product_name=name,
                is_auto_disbursement_enabled=True,
                max_disbursement_amount=100_000,
                min_disbursement_amount=100,
            )
    for partner in Partner.objects.all():
        WebhookEndpoint.objects.create(
            partner=partner, url=f"https://{partner.code}.example/hook", secret=f"whsec_{new_id().hex}"
        )


def fill(total: int) -> None:
    """Write a history of so many loans, payments and top-ups in place of the one that is there."""
    history.write(EVERYTHING, total=total)
    with connection.cursor() as cursor:
        cursor.execute(f"begin; {_BALANCES} commit")


def _setup() -> dict[str, Any]:
    secrets = {"consumer_key": "k", "consumer_secret": "s"}
    shared = {"number": "600992", "kind": "b2c", "initiator": "testapi", "initiator_password": "p"} | secrets
    return {
        "shared_shortcodes": [shared],
        "bank": {"account": "1000000001", "till": "123456", "till_username": "u", "till_password": "p"},
        "partners": [_partner(n, code, secrets) for n, code in enumerate(partner_codes())],
    }


def _partner(number: int, code: str, secrets: dict[str, str]) -> dict[str, Any]:
    return {
        "code": code,
        "name": f"{code.title()} SACCO",
        "phones": [f"2547110{number:05}"],
        "mifos": {"host_url": f"https://{code}.example", "username": "vault", "password": "secret"},
        "shortcodes": [{"number": str(600100 + number), "kind": "c2b"} | secrets],
        "wallet": {"opening_balance": 1_000, "opening_float": 1_000, "low_balance_threshold": 5_000},
        "tariff": {"payout": [[1000, 10], [250000, 25]], "sms": 1, "float_purchase": 50},
        "collections": {"prefixes": {"L": "loan", "S": "savings"}},
        "sms": {"gateway": "ultimate_sms", "api_key": f"sms-{code}", "sender_id": code.upper()},
    }
