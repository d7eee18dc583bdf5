#!/usr/bin/env python3
"""The lab's cloud, as the exec provider of an agent asks for it: a request from the standard input goes to the controller."""

import json
import sys
import urllib.error
import urllib.request

try:
    with urllib.request.urlopen(sys.argv[1], data=sys.stdin.buffer.read(), timeout=12) as answer:
        sys.stdout.write(answer.read().decode())
except (OSError, urllib.error.URLError) as fault:
    print(json.dumps({"errorClass": "retryable", "message": f"{sys.argv[1]}: {fault}"}))
