"""The pages for people: the sandbox, the estimate on past sales, recent sales, costs of articles."""
