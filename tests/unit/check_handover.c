// Handing a video over to DashScope's temporary store, as its documentation has it.
//
// The server does what the query of a link says, so the address of the service ends in a query that
// names the file with its answer, and what is put behind the address disappears in a last
// parameter.
#include "model/handover.h"

#include "tests/support/folder.h"
#include "tests/support/httpd.h"
#include "tests/support/program.h"
#include <check.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>

static struct folder folder;
static struct httpd server;
static struct http *http;
static struct err err;

static void set_up(void)
{
    struct http_rules rules = { .stall_seconds = 5, .stall_bytes_per_second = 10 };
    folder_make(&folder);
    httpd_start(&server, NULL);
    ck_assert_int_eq(address_list_parse("127.0.0.1", &rules.allow_networks, NULL), 0);
    http = http_new(&rules);
    err = (struct err)ERR_INIT;
}

static void tear_down(void)
{
    http_free(&http);
    httpd_stop(&server);
    folder_remove(&folder);
}

// The documented answer, with `host` for upload_host.
static const char documented[] =
    "{\"data\":{\"policy\":\"eyJleHBpcmF0aW9uIjoiMjAyNSJ9\",\"signature\":\"n3dN+a/b=\","
    "\"upload_dir\":\"dashscope-instant/52af/2025-11-15/b744\",\"upload_host\":\"%s\","
    "\"expire_in_seconds\":300,\"max_file_size_mb\":1024,\"capacity_limit_mb\":999999999,"
    "\"oss_access_key_id\":\"LTAI5tEXAMPLE\",\"x_oss_object_acl\":\"private\","
    "\"x_oss_forbid_overwrite\":\"true\"},\"request_id\":\"r-1\"}";

static void put_policy(const char *host)
{
    FILE *file =
        fdopen(openat(folder.fd, "policy", O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600), "w");
    ck_assert_ptr_nonnull(file);
    fprintf(file, documented, host);
    ck_assert_int_eq(fclose(file), 0);
}

// The documented answer leads to the server, which then does what `query` says.
static void put_policy_here(const char *query)
{
    cleanup(free_ptr) char *host = httpd_link(&server, "/?%s&x=", query);
    put_policy(host);
}

static int hand_over(const char *address, char **ret_link)
{
    cleanup(free_ptr) char *usual =
        httpd_link(&server, "/?file=%s/policy&head=%s/asked&x=", folder.path, folder.path);
    const struct handover handover = {
        .http = http,
        .address = address ? address : usual,
        .key = "sk-secret",
        .credential = "dashscope-key",
        .model = "qwen-vl-max",
        .file_name = "0.mp4",
        .type = "video/mp4",
        .content = { .data = "0123456789", .size = 10 },
        .deadline_seconds = 20,
    };
    return handover_send(&handover, ret_link, &err);
}

// The names and contents of a form in their order.  Gives a string.
static char *parts_of(const char *head, const char *body)
{
    static const char script[] =
        "import email, email.policy, sys\n"
        "head, body = (open(n, 'rb').read() for n in sys.argv[1:3])\n"
        "m = email.message_from_bytes(head.split(b'\\r\\n', 1)[1] + b'\\r\\n\\r\\n' + body,\n"
        "                             policy=email.policy.HTTP)\n"
        "for p in m.iter_parts():\n"
        "    d = p['content-disposition'].params\n"
        "    print(d['name'] + '=' + p.get_payload(decode=True).decode())\n";
    folder_put(&folder, "parts.py", script);
    char *said = NULL;
    cleanup(free_ptr) char *command =
        xasprintf("cd %s && python3 parts.py %s %s", folder.path, head, body);
    ck_assert_msg(PROGRAM_RUN(&said, "/bin/sh", "-c", command) == 0, "%s", said);
    return said;
}

static bool says(const char *head, const char *field)
{
    return strcasestr(head, field) != NULL;
}

