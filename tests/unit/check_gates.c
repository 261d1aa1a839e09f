// What the configuration says of services and hosts is what their gates hold.
//
// A gate made with a descriptor that is readable does not wait: who would have to is "stopped".
#include "stages/gates.h"
#include "tests/support/folder.h"

#include <check.h>
#include <errno.h>

static struct folder folder;
static struct settings settings;
static int stop_fd; // readable
static const struct err good = ERR_INIT;

// Nothing is limited; a test sets what it is about.
static void set_up(void)
{
    int ends[2];
    folder_make(&folder);
    settings =
        (struct settings){ .root = folder.path, .service_burst = 1, .service_rest_seconds = 3600 };
    ck_assert_int_eq(pipe(ends), 0);
    ck_assert_int_eq(write(ends[1], "", 1), 1);
    stop_fd = ends[0];
}

static void tear_down(void)
{
    folder_remove(&folder);
}

// How many of `most` gates of one name are inside at a time.
static int count_inside(struct gate *(*make)(const struct settings *, const char *, int),
                        const char *name, int most)
{
    struct gate *gates[16];
    int inside = 0, r = 0;
    ck_assert_int_le(most, (int)ARRAY_LEN(gates));
    for (int i = 0; i < most; i++) {
        gates[i] = make(&settings, name, stop_fd);
        r = gate_enter(gates[i], NULL);
        ck_assert_msg(r == 0 || r == -ECANCELED, "%d", r);
        inside += r == 0;
    }
    for (int i = 0; i < most; i++)
        gate_free(&gates[i]);
    return inside;
}

START_TEST(as_many_are_inside_as_the_configuration_says)
{
    settings.service_concurrent = 3;
    settings.host_concurrent = 2;
    ck_assert_int_eq(count_inside(gates_service, "storage main", 6), 3);
    ck_assert_int_eq(count_inside(gates_host, "https://a.example/clip.mp4", 6), 2);
    settings.service_concurrent = settings.host_concurrent = 0; // no limit
    ck_assert_int_eq(count_inside(gates_service, "storage main", 16), 16);
    ck_assert_int_eq(count_inside(gates_host, "https://a.example/clip.mp4", 16), 16);
}
END_TEST

static int try(struct gate *gate)
{
    int r = gate_enter(gate, NULL);
    ck_assert_msg(r == 0 || r == -ECANCELED, "%d", r);
    return r == 0;
}

START_TEST(who_asks_one_service_shares_its_places_and_another_has_its_own)
{
    settings.service_concurrent = 1;
    struct gate *first = gates_service(&settings, "storage main", stop_fd);
    struct gate *second = gates_service(&settings, "storage main", stop_fd);
    struct gate *other = gates_service(&settings, "webhook https://example.org", stop_fd);
    ck_assert(try(first));
    ck_assert(!try(second));
    ck_assert(try(other));
    gate_leave(first, &good);
    ck_assert(try(second));
    gate_free(&first);
    gate_free(&second);
    gate_free(&other);
}
END_TEST

START_TEST(links_to_one_host_share_its_places_and_other_hosts_have_their_own)
{
    settings.host_concurrent = 1;
    struct gate *first = gates_host(&settings, "https://a.example/one.mp4", stop_fd);
    struct gate *second = gates_host(&settings, "https://a.example/deep/two.mov?key=1", stop_fd);
    struct gate *other = gates_host(&settings, "https://b.example/one.mp4", stop_fd);
    ck_assert(try(first));
    ck_assert(!try(second));
    ck_assert(try(other));
    gate_leave(first, &good);
    ck_assert(try(second));
    gate_free(&first);
    gate_free(&second);
    gate_free(&other);
}
END_TEST

// How often one goes through before he is told to come again; with what he is told.
static int count_turns(int most, struct err *err)
{
    struct gate *gate = gates_service(&settings, "storage main", 0);
    int turns = 0;
    while (turns < most && gate_enter(gate, err) == 0) {
        gate_leave(gate, &good);
        turns++;
    }
    gate_free(&gate);
    return turns;
}

START_TEST(burst_and_rate_are_those_of_the_configuration)
{
    struct err err = ERR_INIT;
    settings.service_rate = 0.01;
    settings.service_burst = 4;
    ck_assert_int_eq(count_turns(10, &err), 4);
    ck_assert_str_eq(err.id, "no_turn");
    ck_assert_uint_le(err.retry_after, 100); // the next in 100 s, of which some passed already
    ck_assert_uint_ge(err.retry_after, 60);
}
END_TEST

static const struct {
    const char *name;
    double rate; // one turn in 1 / rate seconds
    bool is_waited_for;
} waits[] = {
    { "10 s are waited for", 0.1, true },
    { "40 s are not", 0.025, false },
};

