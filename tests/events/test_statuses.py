"""A delivery moves along its table, and in no other way."""

from itertools import product

import pytest

from common.moves import ForbiddenMove
from partners.events.models import DeliveryStatus, WebhookDelivery
from tests.make import NOW

REFUSED = [
    pair for pair in product(DeliveryStatus.values, repeat=2) if pair[1] not in WebhookDelivery.NEXT[pair[0]]
]


@pytest.mark.parametrize(("old", "new"), REFUSED)
def test_other_moves_are_refused(old: str, new: str) -> None:
    with pytest.raises(ForbiddenMove):
        WebhookDelivery(status=old).move(new, at=NOW)