START_TEST(a_video_is_handed_over_as_documented)
{
    cleanup(free_ptr) char *link = NULL;
    cleanup(free_ptr) char *query =
        xasprintf("save=%s/body&head=%s/head", folder.path, folder.path);
    put_policy_here(query);
    ck_assert_msg(hand_over(NULL, &link) == 0, "%s", err.text);
    ck_assert_str_eq(link, "oss://dashscope-instant/52af/2025-11-15/b744/0.mp4");
    cleanup(free_ptr) char *asked = folder_get(&folder, "asked");
    ck_assert_ptr_nonnull(strstr(asked, "/api/v1/uploads?action=getPolicy&model=qwen-vl-max HTTP"));
    ck_assert(says(asked, "\r\nAuthorization: Bearer sk-secret\r\n"));
    cleanup(free_ptr) char *head = folder_get(&folder, "head");
    ck_assert_ptr_nonnull(strstr(head, "POST /"));
    ck_assert(!says(head, "Authorization:"));
    ck_assert(says(head, "\r\nContent-Type: multipart/form-data; boundary="));
    cleanup(free_ptr) char *parts = parts_of("head", "body");
    ck_assert_str_eq(parts, "OSSAccessKeyId=LTAI5tEXAMPLE\n"
                            "Signature=n3dN+a/b=\n"
                            "policy=eyJleHBpcmF0aW9uIjoiMjAyNSJ9\n"
                            "key=dashscope-instant/52af/2025-11-15/b744/0.mp4\n"
                            "x-oss-object-acl=private\n"
                            "x-oss-forbid-overwrite=true\n"
                            "success_action_status=200\n"
                            "x-oss-content-type=video/mp4\n"
                            "file=0123456789\n");
}
END_TEST

#define XML(code, message)                                                                    \
    "<Error><Code>" code "</Code><Message>" message "</Message><RequestId>5C3D</RequestId></" \
    "Error>"
#define OVER "Invalid according to Policy: Policy expired."

// What the store does, and what becomes of it; asked: how often the service was.
static const struct {
    const char *query;
    unsigned asked, posted;
    enum err_class class;
    const char *id, *said;
} stores[] = {
    { "status=200", 1, 1, ERR_NONE, NULL, NULL },
    { "status=204", 1, 1, ERR_NONE, NULL, NULL },
    { "status=403&words=" XML("AccessDenied", OVER) "&times=1", 2, 2, ERR_NONE, NULL, NULL },
    { "status=403&words=" XML("AccessDenied", OVER), 2, 2, ERR_RETRY, "upload_expired", "twice" },
    { "status=409&words=" XML("FileAlreadyExists", "It is there."), 1, 1, ERR_NONE, NULL, NULL },
    { "status=403&words=" XML("SignatureDoesNotMatch", "Wrong."), 1, 1, ERR_SERVICE,
      "upload_refused", "SignatureDoesNotMatch: Wrong." },
    { "status=400&words=" XML("EntityTooLarge", "Too much."), 1, 1, ERR_SERVICE, "upload_refused",
      "EntityTooLarge" },
    { "status=404&words=gone", 1, 1, ERR_SERVICE, "upload_refused", "status 404, no code" },
    { "status=302&location=http://127.0.0.1/", 1, 1, ERR_SERVICE, "upload_refused", "status 302" },
    { "status=503&retry=7", 1, 1, ERR_RETRY, "service_busy", "503" },
    { "mute=1", 1, 1, ERR_RETRY, "stalled", NULL },
};

START_TEST(what_the_store_says_is_understood)
{
    cleanup(free_ptr) char *link = NULL;
    cleanup(free_ptr) char *query = xstrdup(stores[_i].query);
    for (char *at = query; *at; at++)
        if (*at == ' ')
            *at = '+';
    put_policy_here(query);
    int r = hand_over(NULL, &link);
    ck_assert_msg((r == 0) == (stores[_i].class == ERR_NONE), "%s: %s", stores[_i].query, err.text);
    ck_assert_msg(err.class == stores[_i].class, "%s: %s", err.id, err.text);
    ck_assert_int_eq(link != NULL, r == 0);
    if (stores[_i].id)
        ck_assert_msg(strcmp(err.id, stores[_i].id) == 0, "%s: %s", err.id, err.text);
    if (stores[_i].said)
        ck_assert_msg(strstr(err.text, stores[_i].said) != NULL, "%s", err.text);
    (void)httpd_accepted(&server);
    unsigned asked = 0, posted = 0;
    for (const char *at = server.log; (at = strstr(at, " GET /?file=")) != NULL; at++)
        asked++;
    for (const char *at = server.log; (at = strstr(at, " POST /")) != NULL; at++)
        posted++;
    ck_assert_uint_eq(asked, stores[_i].asked);
    ck_assert_uint_eq(posted, stores[_i].posted);
}
END_TEST

