"""Makes moto's IAM decide as AWS does, for sessions of roles.

What moto 5.2.1 does by itself is off by default, and when on, it takes the resource of
every call but S3's for "*", so that a policy which names its table is refused, and it
calls a condition that is not met a denial. Here each call of a session is held against
the statements of its role, with the resource and the condition keys that AWS gives to
that call. Other credentials are the administrator's, who may do all.

It fails closed: a call, a statement or a condition that it does not know is refused,
and stderr says which.
"""

import functools
import json
import re
import sys
from collections import defaultdict
from urllib.parse import parse_qs, unquote, urlparse

from moto.core.authorization import ActionAuthenticatorMixin
from moto.core.exceptions import JsonRESTError
from moto.s3.models import s3_backends
from moto.sns.models import sns_backends

# Where the name in signatures, or moto's for a call, is not the one in policies.
SERVICES = {"monitoring": "cloudwatch"}
ACTIONS = {"s3:HeadBucket": "s3:ListBucket", "s3:ListBuckets": "s3:ListAllMyBuckets", "lambda:Invoke": "lambda:InvokeFunction"}
USED = defaultdict(set)  # the actions that each role was allowed, by its name
JSON_SERVICES = {"dynamodb", "ssm", "kms", "sqs", "lambda"}


def install():
    """Puts every later call of this process before these decisions."""
    ActionAuthenticatorMixin._authenticate_and_authorize_action = authorise


def authorise(response, request_class, resource="*"):
    if not is_session(response.headers):
        return
    parsed = urlparse(response.uri)
    request = request_class(
        account_id=response.current_account,
        method=response.method,
        path=f"{parsed.path}?{parsed.query}",
        data=response.data,
        body=response.raw_body,
        headers=response.headers,
        action=response._get_action(),
    )
    call = Call(request, resource)
    if call.action == "sts:GetCallerIdentity":  # nobody can be refused it
        return
    if not call.permitted():
        call.refuse()
    USED[request._access_key._owner_role_name].update(action for action, _, _ in call.needs())


def used(role):
    """Gives the actions that the sessions of the role with this ARN were allowed."""
    return sorted(USED[role.split("/")[-1]])


def is_session(headers):
    """Says whether credentials came from AssumeRole."""
    return "X-Amz-Security-Token" in headers


