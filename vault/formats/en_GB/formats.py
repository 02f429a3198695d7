"""Twenty-four hours, with seconds: money is told apart by them."""

DATETIME_FORMAT = "j M Y, H:i:s"
SHORT_DATETIME_FORMAT = "j M Y, H:i"
TIME_FORMAT = "H:i:s"
DATE_FORMAT = "j M Y"
