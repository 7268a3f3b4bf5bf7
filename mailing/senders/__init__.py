"""The domains that mails come from: their DKIM keys, what DNS says of them, and how well their mails are taken.

signing   signatures over finished messages; knows no database
keys      key pairs and their DNS records; knows no database
domains   what an administrator does with the keys of a domain, and the signer of a campaign
lookups   what DNS answers
"""
