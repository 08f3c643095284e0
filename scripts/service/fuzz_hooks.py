"""What the fuzzer must know to send session descriptions: they go as they are."""

import schemathesis


@schemathesis.serializer("application/sdp")
def session_description(_context, value):
    """In: what was generated. Out: the bytes of the body."""
    return value if isinstance(value, bytes) else str(value).encode("utf-8", "surrogatepass")
