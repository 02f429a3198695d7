"""Where the sources disagree about NCBA, a switch; and the fault kinds that only NCBA plays."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from sandbox.switches import Switches

GATEWAY_KINDS = ("security_notice", "unauthorized")
ORDER_KINDS = ("refused", "success_missing", "success_false")
STK_KINDS = ("refused", "stk_failed", "query_failed")
PUSH_KINDS = (
    "push_lost",
    "push_twice",
    "push_late",
    "push_before_answer",
    "push_wrong_hash",
    "push_wrong_password",
)
FLOAT_KINDS = ("float_never", "float_late")
FAULT_KINDS = tuple(dict.fromkeys(GATEWAY_KINDS + ORDER_KINDS + STK_KINDS + PUSH_KINDS + FLOAT_KINDS))
ON_OFF = ("on", "off")


def register_switches(switches: Switches) -> None:
    """Make NCBA's switches known, each with the default that we ship."""
    _till(switches)
    _pushes(switches)
    _gateway(switches)


def _till(switches: Switches) -> None:
    switches.register("ncba.till_token_method", "both", ("both", "get", "post"))
    switches.register("ncba.till_token_seconds", 18000, check=_is_seconds)


def _pushes(switches: Switches) -> None:
    switches.register("ncba.push_retries", 5, check=_is_count)
    switches.register("ncba.push_retry_seconds", 60, check=_is_seconds)
    switches.register("ncba.push_hash", "hex", ("hex", "extra_equals", "raw", "wrong"))
    switches.register("ncba.push_b_mobile", "plain", ("plain", "hashed"))
    switches.register("ncba.push_b_reference", "blank", ("blank", "narrative", "hash"))
    switches.register("ncba.push_b_names", "by_form", ("by_form", "documented", "aliases", "secret_key"))
    switches.register("ncba.push_b_ft_ref", "on", ON_OFF)
    switches.register("ncba.push_b_created_at", "on", ON_OFF)
    switches.register("ncba.push_b_amount", "two_places", ("two_places", "one_place"))
    switches.register("ncba.push_c_phone", "account", ("account", "phone"))
    switches.register("ncba.push_c_customer", "long", ("long", "name"))
    switches.register("ncba.push_c_ft_cr_narration", "off", ON_OFF)
    switches.register("ncba.debit_narrative", "echo", ("echo", "plain"))


def _gateway(switches: Switches) -> None:
    switches.register("ncba.user_agent", "descriptive", ("descriptive", "any"))
    switches.register("ncba.token_key", "accessToken", ("accessToken", "tokenID", "access_token", "token"))
    switches.register("ncba.token_place", "top", ("top", "data"))
    switches.register("ncba.token_seconds", 900, check=_is_seconds)
    switches.register("ncba.details_shape", "top", ("top", "data"))
    switches.register("ncba.statement_shape", "list", ("list", "data", "single"))
    switches.register("ncba.transfer_shape", "result_code", ("result_code", "response_code"))
    switches.register("ncba.duplicate_shape", "response_code", ("response_code", "result_code"))
    switches.register("ncba.bill_text", "resErrorDesc", ("resErrorDesc", "resErrorMessage"))
    switches.register("ncba.wallet_succeeded", "true", ("true", "false", "missing"))
    switches.register("ncba.status_query", "broken", ("broken", "transaction", "flat"))
    switches.register("ncba.hours", "queue", ("queue", "refuse", "ignore"))
    switches.register("ncba.reference_length", 25, check=_is_count)
    switches.register("ncba.charge", 0, check=_is_count)


def _is_seconds(value: object) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool) and value > 0


def _is_count(value: object) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and value >= 0
