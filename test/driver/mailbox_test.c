#include "driver/mailbox.h"

#include <pthread.h>

#include "base/alloc.h"
#include "bench.h"
#include "driver/thread.h"

#define SENDERS 4
#define LETTERS 2500

struct letter {
    struct dbr_list link;
    size_t sender;
    size_t number;
};

struct office {
    struct dbr_mailbox *box;
    size_t next[SENDERS]; /* number that is expected of each */
    size_t n;
};

struct sender {
    struct office *office;
    size_t number;
    pthread_t thread;
};

static void on_mail(void *data, struct dbr_list *mail)
{
    struct office *office = data;
    struct dbr_list *item;
    while ((item = dbr_list_pop_front(mail)) != NULL) {
        struct letter *letter = DBR_LIST_ENTRY(item, struct letter, link);
        assert_int_equal(letter->number, office->next[letter->sender]++);
        office->n++;
        dbr_free(letter);
    }
}

static void *send_all(void *data)
{
    struct sender *sender = data;
    for (size_t i = 0; i < LETTERS; i++) {
        struct letter *letter = dbr_calloc(1, sizeof(*letter));
        letter->sender = sender->number;
        letter->number = i;
        dbr_mailbox_post(sender->office->box, &letter->link);
    }
    return NULL;
}

static bool until_all(struct bench *bench)
{
    const struct office *office = bench->data;
    return office->n == SENDERS * LETTERS;
}

static void mail_of_many_threads_arrives_in_order(void **state)
{
    (void)state;
    struct bench bench;
    struct office office = {0};
    struct sender senders[SENDERS];
    bench_init(&bench, until_all);
    bench.data = &office;
    assert_int_equal(dbr_mailbox_open(&office.box, bench.loop, on_mail, &office), 0);
    for (size_t i = 0; i < SENDERS; i++) {
        senders[i] = (struct sender){.office = &office, .number = i};
        assert_int_equal(
            dbr_thread_start(&senders[i].thread, "sender", send_all, &senders[i]), 0);
    }
    bench_run(&bench);
    for (size_t i = 0; i < SENDERS; i++) {
        pthread_join(senders[i].thread, NULL);
    }
    bench_finish(&bench);
    dbr_mailbox_free(office.box);
}

static bool at_once(struct bench *bench)
{
    (void)bench;
    return true;
}

static void mail_after_the_end_is_kept_for_take(void **state)
{
    (void)state;
    struct bench bench;
    struct office office = {0};
    struct letter letter = {0};
    struct dbr_list rest;
    bench_init(&bench, at_once);
    assert_int_equal(dbr_mailbox_open(&office.box, bench.loop, on_mail, &office), 0);
    bench_run(&bench);
    dbr_mailbox_post(office.box, &letter.link);
    dbr_list_init(&rest);
    dbr_mailbox_take(office.box, &rest);
    assert_ptr_equal(dbr_list_pop_front(&rest), &letter.link);
    assert_true(dbr_list_is_empty(&rest));
    assert_int_equal(office.n, 0);
    bench_finish(&bench);
    dbr_mailbox_free(office.box);
    dbr_mailbox_free(NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(mail_of_many_threads_arrives_in_order),
        cmocka_unit_test(mail_after_the_end_is_kept_for_take),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
