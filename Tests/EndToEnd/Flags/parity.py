"""Evaluates flags at an agent, through the OpenFeature SDK, and with flagd's own core: parity.py URL CASES.

CASES holds {"file": a flagd file, "cases": [{"kind", "key", "context"}]}; prints one JSON line for each case: what each of the
two told, and whether it was the same.
"""

import json
import logging
import sys

from openfeature import api
from openfeature.contrib.provider.ofrep import OFREPProvider
from openfeature.contrib.tools.flagd.core import FlagdCore
from openfeature.evaluation_context import EvaluationContext

logging.disable(logging.CRITICAL)
api.set_provider(OFREPProvider(base_url=sys.argv[1], timeout=5.0))
client = api.get_client()
# What the SDK has for each kind, in the order of trying: to it 1 is no float, and 2.5 no integer.
ASKED = {
    "boolean": [(client.get_boolean_details, False)],
    "string": [(client.get_string_details, "-")],
    "number": [(client.get_float_details, -1.0), (client.get_integer_details, -1)],
    "object": [(client.get_object_details, {})],
}
RESOLVERS = {
    "boolean": ("resolve_boolean_value", False),
    "string": ("resolve_string_value", "-"),
    "number": ("resolve_float_value", -1.0),
    "object": ("resolve_object_value", {}),
}


def told(details):
    """Without a variant the value is the application's own, and nobody's to compare."""
    reason = str(getattr(details.reason, "value", details.reason))
    return {"reason": reason, "variant": details.variant or None, "value": details.value if details.variant else None}


def at_agent(case, context):
    for ask, default in ASKED[case["kind"]]:
        details = ask(case["key"], default, context)
        code = getattr(details.error_code, "value", details.error_code)
        if code != "TYPE_MISMATCH":
            break
    return {"error": True} if code else told(details)


def at_flagd(file, case, context):
    """With the one flag alone: a core takes all of a file or nothing."""
    method, default = RESOLVERS[case["kind"]]
    core = FlagdCore()
    try:
        core.set_flags(json.dumps({**file, "flags": {case["key"]: file["flags"][case["key"]]}}))
        return told(getattr(core, method)(case["key"], default, context))
    except Exception:
        return {"error": True}


with open(sys.argv[2], encoding="utf-8") as file:
    given = json.load(file)
for case in given["cases"]:
    attributes = dict(case["context"])
    context = EvaluationContext(attributes.pop("targetingKey", None), attributes)
    agent, flagd = at_agent(case, context), at_flagd(given["file"], case, context)
    print(json.dumps({"key": case["key"], "same": agent == flagd, "agent": agent, "flagd": flagd}))
