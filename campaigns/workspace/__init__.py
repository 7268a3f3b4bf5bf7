"""The parts of pages that both kinds use.

`listing` has the list, with its pages by `key_pages`; `overview` the buttons and the dashboard, `first_steps` that of a
new installation; `calendar` and `stages` when campaigns are live; `plots` the drawings; `menu` and `crumbs` where a
page stands. `spreadsheets` writes CSV files, and `responses` sends them.
"""
