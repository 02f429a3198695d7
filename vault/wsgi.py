import os

from django.core.wsgi import get_wsgi_application

from vault import garbage

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "vault.settings")
application = get_wsgi_application()
garbage.settle()
