"""A run's own connections to PostgreSQL: psycopg, asynchronous, one commit a statement."""

import msgspec
import psycopg
from django.db import connection
from psycopg.types.json import set_json_loads

# An outage shorter than this is waited out: what was sent meanwhile must still be recorded.
PATIENCE = 45.0  # seconds


async def connect(*, plans_once: bool) -> psycopg.AsyncConnection:
    """Return a connection to the database of Django's `default`.

    Args:
        plans_once: for a few statements that run very often and take longer to plan than to run. A claim is better
            planned each time, for the number of rows it takes.

    Raises:
        psycopg.OperationalError: the database is away.
    """
    params = {
        name: value
        for name, value in connection.get_connection_params().items()
        if name not in ("context", "cursor_factory", "prepare_threshold")
    }
    # While the ledger is young its statistics say that it is empty, and a scan of all of it looks cheap.
    plans = "force_generic_plan" if plans_once else "force_custom_plan"
    options = f"-c enable_seqscan=off -c synchronous_commit=on -c plan_cache_mode={plans}"
    params["options"] = f"{params.get('options', '')} {options}".strip()
    own = await psycopg.AsyncConnection.connect(**params, autocommit=True, prepare_threshold=0)
    set_json_loads(msgspec.json.decode, own)
    return own
