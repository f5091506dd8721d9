/* Between the parts of cmd.c; programs use cmd.h. */
#ifndef CMD_PRIVATE_H
#define CMD_PRIVATE_H

/* Says more (1) or less (-1) from now on; the level as enum amas_log. */
void cmd__louder(int by);
int cmd__level(void);

const char *cmd__name(void);

#endif
