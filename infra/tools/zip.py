"""Packs one program as Lambda wants it. The date is fixed, so that the same program gives the same zip."""

import sys
import zipfile

program, path = sys.argv[1:]
entry = zipfile.ZipInfo("bootstrap", (1980, 1, 1, 0, 0, 0))
entry.compress_type, entry.create_system, entry.external_attr = zipfile.ZIP_DEFLATED, 3, 0o100755 << 16
with open(program, "rb") as source, zipfile.ZipFile(path, "w") as archive:
    archive.writestr(entry, source.read())
