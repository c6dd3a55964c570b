#!/usr/bin/env bash
# awscli.sh FOLDER: writes FOLDER/aws, an AWS CLI v2 that follows AWS_ENDPOINT_URL. It is the one of this
# machine where there is one; else Debian's package is unpacked into FOLDER, for which nobody must be root
# and nothing is installed. PyPI has version 1 only, which has other options.
set -euo pipefail
mkdir -p "$1"
folder=$(cd "$1" && pwd)
cd "$folder"

# Versions before 2.13 do not read AWS_ENDPOINT_URL.
wrap() { # COMMAND…
  printf '#!/bin/sh\nexec %s ${AWS_ENDPOINT_URL:+--endpoint-url "$AWS_ENDPOINT_URL"} "$@"\n' "$*" > "$folder/aws.new"
  chmod +x "$folder/aws.new"
  "$folder/aws.new" --version 2>&1 | grep '^aws-cli/2\.' || return 1
  mv "$folder/aws.new" "$folder/aws"
}

while IFS= read -r found; do
  case $found in "$folder"/*) continue;; esac
  if wrap "'$found'" 2>/dev/null; then exit 0; fi
done < <(type -ap aws; echo /usr/bin/aws; echo /usr/local/bin/aws)

missing() {
  echo "AWS CLI v2 is missing, and cannot be set up here: $1. Install it (Debian: apt-get install awscli; macOS: brew install awscli)" >&2
  exit 1
}
command -v apt-get >/dev/null && command -v dpkg-deb >/dev/null || missing 'this is not Debian'
echo "> unpacking Debian's AWS CLI v2 into $1: half a minute, once"
mkdir -p state/lists/partial cache/archives/partial root
apt() {
  apt-get -qq -o Dir::State="$folder/state" -o Dir::State::status=/var/lib/dpkg/status -o Dir::Cache="$folder/cache" \
    -o Debug::NoLocking=true -o APT::Sandbox::User= "$@" >apt.log 2>&1 || { cat apt.log >&2; missing "apt-get $1 failed"; }
}
apt update
apt install --yes --no-install-recommends --download-only awscli
for package in cache/archives/*.deb; do dpkg-deb -x "$package" root; done
rm -rf state cache
# `cloudformation package` does not pass on its --endpoint-url either.
mkdir -p site
cat > site/sitecustomize.py <<'END'
import os

if url := os.environ.get("AWS_ENDPOINT_URL"):
    import awscli  # makes its own botocore the one that is imported
    from botocore.session import Session

    create = Session.create_client

    def create_client(self, *args, endpoint_url=None, **kwargs):
        return create(self, *args, endpoint_url=endpoint_url or url, **kwargs)

    Session.create_client = create_client
END
wrap "env PYTHONPATH='$folder/site:$folder/root/usr/lib/python3/dist-packages' /usr/bin/python3 '$folder/root/usr/bin/aws'" || missing 'its package does not run'
