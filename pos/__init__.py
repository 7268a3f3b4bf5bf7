"""Tills: locations, keys, the till API, sales.

A request comes in by `api.views`, which calls one function of `sales`.

    api      what travels: schemas, checks, answers, the description
    sales    quote, commit, hold, void, return, and the ledger; `sales.baskets` evaluates
    pages    the pages for people: sandbox, estimate, recent sales
    folding  writes the lines of sales as rows, behind the tills
    keys     makes and revokes till keys
    models   locations, tills, sales, returns, sold lines, costs of articles
    article_costs                     costs of articles by CSV
    privacy  what tills know of a customer, shown and forgotten
    clock, doctor                     expired holds, proofs
    notices, first_steps              what the dashboard says of tills
"""
