from django.urls import path

from vault.entry import door, pages

urlpatterns = [
    path("login/", door.log_in),  # in place of the admin's own, under its names
    path("logout/", door.log_out),
    path("password_change/", pages.page(pages.ChangePassword.as_view())),
    path("login/code/", door.type_code, name="entry_code"),
    path("login/first/", door.first_time, name="entry_first"),
    path("second-factor/", pages.second_factor, name="entry_second_factor"),
    path("second-factor/app/", pages.enrol, name="entry_enrol"),
    path("second-factor/recovery-codes/", pages.recovery_codes, name="entry_recovery_codes"),
    path("sessions/", pages.sessions, name="entry_sessions"),
    path("sessions/others/end/", pages.end_others, name="entry_end_others"),
    path("sessions/<uuid:visit_id>/end/", pages.end_session, name="entry_end_session"),
    path("carry-on/", pages.carry_on, name="entry_carry_on"),
]
