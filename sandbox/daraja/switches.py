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
FAULT_KINDS = GATEWAY_KINDS + RESULT_KINDS + STATUS_KINDS
ON_OFF = ("on", "off")


def register_switches(switches: Switches) -> None:
    """Make Daraja's switches known, each with the default that we ship."""
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


def _is_unlimited_or_days(value: object) -> bool:
    return value == "unlimited" or str(value).replace(".", "", 1).isdecimal()
