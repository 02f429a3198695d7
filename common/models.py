"""What every part leaves behind: messages that came in, and lines about who did what."""

from django.conf import settings
from django.db import models
from django.db.models import Q

from common.ids import new_id


class InboundMessage(models.Model):
    """A message from outside, stored before it is acted on.

    The same body for the same subject is one row with a count; another body for it is another row, so that a
    contradiction is seen. `applied_at` empty means that its work is still to be done.
    """

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    source = models.CharField(max_length=20)  # daraja, mifos, ncba, sms
    kind = models.CharField(max_length=40)  # b2c_result, status_timeout, hook, …
    subject_id = models.UUIDField(null=True)  # whom the token in its path names
    body = models.TextField()  # redacted
    body_digest = models.CharField(max_length=64)
    content_type = models.CharField(max_length=100, blank=True)
    remote_address = models.GenericIPAddressField(null=True)
    correlation_id = models.CharField(max_length=64, blank=True)
    copies = models.PositiveIntegerField(default=1)
    received_at = models.DateTimeField()
    last_received_at = models.DateTimeField()
    applied_at = models.DateTimeField(null=True)
    outcome = models.CharField(max_length=300, blank=True)
    tries = models.PositiveIntegerField(default=0)
    next_step_at = models.DateTimeField(null=True)

    class Meta:
        db_table = "inbound_messages"
        ordering = ["-received_at"]
        constraints = [
            models.UniqueConstraint(
                fields=["kind", "subject_id", "body_digest"],
                name="inbound_message_once",
                nulls_distinct=False,
            )
        ]
        indexes = [
            models.Index(
                fields=["next_step_at"], name="inbound_due", condition=Q(next_step_at__isnull=False)
            ),
            models.Index(fields=["subject_id"], name="inbound_subject"),
        ]

    def __str__(self) -> str:
        return f"{self.source} {self.kind} {self.id}"


class AuditLine(models.Model):
    """Who did what to which object, when, why and from where. Append-only (trigger)."""

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    at = models.DateTimeField()
    actor = models.ForeignKey(settings.AUTH_USER_MODEL, null=True, on_delete=models.PROTECT, related_name="+")
    actor_name = models.CharField(max_length=150)  # a user's name, "apply", "platform"
    action = models.CharField(max_length=60)
    object_type = models.CharField(max_length=60)
    object_id = models.CharField(max_length=64, blank=True)
    partner_id = models.UUIDField(null=True)
    reason = models.TextField(blank=True)
    detail = models.JSONField(default=dict)  # what changed; never a secret
    remote_address = models.GenericIPAddressField(null=True)

    class Meta:
        db_table = "audit_lines"
        ordering = ["-at"]
        permissions = [("reveal_phone", "Can see phones in full; each time is written down here")]
        indexes = [
            models.Index(fields=["object_type", "object_id"], name="audit_object"),
            models.Index(fields=["partner_id", "at"], name="audit_partner"),
            models.Index(fields=["at"], name="audit_at"),
            models.Index(fields=["actor_name", "at"], name="audit_actor"),
            models.Index(fields=["action", "at"], name="audit_action"),
        ]

    def __str__(self) -> str:
        return f"{self.actor_name}: {self.action} {self.object_type} {self.object_id}"
