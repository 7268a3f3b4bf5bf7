"""What both kinds of campaign share.

The other apps import this one, and it imports none of them.

    lifecycle                         `fire`, the only way a status changes; `open_for_edit`, the check before an edit
    models, verbs                     the parent model, history, edits; the words of each step
    diagrams                          the lifecycles as pictures and tables
    clock, tasks                      the beat of the clock, and what runs at each
    queue, redis_queue, heartbeats    what the queue may run, the queue in Redis, whether it runs
    views, workspace, admin           the pages of both kinds, what they are made from, Django admin
    forms, form_renderer, icons       forms and how they are drawn, the drawings of the icons
    notices                           what the dashboard warns of
    roles, accounts, person_forms     who may do what; people, their rights and settings
    logins, sessions                  who guesses passwords; how long somebody stays signed in
    refusals                          why something cannot be done now, as a sentence
    bulk, saved_views                 what is done to several campaigns at once; filters under a name
    periods, calendar_feed            when campaigns are live; the calendar of a person for calendar programs
    guide                             the guide, and which of its sections explains a page
    editions                          refuses to save over the edit of somebody else
    database_time, instants, zones    the time, its bounds, time zones
    dates, formats                    how pages write times and values
    languages, derived_names          the language of each person; names of columns that pages show
    choice_labels                     labels of choices at the cost of one translation each
    sentences, stored_sentences       sentences that are stored in English, and translated when they are read
    text_extraction                   brings the files of translations up to date
    atomic_files                      files that appear whole, or not at all
    seeds                             what an installation is given once
    typed_numbers                     numbers that may be read in two ways
    fields, texts                     columns of models, and which text the database can store
    annotations, generics             types for the type checker
    postgresql                        the database backend with our deadlines
    doctor                            proofs of what must always hold
    middleware, requests, waits, health, processes, logs    what stands around requests and processes
"""
