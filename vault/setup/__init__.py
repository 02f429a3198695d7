"""Set-up as code: a YAML file says what partners there should be, and `manage.py apply` makes it so."""
