"""What roles are worth to people of a partner: they see and work; setting up is the platform's."""

from typing import Any

from django.contrib.auth.backends import ModelBackend

from common.own_rows import bound_to

KINDS = ("view_", "operate_", "approve_", "reveal_")


class RolesBackend(ModelBackend):
    """Django's own rights by role; for people of a partner without those to add, change and delete."""

    def get_all_permissions(self, user_obj: Any, obj: Any = None) -> set[str]:
        found = super().get_all_permissions(user_obj, obj)
        if bound_to(user_obj) is None:
            return found
        return {one for one in found if one.partition(".")[2].startswith(KINDS)}
