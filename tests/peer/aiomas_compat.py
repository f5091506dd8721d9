"""
Lets aiomas 2.0.1 run on current versions of Python, msgpack and arrow.

Import this instead of aiomas: it gives back the patched package as `aiomas`.
Only calls into other libraries are adapted; what aiomas writes to the wire and
how it reads it stays as it is.

    removed in      what aiomas still uses
    Python 3.10     loop= of asyncio.gather(), asyncio.sleep(), asyncio.Queue()
    Python 3.14     get_event_loop() that makes a loop when there is none
    msgpack 1.0     unpackb(encoding='utf-8'), and keys that are no text
    arrow 0.14.5    Arrow.replace(seconds=n) for adding n seconds
"""
import asyncio

import aiomas
import aiomas.agent
import aiomas.clocks
import aiomas.codecs
import aiomas.local_queue

__all__ = ['aiomas']


class _Module:
    """A module with some of its functions replaced."""

    def __init__(self, module, **replaced):
        self.__dict__.update(replaced)
        self._module = module

    def __getattr__(self, name):
        return getattr(self._module, name)


def _without_loop(func):
    def wrapper(*args, loop=None, **kwargs):
        return func(*args, **kwargs)
    return wrapper


def _patch_asyncio():
    patched = _Module(
        asyncio,
        gather=_without_loop(asyncio.gather),
        sleep=_without_loop(asyncio.sleep),
        Queue=_without_loop(asyncio.Queue),
    )
    for user in (aiomas.agent, aiomas.clocks, aiomas.local_queue):
        user.asyncio = patched

    # All of aiomas takes the loop of the main thread from here.
    asyncio.set_event_loop(asyncio.new_event_loop())


def _patch_msgpack():
    msgpack = aiomas.codecs.msgpack

    def unpackb(data, encoding, **kwargs):
        assert encoding == 'utf-8'
        return msgpack.unpackb(data, raw=False, strict_map_key=False, **kwargs)

    aiomas.codecs.msgpack = _Module(msgpack, unpackb=unpackb)


def _patch_arrow():
    def utcnow(self):
        return self._utc_start.shift(seconds=self._time)

    aiomas.clocks.ExternalClock.utcnow = utcnow


_patch_asyncio()
_patch_msgpack()
_patch_arrow()
