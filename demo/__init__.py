"""The demo: a believable retailer, the same on every machine. It is loaded once."""
