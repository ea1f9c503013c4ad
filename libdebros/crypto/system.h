/* The system's random source (libsodium) as a dbr_rng, and libsodium's start. */
#ifndef DBR_CRYPTO_SYSTEM_H
#define DBR_CRYPTO_SYSTEM_H

#include "base/rng.h"

/* Once per process before anything of crypto/; any thread, any number of times.
 * Returns 0 or DEBROS_EINTERNAL. */
int dbr_crypto_init(void);
void dbr_rng_system(struct dbr_rng *rng);

#endif
