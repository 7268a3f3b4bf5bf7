"""The demo: a retailer with contacts, campaigns and sales, the same on every machine. It is loaded once."""
