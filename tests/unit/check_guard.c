// To whom a link may lead: the rule as a table of addresses and ports, once as it is and once with
// what the configuration can name.
#include "net/guard.h"

#include <arpa/inet.h>
#include <check.h>

// The address of a socket, as getaddrinfo would give it.
struct target {
    struct sockaddr_storage to;
    size_t size;
};

static struct target target(const char *address, uint16_t port)
{
    struct target target = { .size = sizeof(struct sockaddr_in) };
    struct sockaddr_in four = { .sin_family = AF_INET, .sin_port = htons(port) };
    struct sockaddr_in6 six = { .sin6_family = AF_INET6, .sin6_port = htons(port) };
    if (inet_pton(AF_INET, address, &four.sin_addr) == 1) {
        memcpy(&target.to, &four, sizeof four);
        return target;
    }
    ck_assert_msg(inet_pton(AF_INET6, address, &six.sin6_addr) == 1, "%s", address);
    memcpy(&target.to, &six, sizeof six);
    target.size = sizeof six;
    return target;
}

static bool admits(struct guard *guard, const char *address, uint16_t port)
{
    struct target asked = target(address, port);
    return guard_admits(guard, (const struct sockaddr *)&asked.to, asked.size);
}

static const struct {
    const char *sentence;
    const char *address;
    uint16_t port;
    bool admitted;
    const char *hosts, *networks; // what is named; the link's host is videos.example.org
} cases[] = {
    { "a global IPv4 address is anybody's", "8.8.8.8", 443, true },
    { "a global IPv6 address is anybody's", "2606:4700::1111", 443, true },
    { "a mapped global address is what it carries", "::ffff:8.8.8.8", 443, true },
    { "a private address is not", "10.0.0.1", 443, false },
    { "nor one of a home", "192.168.1.1", 80, false },
    { "nor a unique local one", "fd12::1", 443, false },
    { "nor a link local one", "fe80::1", 443, false },
    { "nor this machine", "127.0.0.1", 80, false },
    { "nor this machine in IPv6", "::1", 80, false },
    { "nor this machine in its mapped form", "::ffff:127.0.0.1", 80, false },
    { "nor a private address in its mapped form", "::ffff:192.168.1.1", 80, false },
    { "nor the metadata of a cloud", "169.254.169.254", 80, false },
    { "nor the metadata in its mapped form", "::ffff:169.254.169.254", 80, false },
    { "nor no address", "0.0.0.0", 80, false },
    { "a high port does not make this machine another", "127.0.0.1", 8080, false },

    { "port 0 is nobody's", "8.8.8.8", 0, false },
    { "port 22 is for keys", "8.8.8.8", 22, false },
    { "port 25 is for mail", "8.8.8.8", 25, false },
    { "port 25 is for mail in IPv6 as well", "2606:4700::1111", 25, false },
    { "port 53 is for names", "8.8.8.8", 53, false },
    { "port 79 is below the web's", "8.8.8.8", 79, false },
    { "port 80 is the web's", "8.8.8.8", 80, true },
    { "port 80 is the web's in IPv6 as well", "2606:4700::1111", 80, true },
    { "port 81 is above the web's", "8.8.8.8", 81, false },
    { "port 442 is below the other of the web's", "8.8.8.8", 442, false },
    { "port 443 is the web's", "8.8.8.8", 443, true },
    { "port 444 is above the other of the web's", "8.8.8.8", 444, false },
    { "port 1023 is the last of the owner's", "8.8.8.8", 1023, false },
    { "port 1024 is the first of anybody's", "8.8.8.8", 1024, true },
    { "port 8080 is anybody's", "8.8.8.8", 8080, true },
    { "port 65535 is anybody's", "8.8.8.8", 65535, true },

    { "an address of a named network is admitted", "10.1.2.3", 443, true, NULL, "10.0.0.0/8" },
    { "also in its mapped form", "::ffff:10.1.2.3", 443, true, NULL, "10.0.0.0/8" },
    { "also on a port of the owner's", "10.1.2.3", 22, true, NULL, "10.0.0.0/8" },
    { "also in IPv6", "fd12::1", 443, true, NULL, "10.0.0.0/8 fd00::/8" },
    { "one beside it is not", "11.0.0.1", 25, false, NULL, "10.0.0.0/8" },
    { "nor is this machine", "127.0.0.1", 80, false, NULL, "10.0.0.0/8" },
    { "a named network does not close the rest", "8.8.8.8", 443, true, NULL, "10.0.0.0/8" },

    { "a named host may be private", "10.1.2.3", 443, true, "videos.example.org" },
    { "a named host may be this machine", "::1", 443, true, "videos.example.org" },
    { "a named host may be on any port", "8.8.8.8", 25, true, "videos.example.org" },
    { "a host below a named dot may be, too", "10.1.2.3", 22, true, "nas .example.org" },
    { "one that is not named may not", "10.1.2.3", 443, false, "example.org" },
    { "nor is a number a name", "10.1.2.3", 443, false, "10.1.2.3" },
};

