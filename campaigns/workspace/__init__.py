"""What the pages of both kinds are made from.

`overview` is the one list, the buttons and the dashboard, `stages` the way of a campaign, `plots` drawings. What leaves
as a file is written by `spreadsheets` and answered by `responses`.
"""
