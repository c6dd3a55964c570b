"""A plain lock monitor in Python: scans one table, filters digests out in its request, counts the locks and the
old ones among them, sends the counts to CloudWatch, and publishes when some are old. No bucket, no memory, no
evidence: the least that does the job, for comparison."""

import json
import os
from datetime import datetime, timedelta, timezone

import boto3

table = boto3.resource("dynamodb").Table(os.environ["TABLE_NAME"])
cloudwatch = boto3.client("cloudwatch")
sns = boto3.client("sns")
STUCK_AFTER = timedelta(minutes=30)


def handler(event, context):
    locks, request = [], {"FilterExpression": "attribute_not_exists(Digest)", "ProjectionExpression": "LockID, Info"}
    while True:
        page = table.scan(**request)
        locks += [json.loads(item["Info"]) for item in page["Items"]]
        if "LastEvaluatedKey" not in page:
            break
        request["ExclusiveStartKey"] = page["LastEvaluatedKey"]
    now = datetime.now(timezone.utc)
    stuck = [lock for lock in locks if now - datetime.fromisoformat(lock["Created"]) > STUCK_AFTER]
    cloudwatch.put_metric_data(
        Namespace="Peer",
        MetricData=[
            {"MetricName": "LocksHeld", "Value": len(locks), "Unit": "Count"},
            {"MetricName": "StuckLocks", "Value": len(stuck), "Unit": "Count"},
        ],
    )
    if stuck:
        sns.publish(TopicArn=os.environ["TOPIC_ARN"], Subject="Stuck locks", Message=json.dumps(stuck)[:200_000])
    return {"held": len(locks), "stuck": len(stuck)}
