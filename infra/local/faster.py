"""Spares moto what it does again for each request and for each member of an answer: it took most of the time of all tests.

What is answered stays the same. Each part names what it was seen to cost (moto 5.2.1).
"""

import datetime
import functools
import types

import botocore.utils
import moto.core.responses
import moto.core.serialize
import moto.s3.models
from moto.core.serialize import AttributePicker, AttributePickerContext, ResponseSerializer
from moto.core.utils import MISSING, get_value
from moto.moto_server.werkzeug_app import DomainDispatcherApplication

TRANSFORMED = ResponseSerializer.get_value
PARSED = botocore.utils._parse_timestamp_with_tzinfo
RESPONSE = moto.core.responses.BaseResponse
ENRICHED = RESPONSE._enrich_response


def member(self, value, key, shape):
    """Looks a member up by the names that were once found to be possible for it (three quarters of a Scan)."""
    picker = self._value_picker
    if not isinstance(picker, AttributePicker) or picker.response_transformers or hasattr(value, "Meta"):
        return TRANSFORMED(self, value, key, shape)
    known = shape.__dict__.setdefault("_possible_keys", {})
    keys = known.get((type(picker), type(value), key))
    if keys is None:
        context = AttributePickerContext(obj=value, key=key, shape=shape)
        keys = known[type(picker), type(value), key] = list(dict.fromkeys(picker.get_possible_keys(context)))
    for possible in keys:
        found = value.get(possible, MISSING) if type(value) is dict and "." not in possible else get_value(value, possible, MISSING)
        if found is not MISSING:
            return found
    return None


def parsed(value, tzinfo):
    """Reads moto's own times without a parser for every format there is (a third of a listing)."""
    if isinstance(value, str) and value[10:11] == "T" and value.endswith("Z"):
        return datetime.datetime.fromisoformat(value)
    return PARSED(value, tzinfo)


def enriched(headers, body):
    """Looks for the place of a request's ID only where one is (a tenth of a large answer)."""
    if isinstance(body, str) and "<RequestId>" not in body:
        return ENRICHED(headers, None)[0], body
    return ENRICHED(headers, body)


def install():
    ResponseSerializer.get_value = member
    botocore.utils._parse_timestamp_with_tzinfo = parsed
    RESPONSE._enrich_response = staticmethod(enriched)
    moto.core.responses.method_names_from_class = functools.cache(moto.core.responses.method_names_from_class)
    DomainDispatcherApplication.get_backend_for_host = functools.cache(DomainDispatcherApplication.get_backend_for_host)  # two hundred patterns
    # A listing of versions copied every version in the bucket, content included, to note in the copy whether it is the newest.
    moto.s3.models.copy = types.SimpleNamespace(copy=moto.s3.models.copy.copy, deepcopy=lambda versions: versions)
