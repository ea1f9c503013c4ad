#include "system.h"

#include <sodium.h>

#include "debros.h"

int dbr_crypto_init(void)
{
    return sodium_init() < 0 ? DEBROS_EINTERNAL : 0;
}

static void system_fill(struct dbr_rng *rng, void *out, size_t len)
{
    (void)rng;
    randombytes_buf(out, len);
}

void dbr_rng_system(struct dbr_rng *rng)
{
    *rng = (struct dbr_rng){.fill = system_fill};
}
