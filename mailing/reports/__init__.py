"""Reports of a launched campaign, and of all campaigns over time.

    list_figures(campaign, …)      figures and rates, each with what it means
    count_answers(campaign)        links, who opened and clicked, devices, mail programs, countries
    list_top_clickers(campaign, …) who clicked most, where that may be known
    build_matrix(answers)          recipient domains by reply codes
    build_funnel(…)                from those targeted to those who clicked, drawn
    read_page(campaign, search)    recipients, searched and paged; csv_lines(…) all of them
    draw_click_map(…)              the mail with the clicks of each link
    weeks, comparison              all campaigns by the week, and several side by side

Totals are sums over tallies, and so right at any moment. Figures that need the whole ledger are counted by one
statement (`counting`): at each visit for small campaigns, in the queue for large ones (`stored_counts`).
"""

from mailing.reports.answers import Answers, count_answers
from mailing.reports.click_map import NoMail, draw_click_map
from mailing.reports.clickers import TopClickers, list_top_clickers
from mailing.reports.delivery import Matrix, build_funnel, build_matrix, list_codes
from mailing.reports.figures import Figure, UnnamedEvents, explain_absence, list_figures, rate_clicks_to_opens
from mailing.reports.recipients import Page, Search, csv_lines, read_page, read_search

__all__ = [
    "Answers",
    "Figure",
    "Matrix",
    "NoMail",
    "Page",
    "Search",
    "TopClickers",
    "UnnamedEvents",
    "build_funnel",
    "build_matrix",
    "count_answers",
    "csv_lines",
    "draw_click_map",
    "explain_absence",
    "list_codes",
    "list_figures",
    "list_top_clickers",
    "rate_clicks_to_opens",
    "read_page",
    "read_search",
]
