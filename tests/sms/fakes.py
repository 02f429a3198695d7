"""A provider that answers as it is told and remembers what it was asked."""

from collections.abc import Callable, Iterator
from datetime import timedelta
from decimal import Decimal
from threading import Lock

from common.gateway import GatewayError
from sms.gateways import Accepted, Message, Report

Answer = Accepted | Exception | Callable[[Message], Accepted]


class FakeGateway:
    can_be_asked = True
    retry_after: dict[str, timedelta] = {}

    def __init__(self, *answers: Answer, usual: Answer | None = None) -> None:
        self.answers: Iterator[Answer] = iter(answers)
        self.usual = usual or Accepted()
        self.sent: list[Message] = []
        self.asked: list[str] = []
        self.reports: dict[str, Report | GatewayError] = {}
        self.credit: Decimal | GatewayError = Decimal(500)
        self._lock = Lock()

    def send(self, message: Message) -> Accepted:
        with self._lock:
            self.sent.append(message)
            answer = next(self.answers, self.usual)
        if isinstance(answer, Exception):
            raise answer
        return answer(message) if callable(answer) else answer

    def balance(self) -> Decimal:
        if isinstance(self.credit, GatewayError):
            raise self.credit
        return self.credit

    def report(self, message_id: str) -> Report:
        self.asked.append(message_id)
        answer = self.reports.get(message_id, Report(message_id=message_id, fate="waiting"))
        if isinstance(answer, GatewayError):
            raise answer
        return answer

    @property
    def phones(self) -> list[str]:
        return [message.phone for message in self.sent]
