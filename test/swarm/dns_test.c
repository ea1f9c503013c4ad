#include "fields.h"

#include "swarm/dns.h"

static struct dbr_dns_name name_of(const char *text)
{
    struct dbr_dns_name name;
    assert_true(dbr_dns_name_from_text(&name, text));
    return name;
}

static void names_have_limits(void **state)
{
    (void)state;
    struct dbr_dns_name name = name_of("a.bc");
    struct dbr_dns_name under;
    char text[300];
    assert_hex(name.bytes, name.len, "01 61 02 62 63 00");
    assert_true(dbr_dns_name_under(&under, "x", &name));
    assert_hex(under.bytes, under.len, "01 78 01 61 02 62 63 00");
    static const char *const bad[] = {"", ".", "a.", ".a", "a..b"};
    for (size_t i = 0; i < DBR_COUNT(bad); i++) {
        assert_false(dbr_dns_name_from_text(&name, bad[i]));
    }
    memset(text, 'a', sizeof(text));
    text[63] = '\0';
    assert_true(dbr_dns_name_from_text(&name, text));
    assert_false(dbr_dns_name_under(&under, "", &name));
    text[63] = 'a';
    text[64] = '\0';
    assert_false(dbr_dns_name_from_text(&name, text));
    for (size_t i = 1; i < sizeof(text); i += 2) {
        text[i - 1] = 'a';
        text[i] = '.';
    }
    text[253] = '\0'; /* 127 labels: 255 bytes */
    assert_true(dbr_dns_name_from_text(&name, text));
    assert_int_equal(name.len, DBR_DNS_NAME_MAX);
    assert_false(dbr_dns_name_under(&under, "a", &name));
    text[253] = '.';
    text[255] = '\0';
    assert_false(dbr_dns_name_from_text(&name, text));
}

static void case_makes_no_difference(void **state)
{
    (void)state;
    struct dbr_dns_name a = name_of("_p2p._UDP.Local");
    struct dbr_dns_name b = name_of("_P2P._udp.local");
    struct dbr_dns_name c = name_of("_p2p._udp.locam");
    struct dbr_dns_name d = name_of("_p2p._udp");
    assert_true(dbr_dns_name_equal(&a, &b));
    assert_false(dbr_dns_name_equal(&a, &c));
    assert_false(dbr_dns_name_equal(&a, &d));
}

static void what_is_written_is_read(void **state)
{
    (void)state;
    struct dbr_buf out = {0};
    struct dbr_dns_name a = name_of("a.local");
    struct dbr_dns_name b = name_of("b.local");
    struct dbr_dns_name name;
    struct dbr_dns_record record;
    struct dbr_dns_reader r;
    uint16_t type;
    debros_bytes string;
    dbr_dns_add_head(&out, DBR_DNS_RESPONSE, 1, 1, 1);
    dbr_dns_add_question(&out, &a, DBR_DNS_PTR);
    dbr_dns_add_record(&out, &a, DBR_DNS_PTR, DBR_DNS_IN, 120, b.len);
    dbr_dns_add_name(&out, &b);
    dbr_dns_add_record(&out, &b, DBR_DNS_TXT, DBR_DNS_IN, 7, 5);
    dbr_buf_add(&out, "\2xy\1z", 5);
    for (size_t len = 0; len <= out.len; len++) {
        dbr_dns_reader_init(&r, dbr_bytes(out.data, len));
        bool question = dbr_dns_next_question(&r, &name, &type);
        bool first = question && dbr_dns_next_record(&r, &record);
        bool has_name = first && dbr_dns_data_name(&r, &record, &name);
        bool second = first && dbr_dns_next_record(&r, &record);
        assert_int_equal(second, len == out.len);
        assert_int_equal(r.bad, len < out.len);
        assert_int_equal(has_name, first);
    }
    assert_int_equal(r.flags, DBR_DNS_RESPONSE);
    assert_int_equal(type, DBR_DNS_PTR);
    assert_true(dbr_dns_name_equal(&name, &b));
    assert_int_equal(record.type, DBR_DNS_TXT);
    assert_int_equal(record.ttl, 7);
    assert_true(dbr_dns_next_string(&record.data, &string));
    assert_true(dbr_bytes_equal(string, dbr_bytes_str("xy")));
    assert_true(dbr_dns_next_string(&record.data, &string));
    assert_int_equal(record.data.len, 0);
    assert_false(dbr_dns_next_string(&record.data, &string));
    assert_false(dbr_dns_next_record(&r, &record));
    assert_false(r.bad);
    dbr_buf_finish(&out);
}

