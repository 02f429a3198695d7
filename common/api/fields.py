"""Fields that all answers share, and the serializer that lets nothing slip by."""

from typing import Any

from rest_framework import serializers

from common.money import BadAmount, whole_shillings
from common.phone import BadPhone, canonical


class Strict(serializers.Serializer[Any]):
    """A body whose every field is known: a name that means nothing here is refused, not dropped."""

    def to_internal_value(self, data: Any) -> Any:
        if isinstance(data, dict):
            _refuse_unknown(self, data)
        return super().to_internal_value(data)


class StrictModel(serializers.ModelSerializer[Any]):
    """The same for the columns of a model. What its table allows only once the model itself says, in words."""

    def get_unique_together_validators(self) -> list[Any]:
        return []

    def to_internal_value(self, data: Any) -> Any:
        if isinstance(data, dict):
            _refuse_unknown(self, data)
        return super().to_internal_value(data)


def _refuse_unknown(serializer: Any, data: dict[str, Any]) -> None:
    writable = {name for name, field in serializer.fields.items() if not field.read_only}
    wrong = {
        name: "This cannot be set." if name in serializer.fields else "There is no such field."
        for name in data
        if name not in writable
    }
    if wrong:
        raise serializers.ValidationError(wrong, code="unknown")


class Amount(serializers.DecimalField):
    """Shillings with at most two places: text, so that nothing is lost on the way (`"1500.00"`)."""

    def __init__(self, **options: Any) -> None:
        super().__init__(**{"max_digits": 14, "decimal_places": 2} | options)


class WholeAmount(Amount):
    """Whole shillings, as M-Pesa takes them; cents are refused, never rounded."""

    def __init__(self, **options: Any) -> None:
        super().__init__(**{"min_value": 1} | options)

    def to_internal_value(self, data: Any) -> Any:
        amount = super().to_internal_value(data)
        try:
            whole_shillings(amount)
        except BadAmount as exc:
            raise serializers.ValidationError(f"{exc}.", code="cents") from None
        return amount


class Phone(serializers.CharField):
    """A Kenyan mobile number in any way that people write it; kept and shown as `2547…`."""

    def __init__(self, **options: Any) -> None:
        super().__init__(**{"max_length": 30} | options)

    def to_internal_value(self, data: Any) -> Any:
        try:
            return canonical(super().to_internal_value(data))
        except BadPhone as exc:
            raise serializers.ValidationError(f"{str(exc).capitalize()}.", code="phone") from None


class Secret(serializers.CharField):
    """A credential: it goes in and never comes back."""

    def __init__(self, **options: Any) -> None:
        super().__init__(**{"max_length": 500, "write_only": True, "trim_whitespace": False} | options)


class FaultShown(serializers.Serializer[Any]):
    """What is wrong with one field."""

    field = serializers.CharField(help_text="Path to the field, or the parameter. Empty: the whole.")
    code = serializers.CharField()
    detail = serializers.CharField(help_text="What is wrong with it, in a sentence.")


class ProblemShown(serializers.Serializer[Any]):
    """A problem as it is answered (for the documentation only)."""

    type = serializers.URLField(help_text="Names the kind of problem for good, and explains it when opened.")
    title = serializers.CharField()
    status = serializers.IntegerField()
    detail = serializers.CharField(help_text="What happened, and what to do, in a sentence.")
    code = serializers.CharField(help_text="Names the kind of problem for programs.")
    correlation_id = serializers.CharField(help_text="Tell us this when you ask about it.")
    errors = FaultShown(many=True, required=False)  # type: ignore[assignment]
