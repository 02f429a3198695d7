"""Whose money it is: by what the payer wrote, `<till>#<partner code>`, and by nothing else.

The bank gives it back as "<till> CODE", as the till with the code in the narrative, or inside a longer narrative
(field reports). Phones, names and amounts never decide.
"""

import re

from partners.models import Partner

_CODE = r"[A-Za-z0-9][A-Za-z0-9-]*"


def partner_named(*, till: str, bill_reference: str, narrative: str) -> Partner | None:
    """Return the one partner that a payment names, or None when it names none, or two."""
    codes = _codes(till, bill_reference.strip(), narrative.strip())
    found = list(Partner.objects.filter(code__in=codes)[:2])
    return found[0] if len(found) == 1 else None


def _codes(till: str, bill_reference: str, narrative: str) -> set[str]:
    if bill_reference and bill_reference != till:
        return _in_reference(till, bill_reference)
    inside = _after_till(till, narrative) if till else []
    whole = [narrative] if re.fullmatch(_CODE, narrative) else []
    return {code.lower() for code in inside or whole}


def _in_reference(till: str, reference: str) -> set[str]:
    ours = re.fullmatch(rf"{re.escape(till)}[\s#]+({_CODE})", reference) if till else None
    if ours:
        return {ours.group(1).lower()}
    return {reference.lower()} if re.fullmatch(_CODE, reference) else set()


def _after_till(till: str, narrative: str) -> list[str]:
    return re.findall(rf"(?<!\w){re.escape(till)}[\s#]+({_CODE})", narrative)
