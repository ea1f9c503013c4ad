/* Peers that no node would be, for tests of a real node's patience.
 *
 *     peer connections PORT COUNT      opens COUNT connections in a row, each with a
 * fresh identity: handshake, identify, close peer yamux PORT SECONDS SEED     goes
 * through the handshake and says yamux frames that are nearly right
 *
 * Both dial 127.0.0.1. stdout: a line after every 100 connections, "N accepted, M
 * refused"; what is refused (a node limits its handshakes) is tried again. */
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/rng.h"
#include "conn/multistream.h"
#include "conn/noise.h"
#include "conn/stack.h"
#include "conn/yamux_frame.h"
#include "crypto/system.h"

#define WAIT_MS       15000 /* for one connection's next bytes */
#define REST_MS       50    /* after a refusal */
#define MAX_REFUSED   100   /* refusals in a row */
#define MAX_FRAMES    400   /* of one connection */
#define IDENTIFY_SIZE 8192

static struct dbr_rng rng;

static dbr_time now_ms(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (dbr_time)now.tv_sec * 1000 + (dbr_time)now.tv_nsec / 1000000;
}

static uint32_t below(uint32_t n)
{
    uint32_t value;
    dbr_rng_fill(&rng, &value, sizeof(value));
    return value % n;
}

static int dial(const char *port)
{
    struct sockaddr_in addr = {.sin_family = AF_INET,
                               .sin_port = htons((uint16_t)atoi(port)),
                               .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd < 0 || connect(fd, (struct sockaddr *)&addr, sizeof(addr)) != 0) {
        perror("peer: connect");
        exit(1);
    }
    return fd;
}

static bool send_all(int fd, struct dbr_buf *out)
{
    size_t done = 0;
    while (done < out->len) {
        ssize_t put = send(fd, out->data + done, out->len - done, MSG_NOSIGNAL);
        if (put <= 0) {
            return false;
        }
        done += (size_t)put;
    }
    dbr_buf_consume(out, done);
    return true;
}

/* Bytes of the peer, 0 when none came in time or the connection ended. */
static size_t receive(int fd, uint8_t *out, size_t size, int wait_ms)
{
    struct pollfd ready = {fd, POLLIN, 0};
    ssize_t got = poll(&ready, 1, wait_ms) > 0 ? recv(fd, out, size, 0) : 0;
    return got > 0 ? (size_t)got : 0;
}

/* ---- Connections in a row ---------------------------------------------------------- */

struct visit {
    bool opened;
    bool finished; /* identify was answered */
    size_t bytes;
};

static void handle(struct dbr_stack *stack, const struct dbr_stack_event *event,
                   struct visit *visit, dbr_time now)
{
    uint32_t stream;
    switch (event->type) {
    case DBR_STACK_SECURED:
        if (dbr_stack_open(stack, &stream, dbr_bytes("/ipfs/id/1.0.0", 14), now) == 0) {
            dbr_stack_finish(stack, stream);
        }
        break;
    case DBR_STACK_OPENED:
        visit->opened = true;
        break;
    case DBR_STACK_INCOMING:
        dbr_stack_refuse(stack, event->stream);
        break;
    case DBR_STACK_DATA:
        visit->bytes += event->data.len;
        dbr_stack_consume(stack, event->stream, event->data.len);
        break;
    case DBR_STACK_FINISHED:
    case DBR_STACK_CLOSED:
        visit->finished = visit->opened && visit->bytes > 0;
        break;
    default:
        break;
    }
}

static bool converse(int fd, struct dbr_stack *stack)
{
    struct visit visit = {0};
    uint8_t bytes[IDENTIFY_SIZE];
    for (;;) {
        struct dbr_stack_event event;
        while (dbr_stack_poll(stack, &event)) {
            handle(stack, &event, &visit, now_ms());
        }
        if (visit.finished) {
            dbr_stack_goaway(stack);
        }
        if (!send_all(fd, dbr_stack_out(stack)) || visit.finished) {
            return visit.finished;
        }
        size_t got = receive(fd, bytes, sizeof(bytes), WAIT_MS);
        if (got == 0 || dbr_stack_recv(stack, dbr_bytes(bytes, got), now_ms()) != 0) {
            return false;
        }
    }
}

static void fresh_identity(struct dbr_keypair *keys)
{
    uint8_t seed[32];
    dbr_rng_fill(&rng, seed, sizeof(seed));
    dbr_keypair_from_seed(keys, seed);
}

static bool visit_once(const char *port)
{
    struct dbr_keypair keys;
    struct dbr_stack *stack = NULL;
    struct dbr_stack_config config = {.dialer = true, .identity = &keys};
    fresh_identity(&keys);
    dbr_stack_limits_default(&config.limits);
    int fd = dial(port);
    bool good =
        dbr_stack_create(&stack, &config, &rng, now_ms()) == 0 && converse(fd, stack);
    dbr_stack_destroy(stack);
    close(fd);
    return good;
}

static int connections(const char *port, long count)
{
    long accepted = 0;
    long refused = 0;
    for (long in_a_row = 0; accepted < count;) {
        if (visit_once(port)) {
            in_a_row = 0;
            accepted++;
            if (accepted % 100 == 0 || accepted == count) {
                printf("%ld accepted, %ld refused\n", accepted, refused);
                fflush(stdout);
            }
        } else {
            refused++;
            in_a_row++;
            if (in_a_row > MAX_REFUSED) {
                fprintf(stderr, "peer: nothing but refusals\n");
                return 1;
            }
            poll(NULL, 0, REST_MS);
        }
    }
    return 0;
}

