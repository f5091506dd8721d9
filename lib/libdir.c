/*
 * The folder of modules.  The Makefile makes this twice: for the programs that
 * stay where they were built, and for those that are installed.
 */
#include "module.h"

const char amas__libdir[] = AMAS_LIBDIR;
