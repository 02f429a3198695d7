"""People who belong to a partner: they see their own partner's pages, and set nothing up."""

from django.conf import settings
from django.db import models

from common.ids import new_id


class PartnerUser(models.Model):
    """A login that is a partner's, not the platform's. Who has no such row works for the platform."""

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    user = models.OneToOneField(
        settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="partner_user"
    )
    partner = models.ForeignKey("partners.Partner", on_delete=models.PROTECT, related_name="people")
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        db_table = "partner_users"
        verbose_name = "partner of this person"
        verbose_name_plural = "partner of this person"

    def __str__(self) -> str:
        return f"{self.user} of {self.partner}"