START_TEST(an_address_and_port_are_admitted_by_the_rule)
{
    struct address_list networks;
    ck_assert_int_eq(address_list_parse(cases[_i].networks, &networks, NULL), 0);
    struct guard guard;
    guard_begin(&guard, "videos.example.org", cases[_i].hosts, &networks);
    ck_assert_ptr_null(guard_refusal(&guard));
    bool admitted = admits(&guard, cases[_i].address, cases[_i].port);
    ck_assert_msg(admitted == cases[_i].admitted, "%s: %s port %u", cases[_i].sentence,
                  cases[_i].address, cases[_i].port);
    ck_assert_msg((guard_refusal(&guard) == NULL) == admitted, "%s: %s", cases[_i].sentence,
                  guard_refusal(&guard));
}
END_TEST

static const struct {
    const char *address;
    uint16_t port;
    const char *text;
} refusals[] = {
    { "127.0.0.1", 80, "127.0.0.1 port 80" },
    { "::ffff:169.254.169.254", 80, "169.254.169.254 port 80" },
    { "::1", 443, "::1 port 443" },
    { "8.8.8.8", 25, "8.8.8.8 port 25" },
    { "fd12:3456:789a:bcde:f012:3456:789a:bcde", 65535,
      "fd12:3456:789a:bcde:f012:3456:789a:bcde port 65535" },
};

static const struct address_list no_networks;

START_TEST(what_was_refused_is_said_in_full)
{
    struct guard guard;
    guard_begin(&guard, "h.org", NULL, &no_networks);
    ck_assert(!admits(&guard, refusals[_i].address, refusals[_i].port));
    ck_assert_str_eq(guard_refusal(&guard), refusals[_i].text);
}
END_TEST

START_TEST(of_several_that_were_refused_the_last_is_said)
{
    struct guard guard;
    guard_begin(&guard, "h.org", NULL, &no_networks);
    ck_assert(!admits(&guard, "::1", 80));
    ck_assert(!admits(&guard, "127.0.0.1", 80));
    ck_assert_str_eq(guard_refusal(&guard), "127.0.0.1 port 80");
}
END_TEST

// Then it was the network that failed, and trying again may help.
START_TEST(a_host_with_one_good_address_was_not_refused_for_its_others)
{
    struct guard guard;
    guard_begin(&guard, "h.org", NULL, &no_networks);
    ck_assert(!admits(&guard, "10.0.0.1", 80));
    ck_assert(admits(&guard, "8.8.8.8", 80));
    ck_assert_ptr_null(guard_refusal(&guard));
    ck_assert(!admits(&guard, "127.0.0.1", 80));
    ck_assert_ptr_null(guard_refusal(&guard));
}
END_TEST

START_TEST(the_next_host_is_judged_for_itself)
{
    struct guard guard;
    guard_begin(&guard, "nas", "nas", &no_networks);
    ck_assert(admits(&guard, "10.0.0.1", 80));
    guard_begin(&guard, "h.org", "nas", &no_networks);
    ck_assert(!admits(&guard, "10.0.0.1", 80));
    ck_assert_str_eq(guard_refusal(&guard), "10.0.0.1 port 80");
    guard_begin(&guard, "nas", "nas", &no_networks);
    ck_assert_ptr_null(guard_refusal(&guard));
}
END_TEST

START_TEST(what_is_no_internet_address_is_never_admitted)
{
    struct guard guard;
    struct sockaddr local = { .sa_family = AF_UNIX };
    struct target cut = target("2606:4700::1111", 443);
    guard_begin(&guard, "nas", "nas", &no_networks);
    ck_assert(!guard_admits(&guard, &local, sizeof local));
    ck_assert(!guard_admits(&guard, (const struct sockaddr *)&cut.to, cut.size - 1));
    ck_assert_ptr_null(guard_refusal(&guard));
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("guard");
    TCase *tcase = tcase_create("guard");
    tcase_add_loop_test(tcase, an_address_and_port_are_admitted_by_the_rule, 0,
                        (int)ARRAY_LEN(cases));
    tcase_add_loop_test(tcase, what_was_refused_is_said_in_full, 0, (int)ARRAY_LEN(refusals));
    tcase_add_test(tcase, of_several_that_were_refused_the_last_is_said);
    tcase_add_test(tcase, a_host_with_one_good_address_was_not_refused_for_its_others);
    tcase_add_test(tcase, the_next_host_is_judged_for_itself);
    tcase_add_test(tcase, what_is_no_internet_address_is_never_admitted);
    suite_add_tcase(suite, tcase);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_NORMAL);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed != 0;
}
