/* The reader of MsgPack, part of codec_msgpack. */
#ifndef AMAS__MSGPACK_DECODE_H
#define AMAS__MSGPACK_DECODE_H

#include "codec.h"

/* decode of struct amas__codec_ops. */
int amas__msgpack_decode(struct amas__area *a, char *data, size_t len,
    const struct amas__limits *limits, const struct amas_value **out,
    bool *typed, struct amas_error *err);

#endif