/* ---- Frames that are nearly right ----------------------------------------------------
 */

/* One frame behind Noise: true in most of its fields. */
static void add_frame(struct dbr_noise *noise, struct dbr_buf *out)
{
    static const uint32_t lengths[] = {0, 1, 12, 262144, 262145, 0x7fffffff, 0xffffffff};
    uint8_t *text = dbr_noise_text(out, 2048);
    struct dbr_yamux_header header = {
        .type = (uint8_t)below(4),
        .flags = (uint16_t)(below(4) == 0 ? below(65536) : 1u << below(4)),
        .stream = 2 * below(200) + 1,
        .length = below(1000)};
    if (below(20) == 0) {
        header.length = lengths[below(sizeof(lengths) / sizeof(lengths[0]))];
    }
    if (header.type >= DBR_YAMUX_TYPE_PING) {
        header.stream = 0;
        header.flags = 1;
    }
    dbr_yamux_header_encode(text, &header);
    size_t len = DBR_YAMUX_HEADER_SIZE;
    if (header.type == DBR_YAMUX_TYPE_DATA && header.length < 1000) {
        static const char proposal[] = "\x13/multistream/1.0.0\n\x0f/ipfs/id/1.0.0\n";
        dbr_rng_fill(&rng, text + len, header.length);
        size_t known = sizeof(proposal) - 1;
        if (below(2) == 0) {
            memcpy(text + len, proposal, known < header.length ? known : header.length);
        }
        len += header.length;
    }
    if (below(30) == 0) {
        text[below((uint32_t)len)] ^= (uint8_t)(1u << below(8));
    }
    (void)dbr_noise_seal(noise, out, len);
}

/* multistream and Noise; false: refused. */
static bool shake_hands(int fd, struct dbr_noise *noise, struct dbr_buf *in,
                        struct dbr_buf *out)
{
    static const char header[] = "\x13/multistream/1.0.0\n\x07/noise\n";
    size_t skipped = 0;
    uint8_t bytes[IDENTIFY_SIZE];
    struct dbr_buf proposal;
    dbr_buf_init(&proposal);
    dbr_buf_add(&proposal, header, sizeof(header) - 1);
    bool sent = send_all(fd, &proposal) && send_all(fd, out);
    dbr_buf_finish(&proposal);
    while (sent && !noise->done) {
        size_t used = 0;
        debros_bytes text;
        size_t got = receive(fd, bytes, sizeof(bytes), WAIT_MS);
        if (got == 0) {
            return false;
        }
        dbr_buf_add(in, bytes, got);
        if (skipped == 0 && in->len >= sizeof(header) - 1) {
            skipped = sizeof(header) - 1; /* the echo */
            dbr_buf_consume(in, skipped);
        }
        while (skipped != 0 && !noise->done && in->len > 0) {
            int more = dbr_noise_next(noise, in->data, in->len, &used, &text, out);
            if (more < 0) {
                return false;
            }
            if (more == 0) {
                break;
            }
            dbr_buf_consume(in, used);
        }
        sent = send_all(fd, out);
    }
    return sent;
}

static void attack(const char *port)
{
    struct dbr_keypair keys;
    struct dbr_noise noise;
    struct dbr_noise_config config = {
        .initiator = true, .offer_muxer = true, .identity = &keys};
    struct dbr_buf in;
    struct dbr_buf out;
    uint8_t ignored[IDENTIFY_SIZE];
    int fd = dial(port);
    bool reads = below(2) == 0;
    fresh_identity(&keys);
    dbr_buf_init(&in);
    dbr_buf_init(&out);
    bool open = dbr_noise_init(&noise, &config, &rng, &out) == 0 &&
                shake_hands(fd, &noise, &in, &out);
    for (int i = 0; open && i < MAX_FRAMES; i++) {
        add_frame(&noise, &out);
        if (below(4) == 0) {
            open = send_all(fd, &out);
        }
        if (open && reads) {
            (void)receive(fd, ignored, sizeof(ignored), 0);
        }
    }
    if (below(2) == 0) {
        struct linger reset = {1, 0};
        setsockopt(fd, SOL_SOCKET, SO_LINGER, &reset, sizeof(reset));
    }
    dbr_noise_finish(&noise);
    dbr_buf_finish(&in);
    dbr_buf_finish(&out);
    close(fd);
}

static int yamux(const char *port, long seconds)
{
    long attacks = 0;
    dbr_time end = now_ms() + (dbr_time)seconds * 1000;
    for (; now_ms() < end; attacks++) {
        attack(port);
        poll(NULL, 0, 10);
    }
    printf("%ld attacks\n", attacks);
    return 0;
}

int main(int argc, char **argv)
{
    if (dbr_crypto_init() != 0) {
        return 1;
    }
    dbr_rng_system(&rng);
    if (argc == 4 && strcmp(argv[1], "connections") == 0) {
        return connections(argv[2], atol(argv[3]));
    }
    if (argc == 5 && strcmp(argv[1], "yamux") == 0) {
        dbr_rng_seed(&rng, strtoull(argv[4], NULL, 10));
        return yamux(argv[2], atol(argv[3]));
    }
    fprintf(stderr, "usage: peer connections PORT COUNT | yamux PORT SECONDS SEED\n");
    return 2;
}
