"""Packs one program as Lambda wants it. The date is fixed, so that the same program gives the same zip. Its comment, which
`unzip -z` shows, says the version."""

import sys
import zipfile

program, path, version = sys.argv[1:]
entry = zipfile.ZipInfo("bootstrap", (1980, 1, 1, 0, 0, 0))
entry.compress_type, entry.create_system, entry.external_attr = zipfile.ZIP_DEFLATED, 3, 0o100755 << 16
with open(program, "rb") as source, zipfile.ZipFile(path, "w") as archive:
    archive.writestr(entry, source.read())
    archive.comment = f"Lockwarden {version}".encode()
