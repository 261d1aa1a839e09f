// Which addresses are of the open internet.  The table of blocks is that of IANA, written here by
// hand once more: first and last address of each, and their neighbours outside.
#include "base/address.h"

#include <arpa/inet.h>
#include <check.h>
#include <errno.h>
#include <stdio.h>

static struct address parsed(const char *text)
{
    struct address address;
    ck_assert_msg(address_parse(text, &address) == 0, "%s", text);
    return address;
}

static const struct {
    const char *text;
    bool global;
} cases[] = {
    { "0.0.0.0", false },
    { "0.255.255.255", false },
    { "1.0.0.0", true },
    { "9.255.255.255", true },
    { "10.0.0.0", false },
    { "10.255.255.255", false },
    { "11.0.0.0", true },
    { "100.63.255.255", true },
    { "100.64.0.0", false },
    { "100.127.255.255", false },
    { "100.128.0.0", true },
    { "126.255.255.255", true },
    { "127.0.0.0", false },
    { "127.0.0.1", false },
    { "127.255.255.255", false },
    { "128.0.0.0", true },
    { "169.253.255.255", true },
    { "169.254.169.254", false },
    { "169.255.0.0", true },
    { "172.15.255.255", true },
    { "172.16.0.0", false },
    { "172.31.255.255", false },
    { "172.32.0.0", true },
    { "192.0.0.8", false },
    { "192.0.1.0", true },
    { "192.0.2.1", false },
    { "192.0.3.0", true },
    { "192.88.99.1", false },
    { "192.167.255.255", true },
    { "192.168.0.0", false },
    { "192.168.255.255", false },
    { "192.169.0.0", true },
    { "198.17.255.255", true },
    { "198.18.0.0", false },
    { "198.19.255.255", false },
    { "198.20.0.0", true },
    { "198.51.100.7", false },
    { "203.0.113.7", false },
    { "223.255.255.255", true },
    { "224.0.0.1", false },
    { "239.255.255.255", false },
    { "240.0.0.1", false },
    { "255.255.255.255", false },
    { "8.8.8.8", true },
    // IPv6
    { "::", false },
    { "::1", false },
    { "::127.0.0.1", false }, // IPv4-compatible
    { "::8.8.8.8", false },
    { "::ffff:127.0.0.1", false }, // mapped
    { "::ffff:10.1.2.3", false },
    { "::ffff:8.8.8.8", true },
    { "::ffff:0:127.0.0.1", false }, // translated, RFC 2765
    { "64:ff9b::127.0.0.1", false }, // NAT64
    { "64:ff9b::a9fe:a9fe", false },
    { "64:ff9b::8.8.8.8", true },
    { "64:ff9b:1::8.8.8.8", false }, // local NAT64, RFC 8215
    { "100::1", false },             // discard
    { "1fff:ffff::1", false },
    { "2000::1", true },
    { "2001::1", false }, // Teredo
    { "2001:0:4136:e378:8000:63bf:3fff:fdd2", false },
    { "2001:2::1", false },  // benchmarks
    { "2001:10::1", false }, // ORCHID
    { "2001:20::1", false },
    { "2001:1ff:ffff::1", false },
    { "2001:200::1", true },
    { "2001:db7:ffff::1", true },
    { "2001:db8::1", false },
    { "2001:db9::1", true },
    { "2002:7f00:1::1", false }, // 6to4 of 127.0.0.1
    { "2002:808:808::1", false },
    { "2003::1", true },
    { "2606:4700::1111", true },
    { "3ffe::1", true },
    { "3fff::1", false },
    { "3fff:fff::1", false },
    { "3fff:1000::1", true },
    { "4000::1", false },
    { "5f00::1", false }, // segment identifiers, RFC 9602
    { "fc00::1", false },
    { "fd12:3456::1", false },
    { "fe80::1", false },
    { "fec0::1", false },
    { "ff02::1", false },
};

START_TEST(an_address_is_global_where_the_registries_say_so)
{
    struct address address = parsed(cases[_i].text);
    ck_assert_msg(address_is_global(&address) == cases[_i].global, "%s", cases[_i].text);
}
END_TEST

START_TEST(an_address_of_a_socket_is_the_one_that_is_judged)
{
    struct sockaddr_in6 six = { .sin6_family = AF_INET6 };
    struct sockaddr_in four = { .sin_family = AF_INET };
    struct sockaddr other = { .sa_family = AF_UNIX };
    struct address address, expected = parsed("127.0.0.1");
    char text[INET6_ADDRSTRLEN];
    ck_assert_int_eq(inet_pton(AF_INET6, "::ffff:127.0.0.1", &six.sin6_addr), 1);
    ck_assert_int_eq(inet_pton(AF_INET, "127.0.0.1", &four.sin_addr), 1);
    ck_assert_int_eq(address_from_socket((struct sockaddr *)&six, sizeof six, &address), 0);
    ck_assert_mem_eq(&address, &expected, sizeof address);
    ck_assert_int_eq(address_from_socket((struct sockaddr *)&four, sizeof four, &address), 0);
    ck_assert_mem_eq(&address, &expected, sizeof address);
    ck_assert_str_eq(address_text(&address, text), "127.0.0.1");
    ck_assert_int_eq(address_from_socket(&other, sizeof other, &address), -EAFNOSUPPORT);
    ck_assert_int_eq(address_from_socket((struct sockaddr *)&six, 8, &address), -EAFNOSUPPORT);
}
END_TEST

