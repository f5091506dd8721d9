/*
 * Replays a corpus through a fuzz target without a fuzzer: one TAP line for
 * each file named.  A finding shows as a crash, which ends the program without
 * its plan.
 */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static uint8_t *
slurp(const char *path, size_t *size)
{
	FILE *f = fopen(path, "rb");
	uint8_t *data = NULL, *p;
	size_t cap = 0, n;

	*size = 0;
	if (f == NULL)
		return NULL;
	do {
		if (*size == cap) {
			cap = cap != 0 ? cap * 2 : 4096;
			if ((p = realloc(data, cap)) == NULL)
				break;
			data = p;
		}
		n = fread(data + *size, 1, cap - *size, f);
		*size += n;
	} while (n > 0);
	fclose(f);
	return data;
}

int
main(int argc, char *argv[])
{
	const char *name;
	uint8_t *data, *exact;
	size_t size;
	int i, failed = 0;

	printf("1..%d\n", argc - 1);
	for (i = 1; i < argc; i++) {
		name = strrchr(argv[i], '/');
		name = name != NULL ? name + 1 : argv[i];
		data = slurp(argv[i], &size);
		exact = malloc(size != 0 ? size : 1);
		if (data == NULL || exact == NULL) {
			printf("not ok %d - %s: cannot read\n", i, name);
			failed = 1;
		} else {
			/* exactly size bytes, so that sanitizers see */
			memcpy(exact, data, size);
			printf("# %s\n", name);
			fflush(stdout);
			LLVMFuzzerTestOneInput(exact, size);
			printf("ok %d - fuzz corpus %s\n", i, name);
		}
		free(exact);
		free(data);
	}
	return failed;
}
