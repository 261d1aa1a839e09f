// Forms, read back by Python's parser of mail and sent to a server.
#include "net/form.h"

#include "tests/support/folder.h"
#include "tests/support/httpd.h"
#include "tests/support/program.h"
#include <check.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>

static struct folder folder;

static void set_up(void)
{
    folder_make(&folder);
}

static void tear_down(void)
{
    folder_remove(&folder);
}

// All of a body, read in pieces of that size.  Gives the bytes.
static char *read_all(const struct http_body *body, size_t piece)
{
    char *bytes = xcalloc(body->size + 1, 1);
    struct err err = ERR_INIT;
    for (uint64_t at = 0; at < body->size;) {
        ssize_t got = http_body_read(body, at, bytes + at, piece, &err);
        ck_assert_msg(got > 0 && (size_t)got <= piece, "%zd at %ju: %s", got, (uintmax_t)at,
                      err.text);
        at += (uint64_t)got;
    }
    char one;
    ck_assert_int_eq(http_body_read(body, body->size, &one, 1, &err), 0);
    return bytes;
}

// What another reader makes of it: a line "NAME|FILENAME|TYPE|CONTENTS" a part.
static char *parse(const char *field, const char *bytes, size_t size)
{
    static const char script[] =
        "import email, email.policy, sys\n"
        "m = email.message_from_bytes(open('form', 'rb').read(), policy=email.policy.HTTP)\n"
        "assert m.get_content_type() == 'multipart/form-data' and not m.defects, m.defects\n"
        "for p in m.iter_parts():\n"
        "    d = p['content-disposition'].params\n"
        "    assert p['content-disposition'].content_disposition == 'form-data'\n"
        "    body = p.get_payload(decode=True).decode('latin-1')\n"
        "    print(d['name'], d.get('filename', '-'), p.get_content_type(), ascii(body),\n"
        "          sep='|')\n";
    cleanup(free_ptr) char *path = xasprintf("%s/form", folder.path);
    FILE *file = fopen(path, "w");
    fprintf(file, "%s\r\n\r\n", field);
    ck_assert_uint_eq(fwrite(bytes, 1, size, file), size);
    ck_assert_int_eq(fclose(file), 0);
    folder_put(&folder, "parse.py", script);
    char *said = NULL;
    cleanup(free_ptr) char *command = xasprintf("cd %s && python3 parse.py", folder.path);
    int status = PROGRAM_RUN(&said, "/bin/sh", "-c", command);
    ck_assert_msg(status == 0, "%s", said);
    return said;
}

static const struct form_value values[] = {
    { "OSSAccessKeyId", "LTAI5t" },
    { "key", "dashscope-instant/52af/2025-11-15/b744/0.mp4" },
    { "empty", "" },
    { "sly\"\r\nX: y", "a\r\n--b\r\nc" },
};
#define PARTS                                                           \
    "OSSAccessKeyId|-|text/plain|'LTAI5t'\n"                            \
    "key|-|text/plain|'dashscope-instant/52af/2025-11-15/b744/0.mp4'\n" \
    "empty|-|text/plain|''\n"                                           \
    "sly%%22%%0D%%0AX: y|-|text/plain|'a\\r\\n--b\\r\\nc'\n"

static const struct {
    const char *name;
    bool in_memory;
    uint64_t offset;
    const char *contents;
    size_t piece;
} contents[] = {
    { "of memory", true, 0, "0123456789", 4096 },
    { "of a file", false, 0, "0123456789", 4096 },
    { "of a part of a file", false, 7, "789", 4096 },
    { "byte by byte", false, 2, "23456789", 1 },
    { "nothing", true, 0, "", 3 },
};

START_TEST(a_form_is_read_back_by_another_reader)
{
    folder_put(&folder, "video", "0123456789");
    cleanup(close_fd) int fd = openat(folder.fd, "video", O_RDONLY | O_CLOEXEC);
    cleanup(form_release) struct form form = FORM_INIT;
    size_t size = strlen(contents[_i].contents);
    const struct form_file file = {
        .name = "file",
        .file_name = "0.mp4",
        .type = "video/mp4",
        .content = { .data = contents[_i].in_memory ? contents[_i].contents : NULL,
                     .fd = fd,
                     .offset = contents[_i].offset,
                     .size = size },
    };
    ck_assert_int_eq(form_make(&form, values, ARRAY_LEN(values), &file, NULL), 0);
    cleanup(free_ptr) char *bytes = read_all(&form.body, contents[_i].piece);
    cleanup(free_ptr) char *parts = parse(form.field, bytes, form.body.size);
    cleanup(free_ptr) char *expected =
        xasprintf(PARTS "file|0.mp4|video/mp4|'%s'\n", contents[_i].contents);
    ck_assert_str_eq(parts, expected);
}
END_TEST

