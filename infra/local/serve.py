"""Serves moto on a free port of 127.0.0.1 and ends when its parent does.

IAM decides as authorise.py says. Prints the port. Then answers each line with one line of JSON:
- "published ARN": what was published to a topic, a list of [subject, message, attributes].
- "used ARN": the actions that a role was allowed.
- "age SECONDS BUCKET PREFIX": makes the objects there that much older.
- "clock SECONDS": has S3's clock run that much ahead of this machine's from now on.
- "hurry SECONDS": has Python switch between threads that often.
- "fill COUNT BUCKET PREFIX": puts that many empty objects there, numbered.
- "invocable": from now on says of an invocation of a function only whether the caller may make it: invocable.go runs the binary.
- "save": keeps everything in mind as it is now; "load": brings that back, in place of what came since.
- "dump BUCKET": what is in all tables, and every version in the bucket, the newest of a key first.
"""

import copy
import datetime
import hashlib
import html
import io
import json
import logging
import os
import re
import sys
import threading
import time
import urllib.parse

os.environ["MOTO_DISABLE_GLOBAL_CORS"] = "true"  # no browser asks
os.environ["S3_IGNORE_SUBDOMAIN_BUCKETNAME"] = "true"  # buckets are named in the path

import authorise
import faster
import moto.backends
import moto.moto_server.threaded_moto_server
import moto.s3.models
from moto.core import DEFAULT_ACCOUNT_ID
from moto.core.utils import utcnow
from moto.dynamodb.models import dynamodb_backends
from moto.dynamodb.models.table import Table
from moto.s3.models import FakeDeleteMarker, s3_backends
from moto.s3.responses import S3Response
from moto.moto_server.werkzeug_app import DomainDispatcherApplication
from moto.server import ThreadedMotoServer
from moto.sns.models import sns_backends
from werkzeug.serving import WSGIRequestHandler

logging.getLogger("werkzeug").setLevel(logging.ERROR)
authorise.install()
faster.install()
one_at_a_time = threading.Lock()


class Application(DomainDispatcherApplication):
    """Answers one request at a time: moto looks at a condition and then writes, and two threads can both pass."""

    def __call__(self, environ, start_response):
        stream = environ["wsgi.input"]  # is read first, so that a slow client delays nobody
        body = stream.read() if environ.get("wsgi.input_terminated") else stream.read(int(environ.get("CONTENT_LENGTH") or 0))
        environ["wsgi.input"] = io.BytesIO(body)
        with one_at_a_time:
            return list(super().__call__(environ, start_response))


def all_items(table):
    """Sorts by plain values: moto's own objects compare each other in Python, which takes seconds for each page of a long table."""
    items = [item for row in table.items.values() for item in (row.values() if table.range_key_attr else [row])]
    return sorted(items, key=lambda i: (i.hash_key.cast_value, i.range_key.cast_value) if i.range_key else i.hash_key.cast_value)


Table.all_items = all_items
WSGIRequestHandler.wbufsize = 1 << 16  # head and body in one piece, as from AWS: the SDK of clients loses a body that comes after (see pkg/httpbody)
moto.moto_server.threaded_moto_server.DomainDispatcherApplication = Application
plain_etag = moto.s3.models.FakeKey.etag.fget


def etag(key):
    """Gives an ETag that is not the MD5 of the content where KMS encrypts it, as S3 does."""
    tag = plain_etag(key)
    if key.encryption not in ("aws:kms", "aws:kms:dsse") or "-" in tag:
        return tag
    return f'"{hashlib.md5(f"{tag}{key.version_id}".encode()).hexdigest()}"'


def list_object_versions(self):
    """Encodes the keys where that is asked for, as S3 does: moto writes them as they are, and a control character is no XML."""
    status, headers, page = plain_versions(self)
    if self.querystring.get("encoding-type", [None])[0] == "url":
        page = re.sub(r"(?s)<(Key|Prefix|KeyMarker|NextKeyMarker)>([^<]*)</", encoded, page)
        page = page.replace("</ListVersionsResult>", "<EncodingType>url</EncodingType></ListVersionsResult>")
    return status, headers, page


