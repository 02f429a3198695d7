"""What a set-up file wants for a partner's products: remembered, so that later products follow it too.

Kept in `MifosPartner.product_wish` as `{"auto_disburse": "all" or [ids of Mifos], "rules": {…}}`, each key only
where the file has it. A product's switch and rules may be changed by hand later; they are set again only when
the file is applied again.
"""

from collections.abc import Mapping
from typing import Any


def wished(wish: Mapping[str, Any], mifos_product_id: int) -> dict[str, Any]:
    """Return the columns of a `LoanProduct` that the wish sets; empty where there is none."""
    found: dict[str, Any] = {}
    if "auto_disburse" in wish:
        on = wish["auto_disburse"]
        found["is_auto_disbursement_enabled"] = on == "all" or mifos_product_id in on
    if "rules" in wish:
        found["disbursement_rules"] = wish["rules"]
    return found
