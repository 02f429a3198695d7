"""What applying a file has done, for people and for programs. Holds no secret but new keys that were asked for."""

from dataclasses import asdict, dataclass, field
from typing import Any

CREATED, UPDATED, UNCHANGED = "created", "updated", "unchanged"


@dataclass(slots=True, kw_only=True)
class PartOutcome:
    """What became of one part: `changed` names the fields, or the products, bands or accounts."""

    part: str
    result: str = UNCHANGED
    changed: list[str] = field(default_factory=list)


@dataclass(slots=True, kw_only=True)
class PartnerOutcome:
    code: str
    id: str
    result: str = UNCHANGED
    parts: list[PartOutcome] = field(default_factory=list)
    callbacks: dict[str, str] = field(default_factory=dict)
    api_key: str | None = None
    notes: list[str] = field(default_factory=list)

    def add(self, part: PartOutcome) -> None:
        self.parts.append(part)
        if self.result == UNCHANGED and part.result != UNCHANGED:
            self.result = UPDATED


@dataclass(slots=True, kw_only=True)
class BankOutcome:
    """The account at NCBA, and the addresses for the bank's form."""

    account: str
    result: str
    changed: list[str]
    callbacks: dict[str, str]


@dataclass(slots=True, kw_only=True)
class Outcome:
    dry_run: bool
    bank: BankOutcome | None = None
    shared_shortcodes: list[PartOutcome] = field(default_factory=list)
    partners: list[PartnerOutcome] = field(default_factory=list)
    platform_api_key: str | None = None
    not_active_yet: list[str] = field(default_factory=list)

    def as_json(self) -> dict[str, Any]:
        """Return it as plain values; a shared shortcode's number stands in `number`."""
        found = asdict(self)
        for shortcode in found["shared_shortcodes"]:
            shortcode["number"] = shortcode.pop("part").removeprefix("shortcode ")
        for each in [*found["partners"], found]:
            for key in ("api_key", "platform_api_key", "bank"):
                if key in each and each[key] is None:
                    del each[key]
        return found

    def as_text(self) -> str:
        lines = [_part_line(part, "") for part in self.shared_shortcodes]
        if self.bank:
            whole = PartOutcome(
                part=f"bank {self.bank.account}", result=self.bank.result, changed=self.bank.changed
            )
            lines.append(_part_line(whole, ""))
            lines += [f"  callback {name}: {address}" for name, address in self.bank.callbacks.items()]
        for partner in self.partners:
            lines.append(f"{partner.code}: {partner.result}")
            lines += [_part_line(part, "  ") for part in partner.parts]
            lines += [f"  callback {name}: {address}" for name, address in partner.callbacks.items()]
            lines += [f"  API key (shown only now): {partner.api_key}"] if partner.api_key else []
            lines += [f"  note: {note}" for note in partner.notes]
        if self.platform_api_key:
            lines.append(f"platform API key (shown only now): {self.platform_api_key}")
        lines += [f"not active yet: {part}" for part in self.not_active_yet]
        if self.dry_run:
            lines.append("This was a dry run: nothing was changed.")
        return "\n".join(lines)


def _part_line(part: PartOutcome, indent: str) -> str:
    changed = f" ({', '.join(part.changed)})" if part.changed and part.result == UPDATED else ""
    return f"{indent}{part.part}: {part.result}{changed}"
