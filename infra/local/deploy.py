"""Deploys a template into the local AWS by its CloudFormation.

usage: deploy.py TEMPLATE STACK [NAME=VALUE …]
       deploy.py --delete STACK

TEMPLATE is what transform.py prints with the same values. It is not run here: its import takes
longer than a deploy, and the result is the same for many (see transform.go).

The endpoint and credentials come from the environment. Prints, as JSON, the stack's
outputs, its resources (physical by logical ID), and each function's environment and role.
"""

import json
import sys

import boto3
from botocore.config import Config
from botocore.exceptions import ClientError

REGION = "eu-central-1"
CODE = {"Bucket": "code", "Key": "code.zip"}  # as transform.py names it

# What moto 5.2.1 was seen not to do through CloudFormation, by resource type.
MOTO_LACKS = {
    "AWS::CloudWatch::Alarm": "makes no alarms",
    "AWS::CloudWatch::Dashboard": "makes no dashboards",
    "AWS::Scheduler::Schedule": "makes no schedules",
    "AWS::Lambda::EventInvokeConfig": "has no retry settings",
    "AWS::Lambda::EventSourceMapping": "would run the function in Docker",
    "AWS::SNS::Subscription": "makes no subscriptions; callers subscribe queues of their own",
    "AWS::SNS::TopicPolicy": "has no topic policies",
    "AWS::SQS::QueuePolicy": "has no queue policies",
    "AWS::CloudFormation::Stack": "does not know Amazon Q Developer in chat, which is all that the nested stack deploys",
    "AWS::S3::BucketPolicy": "would refuse this plain HTTP endpoint: the policy is TLS-only",
}


def client(service):
    return boto3.client(service, region_name=REGION, config=Config(s3={"addressing_style": "path"}))


def deploy(template, stack, parameters):
    with open(template, encoding="utf-8") as f:
        plain = json.load(f)
    plain["Resources"] = {n: r for n, r in plain["Resources"].items() if r["Type"] not in MOTO_LACKS}
    for resource in plain["Resources"].values():  # moto deletes what is not simply "Retain"
        if resource.get("DeletionPolicy") == "RetainExceptOnCreate":
            resource["DeletionPolicy"] = "Retain"
    s3, cloudformation = client("s3"), client("cloudformation")
    try:
        s3.create_bucket(Bucket=CODE["Bucket"], CreateBucketConfiguration={"LocationConstraint": REGION})
    except ClientError as error:
        if error.response["Error"]["Code"] != "BucketAlreadyOwnedByYou":
            raise
    s3.put_object(**CODE, Body=b"")  # kept and never run: the built binary runs instead
    cloudformation.create_stack(
        StackName=stack,
        TemplateBody=json.dumps(plain),
        Parameters=[{"ParameterKey": k, "ParameterValue": v} for k, v in parameters.items()],
        Capabilities=["CAPABILITY_IAM"],
    )
    cloudformation.get_waiter("stack_create_complete").wait(StackName=stack, WaiterConfig={"Delay": 1})
    described = cloudformation.describe_stacks(StackName=stack)["Stacks"][0]
    listed = cloudformation.describe_stack_resources(StackName=stack)["StackResources"]
    # moto gives some policies no name: nothing asks for them by name
    found = [r for r in listed if "LogicalResourceId" in r and "PhysicalResourceId" in r]
    resources = {r["LogicalResourceId"]: r["PhysicalResourceId"] for r in found}
    if "StateBucket" in resources:  # moto takes no versioning from CloudFormation
        s3.put_bucket_versioning(Bucket=resources["StateBucket"], VersioningConfiguration={"Status": "Enabled"})
    functions, roles, configurations = {}, {}, client("lambda")
    for resource in found:
        if resource["ResourceType"] == "AWS::Lambda::Function":
            configured = configurations.get_function_configuration(FunctionName=resource["PhysicalResourceId"])
            functions[resource["LogicalResourceId"]] = configured["Environment"]["Variables"]
            roles[resource["LogicalResourceId"]] = configured["Role"]
    outputs = {o["OutputKey"]: o["OutputValue"] for o in described.get("Outputs", [])}
    return {"outputs": outputs, "resources": resources, "functions": functions, "roles": roles}


def delete(stack):
    cloudformation, iam = client("cloudformation"), client("iam")
    # moto deletes a role before the managed policy that names it, and then refuses to
    for resource in cloudformation.describe_stack_resources(StackName=stack)["StackResources"]:
        if resource.get("ResourceType") == "AWS::IAM::Role":
            role = resource["PhysicalResourceId"]
            for policy in iam.list_attached_role_policies(RoleName=role)["AttachedPolicies"]:
                iam.detach_role_policy(RoleName=role, PolicyArn=policy["PolicyArn"])
    cloudformation.delete_stack(StackName=stack)
    cloudformation.get_waiter("stack_delete_complete").wait(StackName=stack, WaiterConfig={"Delay": 1})


if __name__ == "__main__":
    if sys.argv[1] == "--delete":
        sys.exit(delete(sys.argv[2]))
    json.dump(deploy(sys.argv[1], sys.argv[2], dict(word.split("=", 1) for word in sys.argv[3:])), sys.stdout)
