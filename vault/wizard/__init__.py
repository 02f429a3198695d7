"""Set-up of a partner by hand, in six steps; and whether it can pay."""
