import sys

# region verify
import base64
import hashlib
import hmac
import time

TOLERANCE_SECONDS = 300


def is_genuine(body: bytes, headers: dict[str, str], secrets: list[str], now: float | None = None) -> bool:
    """body: the bytes as they came (Flask: request.get_data(), Django: request.body); headers: names in lower case."""
    message_id = headers.get("webhook-id", "")
    timestamp = headers.get("webhook-timestamp", "")
    if not message_id or not (timestamp.isascii() and timestamp.isdigit()):
        return False
    if abs((time.time() if now is None else now) - int(timestamp)) > TOLERANCE_SECONDS:
        return False
    signed = f"{message_id}.{timestamp}.".encode() + body
    for secret in secrets:
        key = base64.b64decode(secret.removeprefix("whsec_"))
        expected = b"v1," + base64.b64encode(hmac.new(key, signed, hashlib.sha256).digest())
        for signature in headers.get("webhook-signature", "").split(" "):
            if hmac.compare_digest(signature.encode(), expected):
                return True
    return False
# endregion verify


for line in sys.stdin:
    fields = ["" if field == "-" else field for field in line.rstrip("\n").split("\t")]
    id_, at, signatures, keys, now, encoded = fields
    given_headers = {"webhook-id": id_, "webhook-timestamp": at, "webhook-signature": signatures}
    genuine = is_genuine(base64.b64decode(encoded), given_headers, keys.split(" "), float(now))
    print("ok" if genuine else "refused")
