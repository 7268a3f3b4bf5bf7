"""The parts of pages that both kinds use.

`overview` has the list, the buttons and the dashboard, `stages` the stages of a campaign, `plots` the drawings.
`spreadsheets` writes CSV files, and `responses` sends them.
"""
