"""English, as it is read in every country: 3 Mar 2027, 14:05. Django's own would be March 3, 2027, 2:05 p.m.

The names below the line are ours, for `campaigns.dates`: each language needs all of them.
"""

DATE_FORMAT = SHORT_DATE_FORMAT = "j M Y"
DATETIME_FORMAT = SHORT_DATETIME_FORMAT = "j M Y, H:i"
TIME_FORMAT = "H:i"
YEAR_MONTH_FORMAT = "M Y"
MONTH_DAY_FORMAT = "j M"

# ── ours ──
EXACT_DATETIME_FORMAT = "j M Y, H:i:s"
EXACT_TIME_FORMAT = "H:i:s"
WEEKDAY_DATE_FORMAT = "D j M Y"
WEEKDAY_DATETIME_FORMAT = "l j M Y, H:i"
MONTH_DAY_TIME_FORMAT = "j M, H:i"
WHOLE_MONTH_FORMAT = "F Y"
MONTH_NAME_FORMAT = "F"
WEEKDAY_NAME_FORMAT = "D"
