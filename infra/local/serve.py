"""Serves moto on a free port of 127.0.0.1 and ends when its parent does.

IAM decides as authorize.py says. Prints the port. Then answers each line with one line of
JSON. The ARN of a topic: what was published to it, a list of [subject, message,
attributes]. The ARN of a role: the actions that it was allowed.
"""

import json
import logging
import sys

import authorize
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


for line in sys.stdin:  # it ends with the parent, however that dies
    asked = line.strip()
    answer = sorted(authorize.USED[asked.split("/")[-1]]) if asked.startswith("arn:aws:iam:") else published(asked)
    print(json.dumps(answer), flush=True)
server.stop()
