"""Opening mails and following their links, as a person's browser does."""

from django.test import Client

SAFARI = (
    "Mozilla/5.0 (iPhone; CPU iPhone OS 17_5 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) "
    "Version/17.5 Mobile/15E148 Safari/604.1"
)
LINKS = 6
BODY = "".join(f'<a href="https://shop.example/{n}">{n}</a> ' for n in range(LINKS)) + (
    '<a href="{{ unsubscribe_url }}">Unsubscribe</a>'
)


def get(path, user_agent=SAFARI):
    return Client().get(path, headers={"user-agent": user_agent}, REMOTE_ADDR="192.0.2.7")
