"""How each language writes dates and times on every page, Django admin included: see settings.FORMAT_MODULE_PATH."""
