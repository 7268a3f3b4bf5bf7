"""What tills do: quote, commit, hold, void, return, and the ledger of it.

Each step is a module. They share how a basket is evaluated (`baskets`) and what the database is asked (`till_facts`).

    callers       who asks: the till of a key
    till_facts    what the database knows about a sale, in one SELECT
    baskets       evaluates a basket, for quotes and sales: `evaluate_basket` calls the engine
    quotes        answers a quote; writes nothing
    commits       commits or holds a sale: `take_from_limits` debits budgets, uses and coupons
    holds, voids, returns             confirm or release a hold, void a sale, take units back
    ledger        writes sales and their lines
    stored        finds, locks and shows stored sales
    offline, past_rules               sales made without a connection, and the rules for tills that lose it
    code_guesses                      tills that guess coupon codes
"""
