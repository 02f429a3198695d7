"""The shapes in which Fineract refuses.

Three of Fineract's own (envelope, bare item, envelope without items), and Spring Boot's error JSON
for everything that never reached a mapper.
"""

from typing import Any

from sandbox.fineract.wire import Json

DOMAIN_RULE = "validation.msg.domain.rule.violation"


class Refusal(Exception):
    """An answer that is not a success: status and the body as it goes out."""

    def __init__(self, status: int, body: Json, *, content_type: bool = True) -> None:
        super().__init__(f"{status} {body.get('userMessageGlobalisationCode')}")
        self.status = status
        self.body = body
        self.content_type = content_type  # filters answer without a Content-Type header


# What a body of the wrong shape can raise in our rules; the server's mappers know none of it either.
UNMAPPED = (ArithmeticError, AttributeError, LookupError, TypeError, ValueError)


class BootRefusal(Exception):
    """An answer in Spring Boot's shape; its body carries time and path and is written last."""

    def __init__(self, status: int, *, challenge: bool = False) -> None:
        super().__init__(f"{status} in Spring Boot shape")
        self.status = status
        self.challenge = challenge


class HangUp(Exception):
    """The server died in the middle of a command: the connection closes without an answer."""


def item(code: str, message: str, parameter: str = "id", args: list[Any] | None = None) -> Json:
    """Make one ApiParameterError."""
    shown = [{"value": value} for value in args] if args is not None else [{}]
    return {
        "developerMessage": message,
        "defaultUserMessage": message,
        "userMessageGlobalisationCode": code,
        "parameterName": parameter,
        "args": shown,
    }


def _envelope(status: int, developer: str, user: str, code: str, errors: list[Json]) -> Refusal:
    body: Json = {
        "developerMessage": developer,
        "httpStatusCode": str(status),
        "defaultUserMessage": user,
        "userMessageGlobalisationCode": code,
        "errors": errors,
    }
    return Refusal(status, body)


def invalid(*errors: Json) -> Refusal:
    """400 with the collected field or state errors."""
    developer = (
        "The request was invalid. This typically will happen due to validation errors which are provided."
    )
    code = "validation.msg.validation.errors.exist"
    return _envelope(400, developer, "Validation errors exist.", code, list(errors))


def unsupported(*parameters: str) -> Refusal:
    """400 for keys that the command does not know."""
    code = "error.msg.parameter.unsupported"
    return invalid(*(item(code, f"The parameter {name} is not supported.", name) for name in parameters))


def unknown_command(command: str | None) -> Refusal:
    """400 for a `command` query parameter without meaning."""
    message = f"The query parameter command has an unsupported value of: {command}"
    code = "error.msg.query.parameter.value.unsupported"
    return invalid(item(code, message, "command", [command]))


def domain_rule(code: str, message: str, *args: Any) -> Refusal:
    """403 for a business rule."""
    developer = "Request was understood but caused a domain rule violation."
    user = "Errors contain reason for domain rule violation."
    return _envelope(403, developer, user, DOMAIN_RULE, [item(code, message, "id", list(args))])


def integrity(message: str, code: str = "error.msg.data.integrity.issue") -> Refusal:
    """403 from the database; top-level code and item code are the same, no parameterName."""
    error = item(code, message)
    del error["parameterName"]
    developer = "The request caused a data integrity issue to be fired by the database."
    return _envelope(403, developer, message, code, [error])


def not_authorized(authority: str) -> Refusal:
    """403 for a missing permission; `authority` reads "DISBURSE_LOAN" or "READ loans"."""
    developer = (
        "The user associated with credentials passed on this request does not have sufficient privileges "
        "to perform this action."
    )
    code = "error.msg.not.authorized"
    error = item(code, f"User has no authority to: {authority}")
    if authority.startswith("READ "):
        error["defaultUserMessage"] = f"User has no authority to {authority}"
    user = "Insufficient privileges to perform this action."
    return _envelope(403, developer, user, code, [error])


def not_found(code: str, message: str, value: Any) -> Refusal:
    """404 for a resource."""
    text = "The requested resource is not available."
    return _envelope(404, text, text, "error.msg.resource.not.found", [item(code, message, "id", [value])])


def loan_not_found(loan_id: int) -> Refusal:
    """404 for a loan."""
    return not_found("error.msg.loan.id.invalid", f"Loan with identifier {loan_id} does not exist", loan_id)


def invalid_json() -> Refusal:
    """400 for a body that is no JSON object: a bare item instead of the envelope."""
    message = "The JSON provided in the body of the request is invalid or missing."
    return Refusal(400, item("error.msg.invalid.request.body", message, args=[]))


def not_authenticated() -> Refusal:
    """401 of `POST /authentication`, in Fineract's own shape."""
    message = "Unauthenticated. Please login."
    code = "error.msg.not.authenticated"
    developer = "Invalid authentication details were passed in api request."
    return _envelope(401, developer, message, code, [])


def password_outdated() -> Refusal:
    """400 for every call of a user whose password has expired."""
    message = "The password of this user has expired"
    return invalid(item("error.msg.password.outdated", message))


def _bare(status: int, code: str, message: str, *, content_type: bool) -> Refusal:
    body: Json = {
        "developerMessage": message,
        "httpStatusCode": str(status),
        "defaultUserMessage": message,
        "userMessageGlobalisationCode": code,
    }
    return Refusal(status, body, content_type=content_type)


def cob_locked(loan_id: int) -> Refusal:
    """409 of the close-of-business filter: no items, no Content-Type."""
    return _bare(
        409, "error.msg.loan.locked", f"Loan is locked by the COB job. Loan ID: {loan_id}", content_type=False
    )


def wrong_instance() -> Refusal:
    """405 of a write to a read-only node: no Content-Type."""
    message = "Method Not Allowed: this instance does not serve write requests"
    return _bare(405, "error.msg.invalid.instance.type", message, content_type=False)


def conflict(kind: str) -> Refusal:
    """409 for a concurrent change; `kind` is lock, "optimistic lock", query, unknown or a class name."""
    # The two blanks are the server's.
    message = (
        "The server is currently unable to handle the request due to concurrent modification  on "
        f"{kind}, please try again"
    )
    code = f"error.msg.platform.service.{kind}.conflict"
    return _envelope(409, message, message, code, [item(code, message)])


def unavailable(code: str, message: str) -> Refusal:
    """503: a running scheduler job, or an odd business refusal; only the item's code tells them apart."""
    text = "The server is currently unable to handle the request, please try again later"
    top = "error.msg.platform.service.unavailable"
    return _envelope(503, text, text, top, [item(code, message)])


def scheduler_running() -> Refusal:
    """503 while a scheduler job that forbids updates runs."""
    # "sheduler" is the server's spelling.
    return unavailable("error.msg.sheduler.job.currently.running", "Scheduler job is currently running")


def server_side() -> Refusal:
    """500 in Fineract's shape."""
    message = "An unexpected error occurred on the platform server."
    code = "error.msg.platform.server.side.error"
    return _envelope(500, message, message, code, [item(code, message)])
