"""Serves moto on a free port of 127.0.0.1 and ends when its parent does.

IAM decides as authorize.py says. Prints the port. Then, for each line with the ARN of a topic, prints as one line of JSON
what was published to it: a list of [subject, message, attributes].
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

for line in sys.stdin:  # it ends with the parent, however that dies
    arn = line.strip()
    region, account = arn.split(":")[3:5]
    topic = sns_backends[account][region].topics[arn]
    sent = [
        [subject, message, {name: a["Value"] for name, a in (attributes or {}).items()}]
        for _, message, subject, attributes, _ in topic.sent_notifications
    ]
    print(json.dumps(sent), flush=True)
server.stop()
