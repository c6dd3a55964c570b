"""Says what CloudFormation would replace or delete to make one template of another.

usage: replaced.py OLD NEW

Prints, as JSON, the logical IDs with the reason: "deleted", another type, or the property
that AWS's resource schemas call create-only, always or in some cases.
"""

import json
import sys

from transform import transformed

from cfnlint.schema.manager import PROVIDER_SCHEMA_MANAGER

CODE = {"Bucket": "code", "Key": "code.zip"}


def fixed(resource_type):
    schema = PROVIDER_SCHEMA_MANAGER.get_resource_schema("us-east-1", resource_type).schema
    return schema.get("createOnlyProperties", []) + schema.get("conditionalCreateOnlyProperties", [])


def at(value, path):
    for part in path.split("/")[2:]:  # after the empty part and "properties"
        value = value.get(part) if isinstance(value, dict) else None
    return value


def reason(old, new):
    if new is None:
        return "deleted"
    if old["Type"] != new["Type"]:
        return f"is an {new['Type']} now"
    before, after = old.get("Properties", {}), new.get("Properties", {})
    return ", ".join(p for p in fixed(old["Type"]) if at(before, p) != at(after, p))


def replaced(old, new):
    resources = [transformed(template, {}, CODE)["Resources"] for template in (old, new)]
    reasons = {name: reason(resource, resources[1].get(name)) for name, resource in resources[0].items()}
    return {name: why for name, why in reasons.items() if why}


if __name__ == "__main__":
    json.dump(replaced(sys.argv[1], sys.argv[2]), sys.stdout)
