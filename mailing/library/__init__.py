"""What mails are made of again and again: pictures, templates of whole mails, and blocks.

Modules: `pictures` (the library of uploaded pictures and their files).
"""