static const struct {
    const char *list, *address;
    bool has;
} lists[] = {
    { NULL, "10.0.0.1", false },
    { "", "10.0.0.1", false },
    { "10.0.0.0/8", "10.255.0.1", true },
    { "10.0.0.0/8", "11.0.0.1", false },
    { "10.0.0.0/8", "::ffff:10.0.0.1", true },
    { "192.168.1.0/25, fd00::/8", "192.168.1.127", true },
    { "192.168.1.0/25, fd00::/8", "192.168.1.128", false },
    { "192.168.1.0/25, fd00::/8", "fd12::1", true },
    { "192.168.1.0/25, fd00::/8", "fe80::1", false },
    { " 127.0.0.1 ", "127.0.0.1", true },
    { "127.0.0.1", "127.0.0.2", false },
    { "::1", "::1", true },
    { "::/0", "fe80::1", true },
    { "::/0", "127.0.0.1", false },
    { "0.0.0.0/0", "127.0.0.1", true },
    { "0.0.0.0/0", "::1", false },
};

START_TEST(a_list_has_what_its_networks_hold)
{
    struct address_list list;
    struct address address = parsed(lists[_i].address);
    ck_assert_int_eq(address_list_parse(lists[_i].list, &list, NULL), 0);
    ck_assert_msg(address_list_has(&list, &address) == lists[_i].has, "%s in %s", lists[_i].address,
                  lists[_i].list);
}
END_TEST

static const char *const wrong[] = { "10.0.0.0/33",  "10.0.0.1/8",  "fd00::/129",
                                     "10.0.0.0/",    "10/8",        "local",
                                     "10.0.0.0/8 x", "10.0.0.0/-1", "fe80::1%eth0" };

START_TEST(what_is_no_network_is_refused_by_its_name)
{
    struct address_list list;
    struct err err = ERR_INIT;
    ck_assert_int_lt(address_list_parse(wrong[_i], &list, &err), 0);
    ck_assert_int_eq(err.class, ERR_CONFIG);
    ck_assert_str_eq(err.id, "bad_network");
}
END_TEST

START_TEST(a_list_longer_than_its_limit_is_refused)
{
    char text[ADDRESS_MAX_NETWORKS * 9 + 10] = "";
    struct address_list list;
    for (int i = 0; i < ADDRESS_MAX_NETWORKS; i++)
        memcpy(text + strlen(text), "10.1.1.1 ", sizeof "10.1.1.1 ");
    ck_assert_int_eq(address_list_parse(text, &list, NULL), 0);
    memcpy(text + strlen(text), "10.1.1.1", sizeof "10.1.1.1");
    ck_assert_int_lt(address_list_parse(text, &list, NULL), 0);
}
END_TEST

static const struct {
    const char *names, *host;
    bool has;
} names[] = {
    { NULL, "nas", false },
    { "nas", "nas", true },
    { "nas", "NAS", true },
    { "nas", "nas.", true },
    { "nas.", "nas", true },
    { "nas", "nas2", false },
    { "nas", "a.nas", false },
    { "a, nas ,b", "nas", true },
    { "a, nas ,b", "b", true },
    { ".example.org", "www.example.org", true },
    { ".example.org", "a.b.example.org", true },
    { ".example.org", "example.org", false },
    { ".example.org", "badexample.org", false },
    { ".example.org", "example.org.evil.net", false },
    { ".", "nas", false },
    { ".", "nas.", false },
    { "nas", "", false },
};

START_TEST(a_host_is_among_names_as_itself_or_below_a_dot)
{
    ck_assert_msg(address_names_have(names[_i].names, names[_i].host) == names[_i].has, "%s in %s",
                  names[_i].host, names[_i].names);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("address");
    TCase *tcase = tcase_create("address");
    tcase_add_loop_test(tcase, an_address_is_global_where_the_registries_say_so, 0,
                        (int)ARRAY_LEN(cases));
    tcase_add_test(tcase, an_address_of_a_socket_is_the_one_that_is_judged);
    tcase_add_loop_test(tcase, a_list_has_what_its_networks_hold, 0, (int)ARRAY_LEN(lists));
    tcase_add_loop_test(tcase, what_is_no_network_is_refused_by_its_name, 0, (int)ARRAY_LEN(wrong));
    tcase_add_test(tcase, a_list_longer_than_its_limit_is_refused);
    tcase_add_loop_test(tcase, a_host_is_among_names_as_itself_or_below_a_dot, 0,
                        (int)ARRAY_LEN(names));
    suite_add_tcase(suite, tcase);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_NORMAL);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed != 0;
}
