"""French: 3 sept. 2027, 14:05. The names below the line are ours, for `campaigns.dates`."""

DATE_FORMAT = SHORT_DATE_FORMAT = "j N Y"
DATETIME_FORMAT = SHORT_DATETIME_FORMAT = "j N Y, H:i"
TIME_FORMAT = "H:i"
YEAR_MONTH_FORMAT = "N Y"
MONTH_DAY_FORMAT = "j N"
# the controls of browsers take the first of each; people may type the others
DATE_INPUT_FORMATS = ["%Y-%m-%d", "%d/%m/%Y", "%d/%m/%y"]
TIME_INPUT_FORMATS = ["%H:%M:%S", "%H:%M:%S.%f", "%H:%M"]
DATETIME_INPUT_FORMATS = ["%Y-%m-%d %H:%M:%S", "%Y-%m-%d %H:%M", "%d/%m/%Y %H:%M:%S", "%d/%m/%Y %H:%M"]

# ── ours ──
EXACT_DATETIME_FORMAT = "j N Y, H:i:s"
EXACT_TIME_FORMAT = "H:i:s"
WEEKDAY_DATE_FORMAT = "D j N Y"
WEEKDAY_DATETIME_FORMAT = "l j N Y, H:i"
MONTH_DAY_TIME_FORMAT = "j N, H:i"
WHOLE_MONTH_FORMAT = "F Y"
MONTH_NAME_FORMAT = "F"
WEEKDAY_NAME_FORMAT = "D"
