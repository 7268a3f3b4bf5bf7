"""What the DKIM signatures of one message cost: each kind of key, and both as mails carry them.

    .venv/bin/python -m benchmarks.signing [messages]

The message is that of benchmarks.content. Processor time of this process, the best of five rounds.
"""

import sys

from benchmarks.content import deliveries, microseconds, source
from mailing.content import Links, Recipient, compile
from mailing.senders.keys import Algorithm, load_private_key, make_pair
from mailing.senders.signing import Signer, SigningKey, make_body_canonical


def main(count: int) -> None:
    """Measure what signing costs."""
    compiled = compile(source())
    these = deliveries(count)
    messages = {recipient.email: compiled.render(recipient, links, at=0) for recipient, links in these}
    keys = [SigningKey(each.value, load_private_key(make_pair(each).private)) for each in Algorithm]
    size = len(next(iter(messages.values())))
    print(f"one message: {size:,} bytes; {count:,} recipients")

    def measure(name: str, signer: Signer) -> None:
        def sign(recipient: Recipient, links: Links) -> bytes:
            return signer.sign_wire(messages[recipient.email], 0)

        print(f"{name:>24} {microseconds(sign, these):8.1f} µs")

    def relax_body(recipient: Recipient, links: Links) -> bytes:
        return make_body_canonical(messages[recipient.email])

    print(f"{'relaxed body alone':>24} {microseconds(relax_body, these):8.1f} µs")
    measure("no key", Signer("send.example", []))
    for key in keys:
        measure(key.algorithm, Signer("send.example", [key]))
    measure("both", Signer("send.example", keys))


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 2000)
