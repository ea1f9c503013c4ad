/* What the stack costs beyond its cryptography: handshakes beside the sum of their
 * X25519 and Ed25519 operations, stream bytes beside the bare AEAD over the same bytes.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/check.h"
#include "conn/noise_state.h"
#include "conn/stack.h"
#include "crypto/aead.h"
#include "crypto/dh.h"
#include "crypto/system.h"
#include "limits.h"

#define SECONDS 1.0
#define TOTAL   (256u << 20)

static void report(const char *what, double figure, double limit, const char *unit,
                   const char *limit_is)
{
    printf("%-28s %10.0f %-6s limit %10.0f (%s)  %3.0f %%\n", what, figure, unit, limit,
           limit_is, 100 * figure / limit);
}

/* ---- Two stacks in memory ---------------------------------------------------------- */

struct end {
    struct dbr_keypair keys;
    struct dbr_rng rng;
    struct dbr_stack *stack;
    bool secured;
    bool writable;
    uint64_t received;
};

static void drain(struct end *end)
{
    struct dbr_stack_event event;
    while (dbr_stack_poll(end->stack, &event)) {
        switch (event.type) {
        case DBR_STACK_SECURED:
            end->secured = true;
            break;
        case DBR_STACK_INCOMING:
            dbr_stack_accept(end->stack, event.stream);
            break;
        case DBR_STACK_DATA:
            end->received += event.data.len;
            dbr_stack_consume(end->stack, event.stream, event.data.len);
            break;
        case DBR_STACK_WRITABLE:
            end->writable = true;
            break;
        default:
            break;
        }
    }
}

static bool carry(struct end *from, struct end *to)
{
    struct dbr_buf *out = dbr_stack_out(from->stack);
    size_t len = out->len;
    /* As a socket gives them: at most 64 KiB at once. */
    for (size_t at = 0; at < len; at += 65536) {
        size_t n = len - at < 65536 ? len - at : 65536;
        int err = dbr_stack_recv(to->stack, dbr_bytes(out->data + at, n), 1);
        dbr_assert(err == 0);
        drain(to);
    }
    dbr_buf_clear(out);
    return len > 0;
}

static void connect_ends(struct end end[2])
{
    for (int i = 0; i < 2; i++) {
        struct dbr_stack_config config = {.dialer = i == 0, .identity = &end[i].keys};
        dbr_stack_limits_default(&config.limits);
        end[i].secured = false;
        dbr_assert(dbr_stack_create(&end[i].stack, &config, &end[i].rng, 1) == 0);
    }
    while (!end[0].secured || !end[1].secured) {
        (void)carry(&end[0], &end[1]);
        (void)carry(&end[1], &end[0]);
    }
}

static void disconnect_ends(struct end end[2])
{
    dbr_stack_destroy(end[0].stack);
    dbr_stack_destroy(end[1].stack);
}

/* ---- Handshakes -------------------------------------------------------------------- */

/* Each side: two key pairs, three exchanges, a signature and its check. */
static double handshake_crypto_s(struct end end[2])
{
    enum { ROUNDS = 300 };
    uint8_t pub[2][DBR_DH_SIZE];
    uint8_t sec[2][DBR_DH_SIZE];
    uint8_t shared[DBR_DH_SIZE];
    uint8_t signature[DBR_SIGNATURE_SIZE];
    debros_bytes text =
        dbr_bytes_str("noise-libp2p-static-key:0123456789abcdef0123456789abcdef");
    double start = now_s();
    for (int i = 0; i < ROUNDS; i++) {
        for (int k = 0; k < 2; k++) {
            dbr_dh_generate(pub[k], sec[k], &end[k].rng);
        }
        for (int k = 0; k < 3; k++) {
            dbr_assert(dbr_dh(shared, sec[0], pub[1]));
        }
        dbr_sign(signature, text, &end[0].keys);
        dbr_assert(
            dbr_verify(signature, sizeof(signature), text, end[0].keys.public_key));
    }
    return 2 * (now_s() - start) / ROUNDS;
}

static void bench_handshakes(struct end end[2])
{
    double limit = 1 / handshake_crypto_s(end);
    double start = now_s();
    int n = 0;
    while (now_s() - start < SECONDS) {
        connect_ends(end);
        disconnect_ends(end);
        n++;
    }
    report("handshakes, both sides", n / (now_s() - start), limit, "/s",
           "X25519 and Ed25519 alone");
}

/* ---- Streams ----------------------------------------------------------------------- */

static double aead_bytes_per_s(void)
{
    static uint8_t buf[DBR_NOISE_MESSAGE_MAX];
    static const uint8_t key[DBR_AEAD_KEY_SIZE] = {1};
    debros_bytes none = dbr_bytes(NULL, 0);
    double start = now_s();
    uint64_t n = 0;
    for (; n * DBR_NOISE_TEXT_MAX < TOTAL; n++) {
        dbr_aead_encrypt(buf, dbr_bytes(buf, DBR_NOISE_TEXT_MAX), none, n, key);
        dbr_assert(dbr_aead_decrypt(buf, dbr_bytes(buf, sizeof(buf)), none, n, key));
    }
    return (double)(n * DBR_NOISE_TEXT_MAX) / (now_s() - start);
}

static double stream_bytes_per_s(struct end end[2], size_t chunk, uint32_t n_streams)
{
    static const uint8_t bytes[65536];
    uint32_t stream[64];
    connect_ends(end);
    for (uint32_t i = 0; i < n_streams; i++) {
        dbr_assert(dbr_stack_open(end[0].stack, &stream[i], dbr_bytes_str("/x"), 1) == 0);
    }
    end[1].received = 0;
    uint64_t sent = 0;
    double start = now_s();
    while (end[1].received < TOTAL / 2) {
        for (uint32_t i = 0; i < n_streams; i++) {
            while (dbr_stack_send(end[0].stack, stream[i], dbr_bytes(bytes, chunk)) ==
                   0) {
                sent += chunk;
            }
        }
        (void)carry(&end[0], &end[1]);
        (void)carry(&end[1], &end[0]);
        drain(&end[0]);
    }
    double speed = (double)end[1].received / (now_s() - start);
    dbr_assert(sent >= end[1].received);
    disconnect_ends(end);
    return speed;
}

static void bench_streams(struct end end[2])
{
    const double mib = 1024 * 1024;
    double limit = aead_bytes_per_s() / mib;
    const char *limit_is = "seal and open alone";
    report("one stream, 64 KiB sends", stream_bytes_per_s(end, 65536, 1) / mib, limit,
           "MiB/s", limit_is);
    report("one stream, 1 KiB sends", stream_bytes_per_s(end, 1024, 1) / mib, limit,
           "MiB/s", limit_is);
    report("16 streams, 16 KiB sends", stream_bytes_per_s(end, 16384, 16) / mib, limit,
           "MiB/s", limit_is);
}

int main(void)
{
    struct end end[2] = {0};
    if (dbr_crypto_init() != 0) {
        return 1;
    }
    for (int i = 0; i < 2; i++) {
        dbr_rng_system(&end[i].rng);
        dbr_keypair_generate(&end[i].keys, &end[i].rng);
    }
    bench_handshakes(end);
    bench_streams(end);
    return 0;
}
