"""Runs the real SAM transform over a template and prints plain CloudFormation as JSON.

usage: transform.py TEMPLATE [NAME=VALUE …]
"""

import json
import os
import sys

REGION = "eu-central-1"
os.environ.setdefault("AWS_DEFAULT_REGION", REGION)  # before the import, which asks for it

from samtranslator.translator.transform import transform
from samtranslator.yaml_helper import yaml_parse


class NoManagedPolicies:
    """The template names no AWS-managed policy, so none needs to be looked up."""

    def load(self):
        return {}


def transformed(template, parameters, code):
    """Gives the template as CloudFormation sees it, with the functions' code there."""
    with open(template, encoding="utf-8") as f:
        document = yaml_parse(f.read())
    for resource in document["Resources"].values():
        if resource["Type"] == "AWS::Serverless::Function":
            resource["Properties"]["CodeUri"] = dict(code)
    defaults = {name: p["Default"] for name, p in document.get("Parameters", {}).items() if "Default" in p}
    return transform(document, {**defaults, **parameters, "AWS::Region": REGION}, NoManagedPolicies())


if __name__ == "__main__":
    json.dump(transformed(sys.argv[1], dict(word.split("=", 1) for word in sys.argv[2:]), {"Bucket": "code", "Key": "code.zip"}), sys.stdout, indent=1)
