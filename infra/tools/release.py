"""Puts together what a release attaches: for people without Go, a zip with a template that names the functions' own zips
in it, and the checksums of all. `aws cloudformation package` uploads it to a bucket of theirs."""

import hashlib
import pathlib
import re
import shutil
import sys
import zipfile

version, out = sys.argv[1], pathlib.Path(sys.argv[2])
root, built = pathlib.Path(__file__).parents[2], pathlib.Path(".build/lambda")

template = (root / "template.yaml").read_text()
functions = sorted(set(re.findall(r"^      CodeUri: functions/(\w+)$", template, re.M)))
if not functions:
    sys.exit("template.yaml names no function to build")
# Nothing is left to build.
template = re.sub(r"^      CodeUri: functions/(\w+)$", r"      CodeUri: lambda/\1.zip", template, flags=re.M)
template, changed = re.subn(r"^    Metadata: \{ BuildMethod: go1\.x \}\n", "", template, flags=re.M)
if changed != len(functions):
    sys.exit(f"{changed} functions of template.yaml have a BuildMethod, and not {len(functions)}")

shutil.rmtree(out, ignore_errors=True)
out.mkdir(parents=True)
content = {"template.yaml": template.encode()}
for name in re.findall(r"TemplateURL: (\S+)", template) + ["LICENSE", "CHANGELOG.md", "docs/configuration.md"]:
    content[name] = (root / name).read_bytes()
for function in functions:
    for suffix in (".zip", ".cdx.json"):
        content[f"lambda/{function}{suffix}"] = (built / (function + suffix)).read_bytes()

name = f"lockwarden-{version}"
with zipfile.ZipFile(out / f"{name}.zip", "w") as archive:
    archive.comment = f"Lockwarden {version}".encode()
    for path in sorted(content):
        entry = zipfile.ZipInfo(f"{name}/{path}", (1980, 1, 1, 0, 0, 0))  # the same sources give the same bytes
        entry.compress_type, entry.create_system, entry.external_attr = zipfile.ZIP_DEFLATED, 3, 0o100644 << 16
        archive.writestr(entry, content[path])
for path in content:
    if path.startswith("lambda/"):
        (out / f"{name}-{path[7:]}").write_bytes(content[path])
sums = [f"{hashlib.sha256(file.read_bytes()).hexdigest()}  {file.name}" for file in sorted(out.iterdir())]
(out / "SHA256SUMS").write_text("\n".join(sums) + "\n")
print("\n".join(sums))
