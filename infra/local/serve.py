"""Serves moto on a free port of 127.0.0.1 and ends when its parent does.

IAM decides as authorize.py says. Prints the port. Then answers each line with one line of JSON:
- "published ARN": what was published to a topic, a list of [subject, message, attributes].
- "used ARN": the actions that a role was allowed.
- "age SECONDS BUCKET PREFIX": makes the objects there that much older.
"""

import datetime
import json
import logging
import sys

import authorize
from moto.core import DEFAULT_ACCOUNT_ID
from moto.s3.models import s3_backends
from moto.server import ThreadedMotoServer
from moto.sns.models import sns_backends

logging.getLogger("werkzeug").setLevel(logging.ERROR)
authorize.install()
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


for line in sys.stdin:  # it ends with the parent, however that dies
    command, *arguments = line.rstrip("\n").split(" ", 3)  # a prefix may have blanks
    print(json.dumps({"published": published, "used": authorize.used, "age": age}[command](*arguments)), flush=True)
server.stop()
