"""Pages of the whole house: people, pause dials, shortcodes."""

from django.contrib import admin

from vault import dials, partner_pages, people, product_pages, shortcodes

__all__ = ["dials", "partner_pages", "people", "product_pages", "shortcodes"]

admin.site.index_title = "Overview"
admin.site.index_template = "vault/overview.html"
