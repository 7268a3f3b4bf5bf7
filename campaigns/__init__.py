"""What both kinds of campaign share.

The other apps import this one, and it imports none of them.

    lifecycle                         `fire`, the only way a status changes; `open_for_edit`, the check before an edit
    models, verbs                     the parent model, history, edits; the words of each step
    clock, queue, heartbeats, tasks   the beat, what the queue may run, whether it runs
    views, workspace, admin           the pages of both kinds, what they are made from, Django admin
    roles, accounts, logins, refusals who may do what, and who guesses too often
    editions                          two people at one form
    database_time, instants, zones, dates, formats    the time, its bounds, zones, and how values are written
    whole_files                       files that appear whole, or not at all
    middleware, requests, waits, health, processes    what stands around requests and processes
"""
