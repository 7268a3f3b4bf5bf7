"""The pages for people: the sandbox, the estimate and the forecast on past sales, recent sales, costs of articles."""
