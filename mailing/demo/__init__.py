"""The demo: a believable retailer, the same on every machine. Loading it twice changes nothing."""
