"""SQL of the tills, without Django and psycopg's cursors: code calls `statements`, and `pipeline` sends them."""
