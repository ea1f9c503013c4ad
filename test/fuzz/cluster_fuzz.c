/* Invites as text, and frames of /debros/cluster/1.0.0. What was decoded can be encoded
 * and decoded once more. */
#include "base/alloc.h"
#include "cluster/invite.h"
#include "cluster/message.h"
#include "fuzz.h"

#define ARENA_CAP (16u << 20)

static void check_invite(const uint8_t *data, size_t size)
{
    struct dbr_invite invite;
    debros_detail detail;
    struct dbr_buf out = {0};
    char *text = dbr_malloc(size + 1);
    dbr_assert(text != NULL);
    memcpy(text, data, size);
    text[size] = '\0';
    if (dbr_invite_decode(&invite, text, &detail) == 0) {
        dbr_assert(dbr_invite_encode(&out, &invite) == 0);
        dbr_assert(dbr_invite_decode(&invite, (const char *)out.data, NULL) == 0);
    }
    dbr_buf_finish(&out);
    dbr_free(text);
}

static void check_frame(debros_bytes bytes)
{
    struct dbr_arena arena;
    struct dbr_cluster_frame frame;
    struct dbr_buf out = {0};
    dbr_arena_init(&arena, ARENA_CAP);
    if (dbr_cluster_frame_decode(&frame, &arena, bytes) == 0) {
        dbr_cluster_frame_encode(&out, &frame);
        dbr_assert(!out.failed);
        dbr_assert(
            dbr_cluster_frame_decode(&frame, &arena, dbr_bytes(out.data, out.len)) == 0);
    }
    dbr_buf_finish(&out);
    dbr_arena_finish(&arena);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    check_invite(data, size);
    check_frame(dbr_bytes(data, size));
    return 0;
}