START_TEST(no_two_forms_are_parted_by_the_same_line)
{
    const struct form_file file = { "file", "a", "text/plain", { .data = "", .size = 0 } };
    cleanup(form_release) struct form one = FORM_INIT, other = FORM_INIT;
    ck_assert_int_eq(form_make(&one, NULL, 0, &file, NULL), 0);
    ck_assert_int_eq(form_make(&other, NULL, 0, &file, NULL), 0);
    ck_assert_str_ne(one.field, other.field);
}
END_TEST

START_TEST(more_values_than_anybody_asks_for_are_not_sent)
{
    struct err err = ERR_INIT;
    cleanup(form_release) struct form form = FORM_INIT;
    cleanup(free_ptr) char *large = xcalloc(FORM_MAX_VALUES_BYTES + 1, 1);
    memset(large, 'x', FORM_MAX_VALUES_BYTES);
    const struct form_value value = { "policy", large };
    const struct form_file file = { "file", "a", "text/plain", { .data = "", .size = 0 } };
    ck_assert_int_lt(form_make(&form, &value, 1, &file, &err), 0);
    ck_assert_str_eq(err.id, "form_too_large");
    ck_assert_ptr_null(form.field);
}
END_TEST

START_TEST(a_file_that_became_shorter_ends_the_form)
{
    struct err err = ERR_INIT;
    folder_put(&folder, "video", "0123");
    cleanup(close_fd) int fd = openat(folder.fd, "video", O_RDONLY | O_CLOEXEC);
    cleanup(form_release) struct form form = FORM_INIT;
    const struct form_file file = { "file", "a", "video/mp4", { .fd = fd, .size = 5 } };
    char buffer[8];
    ck_assert_int_eq(form_make(&form, NULL, 0, &file, NULL), 0);
    ck_assert_int_eq(http_body_read(&form.body, form.before_size, buffer, 8, &err), 4);
    ck_assert_int_lt(http_body_read(&form.body, form.before_size + 4, buffer, 8, &err), 0);
    ck_assert_str_eq(err.id, "changed");
}
END_TEST

START_TEST(a_server_gets_it_whole)
{
    struct httpd server;
    struct err err = ERR_INIT;
    httpd_start(&server, NULL);
    // More than is read at a time.
    cleanup(free_ptr) char *object = xcalloc(3000001, 1);
    httpd_fill(object, 3000000, 0, 5);
    cleanup(form_release) struct form form = FORM_INIT;
    const struct form_file file = { "file", "a", "video/mp4", { .data = object, .size = 3000000 } };
    ck_assert_int_eq(form_make(&form, values, ARRAY_LEN(values), &file, NULL), 0);
    struct http_rules rules = { .stop_fd = 0 };
    ck_assert_int_eq(address_list_parse("127.0.0.1", &rules.allow_networks, NULL), 0);
    struct http *http = http_new(&rules);
    cleanup(free_ptr) char *link = httpd_link(&server, "/?save=%s/saved", folder.path);
    struct http_answer answer = HTTP_ANSWER_INIT;
    const char *const fields[] = { form.field, NULL };
    const struct http_request request = {
        .method = "POST", .link = link, .fields = fields, .body = &form.body
    };
    ck_assert_msg(http_do(http, &request, &answer, &err) == 0, "%s", err.text);
    http_answer_release(&answer);
    cleanup(free_ptr) char *path = xasprintf("%s/saved", folder.path);
    FILE *saved = fopen(path, "r");
    ck_assert_ptr_nonnull(saved);
    cleanup(free_ptr) char *sent = xcalloc(form.body.size + 2, 1);
    ck_assert_uint_eq(fread(sent, 1, form.body.size + 1, saved), form.body.size);
    ck_assert_int_eq(fclose(saved), 0);
    ck_assert_int_eq(memcmp(sent, form.before, form.before_size), 0);
    ck_assert_int_eq(memcmp(sent + form.before_size, object, 3000000), 0);
    ck_assert_str_eq(sent + form.before_size + 3000000, form.after);
    http_free(&http);
    httpd_stop(&server);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("form");
    TCase *tcase = tcase_create("form");
    tcase_add_checked_fixture(tcase, set_up, tear_down);
    tcase_add_loop_test(tcase, a_form_is_read_back_by_another_reader, 0, (int)ARRAY_LEN(contents));
    tcase_add_test(tcase, no_two_forms_are_parted_by_the_same_line);
    tcase_add_test(tcase, more_values_than_anybody_asks_for_are_not_sent);
    tcase_add_test(tcase, a_file_that_became_shorter_ends_the_form);
    tcase_add_test(tcase, a_server_gets_it_whole);
    suite_add_tcase(suite, tcase);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_ENV);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed > 0;
}
