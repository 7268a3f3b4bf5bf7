"""The pages both kinds of campaign share, and those of the installation: a module for each subject.

`answers` has what views of other apps need too: refusals and redirects.
"""
