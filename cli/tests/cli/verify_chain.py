"""Verifies an exported chain of the audit log: the key in hexadecimal digits is the argument, the entries are the input."""

import hmac
import json
import struct
import sys
from datetime import datetime, timezone

EPOCH = datetime(1970, 1, 1, tzinfo=timezone.utc)


def field(text):
    if text is None:
        return struct.pack(">Q", 2**64 - 1)
    data = text.encode()
    return struct.pack(">Q", len(data)) + data


def code(entry, key):
    time = datetime.fromisoformat(entry["occurred_at"].replace("Z", "+00:00")) - EPOCH
    micros = (time.days * 86_400 + time.seconds) * 1_000_000 + time.microseconds
    message = struct.pack(">Bqqq", 1, entry["chain"], entry["sequence"], micros)
    names = ["key_id", "actor", "role", "action", "resource_type", "resource_id"]
    texts = [entry[name] for name in names]
    details = sorted(entry["details"].items(), key=lambda item: item[0].encode())
    texts.append(str(len(details)))
    texts.extend(text for item in details for text in item)
    texts += [entry["ip"], entry["user_agent"], "1" if entry["success"] else "0", entry["error"]]
    message += b"".join(field(text) for text in texts)
    message += bytes.fromhex(entry["previous_mac"])
    return hmac.new(key, message, "sha256").hexdigest()


key = bytes.fromhex(sys.argv[1])
last = "00" * 32
for number, line in enumerate(sys.stdin, 1):
    entry = json.loads(line)
    assert entry["sequence"] == number, entry
    assert entry["previous_mac"] == last, entry
    assert code(entry, key) == entry["mac"], entry
    last = entry["mac"]
print(f"verified {number}")
