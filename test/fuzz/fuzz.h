/* What every fuzz target includes. A property that does not hold is a failed check. */
#ifndef DBR_FUZZ_FUZZ_H
#define DBR_FUZZ_FUZZ_H

#include <stddef.h>
#include <stdint.h>

#include "base/bytes.h"
#include "base/check.h"

/* Returns 0. `data` is never NULL; it ends where its memory ends. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#endif
