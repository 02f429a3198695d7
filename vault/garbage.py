"""Keep Python's garbage collector from walking, again and again, over what lives as long as the process."""

import gc


def settle() -> None:
    """Take all that was loaded out of the collector's sight, and let it look less often at the rest.

    A process holds some hundred thousand objects of Django and Celery for ever; to walk over them costs tens of
    milliseconds each time, and nothing is ever found there.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(50_000, 20, 50)
