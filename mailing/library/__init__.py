"""What mails are made of again and again: pictures, templates of whole mails, and blocks.

The modules:

    insertions  what the insert menu of the editor offers
    pictures    the library of uploaded pictures and their files
    reusable    templates and blocks: copied, archived, shown
    seeds       the templates and blocks that an installation is given once, from the files in `ready`
"""
