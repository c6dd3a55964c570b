"""make unlock: invokes the unlock function of a stack and prints its answer.

Reads LOCK_ID (else standard input, if it is not a terminal), REASON, FORCE, DRY_RUN, STACK,
USER and AWS (the AWS CLI's path) from the environment: what is pasted is never part of a command line or a Makefile.
Exits with 0 if the lock was released, or would be, with 1 if it was not, and with the AWS CLI's
exit code if that fails.
"""

import json
import os
import subprocess
import sys
import tempfile

TIMEOUT = "150"  # seconds, above the function's own 120: the CLI would invoke a second time after its 60


def aws(*args):
    """Runs the AWS CLI and gives what it printed."""
    program = os.environ.get("AWS")
    if not program:
        sys.exit("the AWS CLI is missing: https://docs.aws.amazon.com/cli/latest/userguide/getting-started-install.html")
    done = subprocess.run([program, *args], stdout=subprocess.PIPE, text=True)
    if done.returncode:
        sys.exit(done.returncode)
    return done.stdout.strip()


def main():
    given = os.environ.get
    lock_id = given("LOCK_ID", "")
    if not lock_id.strip() and not sys.stdin.isatty():
        lock_id = sys.stdin.read()
    if not lock_id.strip():
        sys.exit("say which lock and why: make unlock LOCK_ID='…' REASON='…', or pipe the client's error into make unlock REASON='…'")
    request = {
        "lock_id": lock_id,
        "reason": given("REASON", ""),
        "requested_by": given("USER", ""),
        "force": given("FORCE") == "true",
        "dry_run": given("DRY_RUN") == "true",
    }
    function = aws(
        "cloudformation", "describe-stacks", "--stack-name", given("STACK") or "lockwarden", "--output", "text",
        "--query", "Stacks[0].Outputs[?OutputKey=='UnlockFunctionName'].OutputValue",
    )  # fmt: skip
    with tempfile.TemporaryDirectory() as folder:
        payload, answer = os.path.join(folder, "request.json"), os.path.join(folder, "answer.json")
        with open(payload, "w", encoding="utf-8") as file:
            json.dump(request, file)
        aws("lambda", "invoke", "--function-name", function, "--cli-read-timeout", TIMEOUT, "--payload", "fileb://" + payload, answer)
        with open(answer, encoding="utf-8") as file:
            said = json.load(file)
    print(json.dumps(said, indent=2, ensure_ascii=False))
    sys.exit(said.get("outcome") not in ("released", "would_release"))


if __name__ == "__main__":
    main()
