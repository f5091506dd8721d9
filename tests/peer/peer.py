"""
What server.py and client.py share: addresses, codecs, values as JSON lines.

Values are printed and read as amas prints them (amas-wire(5)): what JSON
cannot say is {"__type__": [NAME, REPRESENTATION]}.
"""
import base64
import json
import os

from aiomas_compat import aiomas

CODECS = {'json': aiomas.JSON, 'msgpack': aiomas.MsgPack,
          'msgpack-blosc': aiomas.MsgPackBlosc}


class Point:
    """A type of the user, represented by a list."""

    def __init__(self, x, y):
        self.x, self.y = x, y

    @classmethod
    def serializer(cls):
        return cls, lambda p: [p.x, p.y], lambda rep: cls(*rep)


class Money:
    """Another, represented by a map; *amount* may be anything."""

    def __init__(self, amount, currency):
        self.amount, self.currency = amount, currency

    @classmethod
    def serializer(cls):
        return cls, vars, lambda rep: cls(**rep)


SERIALIZERS = {
    'date': aiomas.util.arrow_serializer,
    'point': Point.serializer,
    'money': Money.serializer,
}
NAMES = {func()[0]: (name, func()[1]) for name, func in SERIALIZERS.items()}


def serializers(names):
    """Return the serializers that --types names."""
    return [SERIALIZERS[name] for name in names.split(',') if name]


def parse_addr(text):
    """Return the aiomas address for *text*: tcp://HOST:PORT, HOST:PORT,
    ipc://[PATH], ipc:///PATH or a path."""
    if text.startswith('ipc://'):
        return text[len('ipc://'):].strip('[]')
    if '/' in text and not text.startswith('tcp://'):
        return text
    host, port = text[text.rfind('/') + 1:].rsplit(':', 1)
    return (host.strip('[]') or '127.0.0.1', int(port))


def add_ssl(parser):
    """Add --ssl CA CERT KEY to the options of a peer."""
    parser.add_argument('--ssl', nargs=3, metavar=('CA', 'CERT', 'KEY'))


def server_ssl(o):
    """Return keyword arguments for a server: those of aiomas's guide."""
    if o.ssl is None:
        return {}
    return {'ssl': aiomas.util.make_ssl_server_context(*o.ssl)}


def client_ssl(o):
    if o.ssl is None:
        return {}
    return {'ssl': aiomas.util.make_ssl_client_context(*o.ssl)}


def announce(addr, fd):
    """Print the address of a server that is ready on *fd* and close that."""
    if isinstance(addr, str):
        text = 'ipc://[%s]' % addr
    else:
        text = 'tcp://%s:%d' % addr[:2]
    os.write(fd, text.encode() + b'\n')
    os.close(fd)


def to_json(value):
    return json.dumps(_printable(value))


def from_json(text):
    return json.loads(text, object_hook=_object)


def _printable(value):
    if isinstance(value, (list, tuple)):
        return [_printable(v) for v in value]
    if isinstance(value, dict):
        if all(isinstance(k, str) for k in value) and '__type__' not in value:
            return {k: _printable(v) for k, v in value.items()}
        return {'__type__': ['map', [[_printable(k), _printable(v)]
                                     for k, v in value.items()]]}
    if isinstance(value, bytes):
        return {'__type__': ['bytes', base64.b64encode(value).decode()]}
    if type(value) in NAMES:
        name, serialize = NAMES[type(value)]
        return {'__type__': [name, _printable(serialize(value))]}
    if isinstance(value, aiomas.rpc.Proxy):
        return {'__type__': ['proxy', value._path]}
    return value


def _object(obj):
    if set(obj) != {'__type__'}:
        return obj
    name, rep = obj['__type__']
    if name == 'bytes':
        return base64.b64decode(rep)
    if name == 'map':
        return {tuple(k) if isinstance(k, list) else k: v for k, v in rep}
    if name in SERIALIZERS:
        return SERIALIZERS[name]()[2](rep)
    raise ValueError('unknown type "%s"' % name)
