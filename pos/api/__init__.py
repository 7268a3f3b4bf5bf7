"""The till API: what travels, how it is read, checked, described and answered."""