// What the service says instead of a policy.
static const struct {
    const char *body;
    enum err_class class;
    const char *id;
} policies[] = {
    { " ", ERR_RETRY, "garbled_answer" },
    { "<html>", ERR_RETRY, "garbled_answer" },
    { "[]", ERR_RETRY, "garbled_answer" },
    { "{}", ERR_SERVICE, "garbled_answer" },
    { "{\"data\":[]}", ERR_SERVICE, "garbled_answer" },
    { "{\"data\":{\"policy\":\"a\"}}", ERR_SERVICE, "garbled_answer" },
    { "{\"data\":{\"policy\":7,\"signature\":\"s\",\"upload_dir\":\"d\",\"upload_host\":\"HOST\","
      "\"oss_access_key_id\":\"i\"}}",
      ERR_SERVICE, "garbled_answer" },
    { "{\"data\":{\"policy\":\"a\\r\\nb\",\"signature\":\"s\",\"upload_dir\":\"d\","
      "\"upload_host\":\"HOST\",\"oss_access_key_id\":\"i\"}}",
      ERR_SERVICE, "garbled_answer" },
    { "{\"data\":{\"policy\":\"p\",\"signature\":\"s\",\"upload_dir\":\"d\\n\","
      "\"upload_host\":\"HOST\",\"oss_access_key_id\":\"i\"}}",
      ERR_SERVICE, "garbled_answer" },
    { "{\"data\":{\"policy\":\"p\",\"signature\":\"s\",\"upload_dir\":\"d\","
      "\"upload_host\":\"ftp://h/\",\"oss_access_key_id\":\"i\"}}",
      ERR_SERVICE, "garbled_answer" },
    { "{\"data\":{\"policy\":\"p\",\"signature\":\"s\",\"upload_dir\":\"d\","
      "\"upload_host\":\"HOST\",\"oss_access_key_id\":\"i\",\"max_file_size_mb\":0}}",
      ERR_INPUT, "too_large_to_hand_over" },
    { "{\"code\":\"InvalidApiKey\",\"message\":\"no\",\"request_id\":\"1\"}", ERR_DENIED,
      "key_refused" },
    { "{\"code\":\"Throttling.RateQuota\",\"message\":\"no\",\"request_id\":\"1\"}", ERR_RETRY,
      "throttled_requests" },
};

START_TEST(a_permission_that_is_none_sends_nothing)
{
    cleanup(free_ptr) char *link = NULL;
    const char *body = policies[_i].body, *host = strstr(body, "HOST");
    cleanup(free_ptr) char *here = httpd_link(&server, "/?status=200");
    cleanup(free_ptr) char *whole =
        host ? xasprintf("%.*s%s%s", (int)(host - body), body, here, host + 4) : xstrdup(body);
    folder_put(&folder, "policy", whole);
    ck_assert_int_lt(hand_over(NULL, &link), 0);
    ck_assert_msg(err.class == policies[_i].class, "%s: %s", err.id, err.text);
    ck_assert_str_eq(err.id, policies[_i].id);
    ck_assert_ptr_null(strstr(err.text, "sk-secret"));
    ck_assert_ptr_null(link);
    (void)httpd_accepted(&server);
    ck_assert_ptr_null(strstr(server.log, " POST "));
    if (err.class == ERR_DENIED)
        ck_assert_ptr_nonnull(strstr(err.hint, "dashscope-key"));
}
END_TEST

// The address was secure; where it leads to must be, too.
START_TEST(nothing_is_sent_to_where_anybody_may_read_along)
{
    struct httpd tls;
    cleanup(free_ptr) char *link = NULL, *pem = xasprintf("%s/pem", folder.path);
    if (!httpd_certify(pem))
        return;
    httpd_start(&tls, pem);
    put_policy_here("status=200");
    struct http_rules rules = { .ca_file = pem };
    ck_assert_int_eq(address_list_parse("127.0.0.1 ::1", &rules.allow_networks, NULL), 0);
    http_free(&http);
    http = http_new(&rules);
    cleanup(free_ptr) char *address =
        xasprintf("https://localhost:%u/?file=%s/policy&x=", tls.port, folder.path);
    ck_assert_int_lt(hand_over(address, &link), 0);
    ck_assert_msg(strstr(err.text, "from https to http") != NULL, "%s", err.text);
    ck_assert_uint_eq(httpd_accepted(&server), 0);
    httpd_stop(&tls);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("handover");
    TCase *tcase = tcase_create("handover");
    tcase_add_checked_fixture(tcase, set_up, tear_down);
    tcase_set_timeout(tcase, 60);
    tcase_add_test(tcase, a_video_is_handed_over_as_documented);
    tcase_add_loop_test(tcase, what_the_store_says_is_understood, 0, (int)ARRAY_LEN(stores));
    tcase_add_loop_test(tcase, a_permission_that_is_none_sends_nothing, 0,
                        (int)ARRAY_LEN(policies));
    tcase_add_test(tcase, nothing_is_sent_to_where_anybody_may_read_along);
    suite_add_tcase(suite, tcase);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_ENV);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed > 0;
}
