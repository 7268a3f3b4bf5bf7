"""What tills do: quote, commit, hold, void, return, and the ledger of it."""
