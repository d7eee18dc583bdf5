"""Asks an agent through the OpenFeature SDK: client.py URL; reads lines `TYPE KEY TARGETING-KEY`, prints one JSON line for each."""

import json
import sys

from openfeature import api
from openfeature.contrib.provider.ofrep import OFREPProvider
from openfeature.evaluation_context import EvaluationContext

api.set_provider(OFREPProvider(base_url=sys.argv[1], timeout=5.0))
client = api.get_client()
RESOLVERS = {
    "boolean": (client.get_boolean_details, False),
    "string": (client.get_string_details, "own default"),
    "integer": (client.get_integer_details, -1),
    "float": (client.get_float_details, -1.0),
    "object": (client.get_object_details, {"own": "default"}),
}
for line in open(sys.argv[2], encoding="utf-8"):
    kind, flag, key = line.split()
    resolve, default = RESOLVERS[kind]
    details = resolve(flag, default, EvaluationContext(key, {"plan": "premium", "age": 42, "nested": {"x": [1]}}))
    print(
        json.dumps(
            {
                "value": details.value,
                "variant": details.variant,
                "reason": str(details.reason.value if hasattr(details.reason, "value") else details.reason),
                "error": str(details.error_code.value) if details.error_code else None,
            }
        )
    )
