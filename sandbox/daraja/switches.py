"""Where the sources disagree about Daraja, a switch; and the fault kinds that only Daraja plays."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from sandbox.switches import Switches

GATEWAY_KINDS = (
    "spike_arrest",
    "quota",
    "apigee_fault",
    "incapsula_html",
    "token_404",
    "product_401",
    "html_200",
    "error_200",
    "response_code",
    "duplicate_text_as_internal_error",
    "maintenance",
)
RESULT_KINDS = (
    "result_lost",
    "result_twice",
    "result_late",
    "result_before_answer",
    "result_code",
    "result_contradicting",
    "result_forged",
    "result_garbage",
    "queue_timeout",
    "silent",
)
STATUS_KINDS = ("status_not_found", "status_value")
REGISTER_KINDS = ("duplicate_notification", "soap_fault")
PULL_KINDS = ("pull_empty",)
CALL_KINDS = GATEWAY_KINDS + RESULT_KINDS + STATUS_KINDS + REGISTER_KINDS + PULL_KINDS
VALIDATION_KINDS = ("validation_lost", "validation_twice", "confirmation_early")
CONFIRMATION_KINDS = (
    "confirmation_lost",
    "confirmation_twice",
    "confirmation_late",
    "confirmation_early",
    "confirmation_out_of_order",
    "confirmation_garbage",
    "confirmation_forged",
)
FAULT_KINDS = tuple(dict.fromkeys(CALL_KINDS + VALIDATION_KINDS + CONFIRMATION_KINDS))
ON_OFF = ("on", "off")


def register_switches(switches: Switches) -> None:
    """Make Daraja's switches known, each with the default that we ship."""
    _payouts(switches)
    _collections(switches)
    _notices(switches)
    _pull(switches)
    _statement(switches)


def _payouts(switches: Switches) -> None:
    switches.register("daraja.expires_in_type", "string", ("string", "number"))
    switches.register("daraja.invalidate_previous_token", "on", ON_OFF)
    switches.register("daraja.bad_key_body", "empty", ("empty", "json"))
    switches.register("daraja.invalid_token", "401.002.01", ("401.002.01", "404.001.03", "400.003.01"))
    switches.register("daraja.dedupe_days", "unlimited", check=_is_unlimited_or_days)
    switches.register("daraja.duplicate_as", "gateway", ("gateway", "result"))
    switches.register("daraja.refusal_consumes_id", "off", ON_OFF)
    switches.register("daraja.lock_after", 3, check=lambda value: isinstance(value, int) and value > 0)
    switches.register("daraja.magic", "on", ON_OFF)
    switches.register("daraja.withdrawal_charges", "off", ON_OFF)
    switches.register("daraja.url_word_error", "Bad Request - Invalid {field}")
    switches.register("daraja.rate_error", "500", ("500", "429"))
    switches.register("daraja.mmf_transfer", "off", ON_OFF)
    switches.register("daraja.status_not_found", "2032")
    switches.register("daraja.status_not_found_text", "The transaction receipt number does not exist.")
    switches.register("daraja.timeout_body", "flat", ("flat", "result", "code", "empty"))
    switches.register("daraja.result_id", "echo", ("echo", "gateway"))
    switches.register("daraja.result_code_type", "portal", ("portal", "int", "string"))
    switches.register("daraja.failed_transaction_id", "real", ("real", "generic", "mixed"))
    switches.register("daraja.failure_parameters", "none", ("none", "object", "list"))
    switches.register("daraja.reference_item", "portal", ("portal", "object", "list"))
    switches.register("daraja.missing_value", "off", ON_OFF)
    switches.register("daraja.key_order", "portal", ("portal", "shuffled"))


def _collections(switches: Switches) -> None:
    switches.register("daraja.c2b_product", "both", ("both", "v1", "v2"))
    switches.register("daraja.c2b_overwrite", "off", ON_OFF)
    switches.register("daraja.c2b_register_answer", "portal", ("portal", "old"))
    switches.register("daraja.c2b_simulate", "on", ON_OFF)
    switches.register("daraja.c2b_validation_seconds", 8, check=_is_positive)
    switches.register("daraja.c2b_redelivery", "off", ON_OFF)
    switches.register("daraja.stk_strings", "accepted", ("accepted", "time_out"))
    switches.register("daraja.stk_timestamp", "any", ("any", "nairobi"))
    switches.register("daraja.stk_rule_limit", "off", ON_OFF)
    switches.register("daraja.stk_c2b_pair", "on", ON_OFF)
    switches.register("daraja.stk_rejected_code", "2028")
    switches.register("daraja.hakikisha", "on", ON_OFF)
    switches.register("daraja.hakikisha_refusal_http", 200, (200, 400))


def _notices(switches: Switches) -> None:
    forms = ("by_version", "plain", "masked", "masked_spaces", "sha256", "half_masked", "mixed")
    switches.register("daraja.msisdn_form", "by_version", forms)
    names = ("by_version", "full", "first", "first_alone", "empty", "missing")
    switches.register("daraja.c2b_names", "by_version", names)
    switches.register("daraja.c2b_amount", "two_places", ("two_places", "whole", "mixed"))
    switches.register("daraja.c2b_balance", "on", ON_OFF)
    switches.register("daraja.c2b_type", "by_kind")


def _pull(switches: Switches) -> None:
    switches.register("daraja.pull_method", "both", ("both", "post", "get"))
    switches.register("daraja.pull_shape", "list", ("list", "text"))
    switches.register("daraja.pull_none", "text", ("text", "list", "error"))
    switches.register("daraja.pull_status_key", "ResponseStatus", ("ResponseStatus", "Response Status"))
    switches.register("daraja.pull_trxdate", "local", ("local", "utc"))
    switches.register("daraja.pull_msisdn", "short", ("short", "full", "form"))
    switches.register("daraja.pull_page", 1000, check=_is_positive)
    switches.register("daraja.pull_hours", 48, check=_is_positive)


def _statement(switches: Switches) -> None:
    switches.register("daraja.statement_dates", "dashed", ("dashed", "iso"))
    switches.register("daraja.statement_phones", "plain", ("plain", "masked"))
    switches.register("daraja.statement_heading", "off", ON_OFF)
    switches.register("daraja.statement_commas", "off", ON_OFF)


def _is_positive(value: object) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool) and value > 0


def _is_unlimited_or_days(value: object) -> bool:
    return value == "unlimited" or str(value).replace(".", "", 1).isdecimal()
