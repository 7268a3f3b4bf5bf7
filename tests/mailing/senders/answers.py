"""What DNS answers in tests: only what a test says, or no answer at all."""

from mailing.senders.lookups import LookupFailed


class FakeDns:
    """Records by name. A name in `silent` gets no answer."""

    def __init__(self, texts=(), addresses=(), hosts=(), names=(), silent=()):
        self.texts, self.addresses = dict(texts), dict(addresses)
        self.hosts, self.names = dict(hosts), dict(names)
        self.silent = set(silent)

    def _look(self, records, name):
        if name in self.silent:
            raise LookupFailed(f"DNS gave no answer for {name}.")
        return list(records.get(name, ()))

    def list_texts(self, name):
        return self._look(self.texts, name)

    def list_addresses(self, name):
        return self._look(self.addresses, name)

    def list_mail_hosts(self, name):
        return self._look(self.hosts, name)

    def list_names(self, address):
        return self._look(self.names, address)