/* A question whose name is these bytes, at offset 12. */
static bool question(const char *bytes, size_t len, struct dbr_dns_name *name)
{
    struct dbr_buf out = {0};
    struct dbr_dns_reader r;
    uint16_t type;
    dbr_dns_add_head(&out, 0, 1, 0, 0);
    dbr_buf_add(&out, bytes, len);
    dbr_buf_be32(&out, DBR_DNS_PTR << 16 | DBR_DNS_IN);
    dbr_dns_reader_init(&r, dbr_bytes(out.data, out.len));
    bool found = dbr_dns_next_question(&r, name, &type);
    assert_int_equal(r.bad, !found);
    dbr_buf_finish(&out);
    return found;
}

static void pointers_lead_backwards_only(void **state)
{
    (void)state;
    struct dbr_dns_name name;
    assert_true(question("\1a\0", 3, &name));
    assert_false(question("\xc0\x0c", 2, &name));      /* to itself */
    assert_false(question("\1a\xc0\x0c", 4, &name));   /* round and round */
    assert_false(question("\1a\xc0\x0e", 4, &name));   /* into itself */
    assert_false(question("\xc0\x0e\1a\0", 5, &name)); /* forwards */
    assert_false(question("\xc1\xff", 2, &name));      /* outside */
    assert_false(question("\x40\1a\0", 4, &name));     /* reserved */
    assert_false(question("\x80\1a\0", 4, &name));
    assert_false(question("\x3f"
                          "a",
                          2, &name));
    /* The head's ten zeroes are names too: the root, and nothing wrong with it. */
    assert_true(question("\1a\xc0\x00", 4, &name));
    assert_hex(name.bytes, name.len, "01 61 00");
}

static void a_compressed_name_is_followed_and_left_behind(void **state)
{
    (void)state;
    struct dbr_buf out = {0};
    struct dbr_dns_reader r;
    struct dbr_dns_name name;
    struct dbr_dns_name expected = name_of("x.a.local");
    uint16_t type;
    dbr_dns_add_head(&out, 0, 3, 0, 0);
    dbr_buf_add(&out, "\1a\5local\0\0\x0c\0\1", 13); /* at 12 */
    dbr_buf_add(&out, "\1x\xc0\x0c\0\x0c\0\1", 8);   /* at 25 */
    dbr_buf_add(&out, "\xc0\x19\0\x10\0\1", 6);
    dbr_dns_reader_init(&r, dbr_bytes(out.data, out.len));
    assert_true(dbr_dns_next_question(&r, &name, &type));
    assert_true(dbr_dns_next_question(&r, &name, &type));
    assert_true(dbr_dns_name_equal(&name, &expected));
    assert_int_equal(type, DBR_DNS_PTR);
    assert_true(dbr_dns_next_question(&r, &name, &type));
    assert_true(dbr_dns_name_equal(&name, &expected));
    assert_int_equal(type, DBR_DNS_TXT);
    assert_int_equal(r.offset, out.len);
    dbr_buf_finish(&out);
}

/* A chain of pointers, each to the one before, is cut; so is a name that grows too long.
 */
static void chains_have_an_end(void **state)
{
    (void)state;
    for (size_t links = 1; links < 40; links++) {
        struct dbr_buf out = {0};
        struct dbr_dns_reader r;
        struct dbr_dns_name name;
        uint16_t type;
        dbr_dns_add_head(&out, 0, 1, 0, 0);
        dbr_buf_add(&out, "\1a\0\0\x0c\0\1", 7);
        size_t at = 12;
        for (size_t i = 0; i < links; i++) {
            size_t next = out.len;
            dbr_buf_u8(&out, (uint8_t)(0xc0 | at >> 8));
            dbr_buf_u8(&out, (uint8_t)at);
            at = next;
        }
        dbr_buf_be32(&out, DBR_DNS_PTR << 16 | DBR_DNS_IN);
        dbr_dns_reader_init(&r, dbr_bytes(out.data, out.len));
        r.offset = at;
        assert_int_equal(dbr_dns_next_question(&r, &name, &type), links <= 16);
        dbr_buf_finish(&out);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(names_have_limits),
        cmocka_unit_test(case_makes_no_difference),
        cmocka_unit_test(what_is_written_is_read),
        cmocka_unit_test(pointers_lead_backwards_only),
        cmocka_unit_test(a_compressed_name_is_followed_and_left_behind),
        cmocka_unit_test(chains_have_an_end),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