def encoded(element):
    return f"<{element[1]}>{urllib.parse.quote_plus(html.unescape(element[2]), safe='/')}</"


moto.s3.models.FakeKey.etag = property(etag)
plain_versions = S3Response.list_object_versions
S3Response.list_object_versions = list_object_versions
modules = list(moto.backends.list_of_moto_modules())
moto.backends.list_of_moto_modules = lambda: modules  # it reads the disk for each request
server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
server.start()
print(server.get_host_and_port()[1], flush=True)


def published(arn):
    region, account = arn.split(":")[3:5]
    return [
        [subject, message, {name: a["Value"] for name, a in (attributes or {}).items()}]
        for _, message, subject, attributes, _ in sns_backends[account][region].topics[arn].sent_notifications
    ]


def age(seconds, bucket, prefix=""):
    keys = s3_backends[DEFAULT_ACCOUNT_ID]["aws"].buckets[bucket].keys
    for name in list(keys):
        for version in keys.getlist(name) if name.startswith(prefix) else []:
            version.last_modified -= datetime.timedelta(seconds=float(seconds))


def clock(seconds):
    ahead = datetime.timedelta(seconds=float(seconds))
    moto.s3.models.utcnow = lambda: utcnow() + ahead


def fill(count, bucket, prefix=""):
    for i in range(int(count)):
        s3_backends[DEFAULT_ACCOUNT_ID]["aws"].put_object(bucket, f"{prefix}{i:05d}", b"")


def hurry(seconds):
    sys.setswitchinterval(float(seconds))


def invocable():
    from moto.awslambda.models import LambdaBackend  # is slow to load, and seldom needed

    def invoke(backend, function_name, qualifier, body, headers, response_headers):
        backend.get_function(function_name, qualifier)
        return b"{}"

    LambdaBackend.invoke = invoke


saved = {}


def places():
    """Where moto keeps what can change: (what to call it, the object, its attribute)."""
    for region, tables in dynamodb_backends[DEFAULT_ACCOUNT_ID].items():
        yield f"tables {region}", tables, "tables"
    yield "buckets", s3_backends[DEFAULT_ACCOUNT_ID]["aws"], "buckets"
    for region, topics in sns_backends[DEFAULT_ACCOUNT_ID].items():
        for arn, topic in topics.topics.items():
            yield f"topic {region} {arn}", topic, "sent_notifications"


def copied(name, value):
    new = copy.deepcopy(value)
    if name == "buckets":  # whose keys copy themselves with their newest version alone
        for bucket in value:
            for key in list(value[bucket].keys):
                new[bucket].keys.setlist(key, copy.deepcopy(value[bucket].keys.getlist(key)))
    return new


def save():
    saved.clear()
    for name, owner, attribute in places():
        saved[name] = copied(name, getattr(owner, attribute))


def load():
    for name, owner, attribute in places():
        setattr(owner, attribute, copied(name, saved[name]))


def dump(bucket):
    rows, versions = {}, []
    for region in dynamodb_backends[DEFAULT_ACCOUNT_ID].values():
        for name, table in region.tables.items():
            rows[name] = [{k: next(iter(v.values())) for k, v in item.to_json()["Attributes"].items()} for item in table.all_items()]
    keys = s3_backends[DEFAULT_ACCOUNT_ID]["aws"].buckets[bucket].keys
    for name in list(keys):
        for version in reversed(keys.getlist(name)):
            marker = isinstance(version, FakeDeleteMarker)
            versions.append({"key": name, "id": version.version_id, "marker": marker, "body": "" if marker else version.value.decode()})
    return {"rows": rows, "versions": versions}


COMMANDS = {"published": published, "used": authorise.used, "age": age, "clock": clock, "hurry": hurry, "fill": fill, "invocable": invocable, "save": save, "load": load, "dump": dump}
for line in sys.stdin:  # it ends with the parent, however that dies
    command, *arguments = line.rstrip("\n").split(" ", 3)  # a prefix may have blanks
    with one_at_a_time:
        answer = COMMANDS[command](*arguments)
    print(json.dumps(answer), flush=True)
server.stop()
