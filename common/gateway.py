"""The three things that can go wrong when we speak to an outside system."""


class GatewayError(Exception):
    """An outside system did not do what we asked, or may not have.

    :param message: plain words for a person
    :param code: the provider's own code, as text; empty when there is none
    :param stop: the whole account is refused (credentials, role, credit): ask nothing more until somebody
        has mended it
    """

    def __init__(self, message: str, *, code: str = "", stop: bool = False) -> None:
        super().__init__(message)
        self.message = message
        self.code = code
        self.stop = stop

    def __str__(self) -> str:
        return f"{self.message} ({self.code})" if self.code else self.message


class Rejected(GatewayError):
    """Provably nothing happened; do not ask again."""


class Retryable(GatewayError):
    """Provably nothing happened; may be asked again."""


class OutcomeUnknown(GatewayError):
    """Anything may have happened; only evidence decides."""
