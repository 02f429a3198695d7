"""For the day on which the last administrator has lost phone and recovery codes."""

from typing import Any

from django.contrib.auth.models import User
from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.utils import timezone

from vault.entry import factor


class Command(BaseCommand):
    """Take away a person's second factor; the next login sets up a new one."""

    help = "Reset a person's second factor and end their sessions. Others are reset on the user's page."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("username")
        parser.add_argument("--reason", required=True, help="lands in the audit")

    def handle(self, *args: Any, **options: Any) -> None:
        user = User.objects.filter(username=options["username"]).first()
        if user is None:
            raise CommandError(f"There is no user {options['username']}.")
        factor.reset(user=user, by=None, reason=options["reason"], at=timezone.now())
        self.stdout.write(f"{user} sets up a new second factor at the next login.")
