"""SQL of the tills, past Django and psycopg's cursors: `statements` to be called, `pipeline` to carry them."""
