#!/usr/bin/env python3
"""The shared library from another language, here by Python's ctypes.

    ffi.py LIBAMAS.so.0 ADDR [CODEC.so]

Calls add(3, 4) at ADDR and prints the result.  RTLD_GLOBAL lets plugins find
the library, which they do not link.
"""
import ctypes
import sys
from ctypes import byref, c_char, c_char_p, c_double, c_int, c_void_p


class Error(ctypes.Structure):
    """struct amas_error"""
    _fields_ = [('code', c_int), ('sys', c_int), ('text', c_char * 248)]


path, addr, *codecs = map(str.encode, sys.argv[1:])
amas = ctypes.CDLL(path.decode(), mode=ctypes.RTLD_GLOBAL)
amas.amas_call_once.argtypes = [c_void_p, c_char_p, c_void_p, c_char_p,
                                c_double, c_void_p, c_char_p]
amas.amas_value_real.argtypes = [c_void_p]
amas.amas_value_real.restype = c_double
amas.amas_value_free.argtypes = [c_void_p]

value, err = c_void_p(), Error()
rc = amas.amas_call_once(byref(value), addr, None, b'add', 5, byref(err),
                         b'[ii]', 3, 4)
for codec in codecs:
    rc = rc or amas.amas_codec_find(byref(c_void_p()), codec, byref(err))
if rc == 0:
    print('%g' % amas.amas_value_real(value))
else:
    print('ffi.py:', err.text.decode(), file=sys.stderr)
amas.amas_value_free(value)
sys.exit(amas.amas_exit_status(rc))