START_TEST(a_turn_is_waited_for_some_seconds_only)
{
    struct err err = ERR_INIT;
    settings.service_rate = waits[_i].rate;
    struct gate *gate = gates_service(&settings, "storage main", stop_fd);
    ck_assert_int_eq(gate_enter(gate, NULL), 0);
    gate_leave(gate, &good);
    ck_assert_int_lt(gate_enter(gate, &err), 0);
    ck_assert_msg(strcmp(err.id, waits[_i].is_waited_for ? "stopped" : "no_turn") == 0, "%s: %s",
                  waits[_i].name, err.id);
    gate_free(&gate);
}
END_TEST

static int fail_once(struct gate *gate, struct err *err)
{
    struct err away = ERR_INIT;
    (void)err_set(&away, ERR_SERVICE, "storage_away", "no answer");
    int r = gate_enter(gate, err);
    if (r == 0)
        gate_leave(gate, &away);
    return r;
}

START_TEST(after_so_many_failures_a_service_rests_so_long_for_all_who_ask_it)
{
    struct err err = ERR_INIT;
    settings.service_failures = 3;
    settings.service_rest_seconds = 200;
    struct gate *gate = gates_service(&settings, "storage main", stop_fd);
    for (int i = 0; i < 3; i++)
        ck_assert_int_eq(fail_once(gate, NULL), 0);
    gate_free(&gate);
    gate = gates_service(&settings, "storage main", stop_fd); // as another process does
    ck_assert_int_lt(gate_enter(gate, &err), 0);
    ck_assert_str_eq(err.id, "service_away");
    ck_assert_int_eq(err.class, ERR_SERVICE);
    ck_assert_uint_le(err.retry_after, 200);
    ck_assert_uint_ge(err.retry_after, 150);
    ck_assert_ptr_nonnull(strstr(err.text, "storage main rests after 3 failures in a row"));
    gate_free(&gate);
    gate = gates_service(&settings, "storage other", stop_fd);
    ck_assert_int_eq(gate_enter(gate, NULL), 0);
    gate_free(&gate);
}
END_TEST

START_TEST(a_host_is_limited_in_nothing_else_and_never_rests)
{
    settings.host_concurrent = 1;
    settings.service_rate = 0.001;
    settings.service_failures = 1;
    struct gate *gate = gates_host(&settings, "https://a.example/one.mp4", stop_fd);
    for (int i = 0; i < 50; i++)
        ck_assert_int_eq(fail_once(gate, NULL), 0);
    gate_free(&gate);
}
END_TEST

START_TEST(of_a_link_nothing_but_its_host_is_written_down)
{
    settings.host_concurrent = 1;
    struct gate *gate =
        gates_host(&settings, "https://a.example:8443/Zm9vYmFy/clip.mp4?key=c2VjcmV0", stop_fd);
    ck_assert_int_eq(gate_enter(gate, NULL), 0);
    gate_leave(gate, &good);
    gate_free(&gate);
    cleanup(free_ptr) char *files = folder_names(&folder, "services");
    cleanup(free_ptr) char *due = throttle_file("links of https://a.example:8443");
    ck_assert_str_eq(files, due);
    cleanup(free_ptr) char *inner = xasprintf("services/%s", due);
    cleanup(free_ptr) char *text = folder_get(&folder, inner);
    ck_assert_ptr_nonnull(strstr(text, "a.example"));
    ck_assert_ptr_null(strstr(text, "Zm9vYmFy"));
    ck_assert_ptr_null(strstr(text, "c2VjcmV0"));
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("gates");
    TCase *tcase = tcase_create("gates");
    tcase_set_timeout(tcase, 60);
    tcase_add_checked_fixture(tcase, set_up, tear_down);
    tcase_add_test(tcase, as_many_are_inside_as_the_configuration_says);
    tcase_add_test(tcase, who_asks_one_service_shares_its_places_and_another_has_its_own);
    tcase_add_test(tcase, links_to_one_host_share_its_places_and_other_hosts_have_their_own);
    tcase_add_test(tcase, burst_and_rate_are_those_of_the_configuration);
    tcase_add_loop_test(tcase, a_turn_is_waited_for_some_seconds_only, 0, (int)ARRAY_LEN(waits));
    tcase_add_test(tcase, after_so_many_failures_a_service_rests_so_long_for_all_who_ask_it);
    tcase_add_test(tcase, a_host_is_limited_in_nothing_else_and_never_rests);
    tcase_add_test(tcase, of_a_link_nothing_but_its_host_is_written_down);
    suite_add_tcase(suite, tcase);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_ENV);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed > 0;
}