class Call:
    """One API call, as IAM sees it."""

    def __init__(self, request, s3_resource):
        self.request = request
        self.service = SERVICES.get(request._service, request._service)
        name = f"{self.service}:{request._action.partition(':')[2]}"
        self.action = ACTIONS.get(name, name)
        self.s3_resource = s3_resource
        self.query = parse_qs(urlparse(request._path).query, keep_blank_values=True)
        role = request.backend.get_role(request._access_key._owner_role_name)
        documents = [*role.policies.values(), *(v.document for p in role.managed_policies.values() for v in p.versions if v.is_default)]
        self.statements = [s for d in documents for s in statements(d)]

    def permitted(self):
        needed = self.needs()
        if not needed:
            print(f"authorise.py does not know what {self.action} acts on", file=sys.stderr, flush=True)
        return bool(needed) and all(decide(self.statements, *need) for need in needed) and self.shared() and not self.hidden()

    def needs(self):
        """Gives every (action, resource, condition keys) that this call needs."""
        if self.service == "s3":
            return self.s3_needs()
        if self.action in ("dynamodb:ListTables", "cloudwatch:GetMetricData"):
            return [(self.action, "*", {})]
        if self.service == "dynamodb":
            return self.dynamodb_needs()
        if self.action == "cloudwatch:PutMetricData":
            return [(self.action, "*", {"cloudwatch:namespace": first(self.request._data, "Namespace")})]
        resource = None
        if self.action == "sns:Publish":
            resource = first(self.request._data, "TopicArn")
        elif self.service == "ssm":
            resource = self.arn("parameter/" + self.body().get("Name", "").lstrip("/"))
        elif self.service == "lambda":
            function = re.search(r"/functions/([^/]+)/invocations", unquote(self.request._path))
            resource = function and self.arn("function:" + function[1].split(":")[-1])
        return [(self.action, resource, {})] if resource else []

    def s3_needs(self):
        headers, keys = self.request._headers, {}
        if self.action == "s3:ListBucket":
            keys = {"s3:prefix": self.query.get("prefix", [""])[0]}
        needed = [(self.action, "*" if self.action == "s3:ListAllMyBuckets" else self.s3_resource, keys)]
        if "x-amz-tagging" in headers:
            needed.append(("s3:PutObjectTagging", self.s3_resource, {}))
        if source := headers.get("x-amz-copy-source"):
            path, _, version = unquote(source).lstrip("/").partition("?versionId=")
            needed.append(("s3:GetObjectVersion" if version else "s3:GetObject", "arn:aws:s3:::" + path, {}))
        return needed

    def dynamodb_needs(self):
        body = self.body()
        tables = [body["TableName"]] if "TableName" in body else list(body.get("RequestItems", {}))
        keys = body.get("Key") or body.get("Item") or {}
        context = {"dynamodb:LeadingKeys": keys["LockID"]["S"]} if "LockID" in keys else {}
        return [(self.action, t if t.startswith("arn:") else self.arn("table/" + t), context) for t in tables]

    def shared(self):
        """Says whether a topic of another account lets this caller publish."""
        if self.service != "sns":
            return True
        topic = first(self.request._data, "TopicArn")
        _, _, _, region, account, _ = topic.split(":", 5)
        if account == self.request.account_id:
            return True
        found = sns_backends[account][region].topics.get(topic)
        caller = {"aws:PrincipalAccount": self.request.account_id}
        trusted = {"*", self.request.account_id, f"arn:aws:iam::{self.request.account_id}:root"}
        mine = [s for s in statements(found.policy) if trusted & set(principals(s))] if found else []
        return decide(mine, self.action, topic, caller)

    def hidden(self):
        """Says whether S3 hides that an object is missing: it does from whoever may not list its bucket."""
        if self.action != "s3:GetObject":
            return False
        bucket, _, key = self.s3_resource.removeprefix("arn:aws:s3:::").partition("/")
        found = s3_backends[self.request.account_id]["aws"].buckets.get(bucket)
        return bool(found) and key not in found.keys and not decide(self.statements, "s3:ListBucket", f"arn:aws:s3:::{bucket}", {})

    def body(self):
        return json.loads(self.request._body or b"{}")

    def arn(self, name):
        return f"arn:aws:{self.service}:{self.request._region}:{self.request.account_id}:{name}"

    def refuse(self):
        if self.service not in JSON_SERVICES:
            self.request._raise_access_denied()
        on = ", ".join(str(resource) for _, resource, _ in self.needs())
        raise JsonRESTError("AccessDeniedException", f"User: {self.request._access_key.arn} is not authorized to perform: {self.action} on resource: {on}")


def decide(policy, action, resource, keys):
    """Says whether these statements allow one action on one resource."""
    effects = {s["Effect"] for s in policy if applies(s, action, resource, keys)}
    return effects == {"Allow"}


def applies(statement, action, resource, keys):
    unknown = set(statement) - {"Sid", "Effect", "Principal", "Action", "Resource", "Condition"}
    if unknown:
        raise NotImplementedError(f"authorise.py does not know {unknown} in a statement")
    return (
        any(matches(a.lower(), action.lower()) for a in listed(statement["Action"]))
        and any(matches(r, resource) for r in listed(statement["Resource"]))
        and all(
            met(operator, keys.get(key), listed(values))
            for operator, wanted in statement.get("Condition", {}).items()
            for key, values in wanted.items()
        )
    )


def met(operator, value, wanted):
    """Says whether a condition holds for a request's only value of a key, None where it has none."""
    if operator.startswith("ForAllValues:"):
        if value is None:
            return True
        operator = operator.removeprefix("ForAllValues:")
    if value is None:
        return False
    if operator == "StringEquals":
        return value in wanted
    if operator == "StringLike":
        return any(matches(w, value) for w in wanted)
    raise NotImplementedError(f"authorise.py does not know the condition operator {operator}")


def matches(pattern, value):
    """Compares as IAM does: * is any text, ? any character, the rest is literal."""
    return expression(pattern).fullmatch(value) is not None


@functools.cache
def expression(pattern):
    return re.compile("".join({"*": ".*", "?": "."}.get(c, re.escape(c)) for c in pattern), re.DOTALL)


def statements(document):
    """Reads a policy, which moto keeps as text or, from CloudFormation, as it came."""
    return listed((read(document) if isinstance(document, str) else document)["Statement"])


@functools.cache
def read(text):
    return json.loads(text)


def principals(statement):
    principal = statement.get("Principal", {})
    return [principal] if isinstance(principal, str) else listed(principal.get("AWS", []))


def listed(value):
    return value if isinstance(value, list) else [value]


def first(data, name):
    value = data.get(name)
    return value[0] if isinstance(value, list) else value
