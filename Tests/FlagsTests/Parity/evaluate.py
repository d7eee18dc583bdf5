"""Evaluates cases with flagd's own Python core: reads {"rules": [...], "flags": [...]}, prints {"rules": [...], "flags": [...]}."""

import json
import logging
import math
import sys

from json_logic import jsonLogic
from openfeature.contrib.tools.flagd.core import FlagdCore
from openfeature.contrib.tools.flagd.core.targeting.targeting import OPERATORS
from openfeature.evaluation_context import EvaluationContext

logging.disable(logging.CRITICAL)
RESOLVERS = {
    "boolean": ("resolve_boolean_value", False),
    "string": ("resolve_string_value", "-"),
    "number": ("resolve_float_value", -1.0),
    "object": ("resolve_object_value", {}),
}


def plain(value):
    """JSON has no such numbers."""
    if isinstance(value, float) and not math.isfinite(value):
        return {"real": repr(value)}
    if isinstance(value, list):
        return [plain(item) for item in value]
    if isinstance(value, dict):
        return {name: plain(item) for name, item in value.items()}
    return value


def rule(case):
    try:
        return {"value": plain(jsonLogic(case["rule"], case["data"], OPERATORS))}
    except Exception as error:
        return {"error": repr(error)}


def flag(case):
    core = FlagdCore()
    context = dict(case["context"])
    key = context.pop("targetingKey", None)
    method, default = RESOLVERS[case["kind"]]
    try:
        core.set_flags(json.dumps(case["set"]))
        details = getattr(core, method)(case["key"], default, EvaluationContext(key, context))
        result = {"reason": str(details.reason.value), "metadata": dict(details.flag_metadata)}
        if details.variant is not None:
            result["variant"] = details.variant
            result["value"] = details.value
        return result
    except Exception as error:
        return {"error": repr(error)}


with open(sys.argv[1], encoding="utf-8") as file:
    cases = json.load(file)
with open(sys.argv[2], "w", encoding="utf-8") as file:
    json.dump({"rules": [rule(c) for c in cases["rules"]], "flags": [flag(c) for c in cases["flags"]]}, file)
