// Keys are read only from where nobody else can read them, and no error tells them.
#include "net/credential.h"
#include "net/secret.h"
#include "tests/support/folder.h"
#include <check.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>

#define PAIR "access_key_id = LTAI5tKEY\naccess_key_secret = s3cr3t\n"

static struct folder folder;
static struct credential credential;
static struct err err;

static void set_up(void)
{
    folder_make(&folder);
    credential = (struct credential)CREDENTIAL_INIT;
    err = (struct err)ERR_INIT;
}

static void tear_down(void)
{
    credential_release(&credential);
    folder_remove(&folder);
}

static char *put(const char *name, const char *text, mode_t mode)
{
    folder_put(&folder, name, text);
    ck_assert_int_eq(fchmodat(folder.fd, name, mode, 0), 0);
    return xasprintf("%s/%s", folder.path, name);
}

START_TEST(a_pair_is_read_from_a_file_of_ours_alone)
{
    static const mode_t modes[] = { 0600, 0400 };
    for (size_t i = 0; i < ARRAY_LEN(modes); i++) {
        cleanup(free_ptr) char *path = put("key", PAIR "security_token = CAIS+/==\n", modes[i]);
        ck_assert_msg(credential_load(NULL, path, &credential, &err) == 0, "%s", err.text);
        ck_assert_str_eq(credential.id, "LTAI5tKEY");
        ck_assert_str_eq(credential.secret, "s3cr3t");
        ck_assert_str_eq(credential.token, "CAIS+/==");
        credential_release(&credential);
        ck_assert_ptr_null(credential.secret);
        ck_assert_int_eq(unlinkat(folder.fd, "key", 0), 0);
    }
}
END_TEST

static const mode_t open_modes[] = { 0640, 0604, 0644, 0660, 0666, 0610, 0601, 0602, 0700, 0777 };

START_TEST(a_file_that_others_may_touch_is_refused)
{
    cleanup(free_ptr) char *path = put("key", PAIR, open_modes[_i]);
    ck_assert_int_lt(credential_load(NULL, path, &credential, &err), 0);
    ck_assert_str_eq(err.id, "open_credential");
    ck_assert_int_eq(err.class, ERR_CONFIG);
    ck_assert_ptr_nonnull(strstr(err.text, path));
    ck_assert_ptr_nonnull(strstr(err.hint, "chmod 600"));
    ck_assert_ptr_null(credential.secret);
}
END_TEST

START_TEST(a_file_of_another_user_is_refused)
{
    if (geteuid() != 0)
        return; // only root can give files away
    cleanup(free_ptr) char *path = put("key", PAIR, 0600);
    ck_assert_int_eq(chown(path, 12345, 0), 0);
    ck_assert_int_lt(credential_load(NULL, path, &credential, &err), 0);
    ck_assert_str_eq(err.id, "open_credential");
    ck_assert_ptr_nonnull(strstr(err.text, "12345"));
}
END_TEST

START_TEST(a_link_is_judged_by_what_it_leads_to)
{
    cleanup(free_ptr) char *path = put("key", PAIR, 0600);
    cleanup(free_ptr) char *link_path = xasprintf("%s/link", folder.path);
    ck_assert_int_eq(symlinkat("key", folder.fd, "link"), 0);
    ck_assert_int_eq(credential_load(NULL, link_path, &credential, &err), 0);
    credential_release(&credential);
    ck_assert_int_eq(chmod(path, 0644), 0);
    ck_assert_int_lt(credential_load(NULL, link_path, &credential, &err), 0);
    ck_assert_str_eq(err.id, "open_credential");
}
END_TEST

START_TEST(a_name_is_one_that_systemd_hands_over)
{
    // As systemd does it where the service has a user of its own: root's, with an access list.
    cleanup(free_ptr) char *path = put("oss-main", PAIR, 0440);
    ck_assert_msg(credential_load(folder.path, "oss-main", &credential, &err) == 0, "%s", err.text);
    ck_assert_str_eq(credential.id, "LTAI5tKEY");
    ck_assert_ptr_null(credential.token);
    credential_release(&credential);
    ck_assert_int_eq(chmod(path, 0444), 0);
    ck_assert_int_lt(credential_load(folder.path, "oss-main", &credential, &err), 0);
    ck_assert_str_eq(err.id, "open_credential");
}
END_TEST

START_TEST(what_is_not_there_is_told_with_a_remedy)
{
    static const struct {
        bool systemd;
        const char *where, *id, *hint;
    } rows[] = {
        { true, "oss-main", "no_credential", "LoadCredential=oss-main:" },
        { false, "oss-main", "no_credential", "LoadCredential=oss-main:" },
        { false, "/nonexistent/key", "no_credential", "make the file /nonexistent/key, mode 0600" },
        { true, "../etc/shadow", "bad_credential", "whole path" },
        { true, "a/b", "bad_credential", "whole path" },
        { true, ".", "bad_credential", "whole path" },
        { true, "", "bad_credential", "whole path" },
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        err = (struct err)ERR_INIT;
        const char *directory = rows[i].systemd ? folder.path : NULL;
        ck_assert_int_lt(credential_load(directory, rows[i].where, &credential, &err), 0);
        ck_assert_str_eq(err.id, rows[i].id);
        ck_assert_int_eq(err.class, ERR_CONFIG);
        ck_assert_msg(strstr(err.hint, rows[i].hint) != NULL, "%s", err.hint);
    }
}
END_TEST

START_TEST(what_is_no_file_is_refused_and_never_waited_for)
{
    cleanup(free_ptr) char *fifo = xasprintf("%s/fifo", folder.path);
    ck_assert_int_eq(mkfifo(fifo, 0600), 0);
    ck_assert_int_lt(credential_load(NULL, fifo, &credential, &err), 0);
    ck_assert_str_eq(err.id, "bad_credential");
    err = (struct err)ERR_INIT;
    ck_assert_int_lt(credential_load(NULL, folder.path, &credential, &err), 0);
    ck_assert_str_eq(err.id, "bad_credential");
}
END_TEST

START_TEST(a_file_larger_than_keys_are_is_refused)
{
    cleanup(free_ptr) char *text = xcalloc(CREDENTIAL_MAX_BYTES + 2, 1);
    memset(text, '#', CREDENTIAL_MAX_BYTES + 1);
    memcpy(text, PAIR, strlen(PAIR));
    cleanup(free_ptr) char *path = put("large", text, 0600);
    ck_assert_int_lt(credential_load(NULL, path, &credential, &err), 0);
    ck_assert_str_eq(err.id, "bad_credential");
    text[CREDENTIAL_MAX_BYTES] = 0;
    cleanup(free_ptr) char *fits = put("fits", text, 0600);
    ck_assert_int_eq(credential_load(NULL, fits, &credential, NULL), 0);
}
END_TEST

static int parse(const char *text)
{
    cleanup(free_ptr) char *own = xstrdup(text);
    credential_release(&credential);
    err = (struct err)ERR_INIT;
    return credential_parse("k", own, strlen(own), &credential, &err);
}

START_TEST(the_forms_that_people_have_are_read)
{
    static const char *const texts[] = {
        PAIR,
        "access_key_secret=s3cr3t\naccess_key_id=LTAI5tKEY",
        "# main\r\n\r\n\taccess_key_id\t=\tLTAI5tKEY\t\r\n access_key_secret = s3cr3t \r\n",
        "aws_access_key_id = LTAI5tKEY\naws_secret_access_key = s3cr3t\n",
    };
    for (size_t i = 0; i < ARRAY_LEN(texts); i++) {
        ck_assert_msg(parse(texts[i]) == 0, "%s", err.text);
        ck_assert_str_eq(credential.id, "LTAI5tKEY");
        ck_assert_str_eq(credential.secret, "s3cr3t");
        ck_assert_ptr_null(credential.token);
    }
    // A secret may hold what separates keys from values.
    ck_assert_int_eq(parse("access_key_id = a\naccess_key_secret = b=c#d==\n"), 0);
    ck_assert_str_eq(credential.secret, "b=c#d==");
}
END_TEST

START_TEST(mistakes_are_told_by_line_without_values)
{
    static const struct {
        const char *text, *told;
    } rows[] = {
        { "", "access_key_id" },
        { "access_key_id = a\n", "access_key_secret" },
        { "access_key_secret = SESAME\n", "access_key_id" },
        { "LTAI\nSESAME\n", "line 1" },
        { PAIR "SESAME\n", "line 3" },
        { PAIR "password = SESAME\n", "line 3" },
        { PAIR "access_key_secret = SESAME\n", "line 3" },
        { "access_key_id =\n", "line 1" },
        { "access_key_id = SES AME\n", "line 1" },
        { "access_key_id = SESAME\x01\n", "line 1" },
        { "access_key_id = SESAME\xC3\xA4\n", "line 1" },
        { "Access_Key_Id = SESAME\n", "line 1" },
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        ck_assert_int_lt(parse(rows[i].text), 0);
        ck_assert_str_eq(err.id, "bad_credential");
        ck_assert_msg(strstr(err.text, rows[i].told) != NULL, "%s", err.text);
        ck_assert_ptr_null(strstr(err.text, "SESAME"));
        ck_assert_ptr_null(strstr(err.hint, "SESAME"));
        ck_assert_ptr_nonnull(strstr(err.hint, "access_key_secret ="));
    }
    char nul[] = PAIR "\0SESAME";
    ck_assert_int_lt(credential_parse("k", nul, sizeof nul, &credential, &err), 0);
}
END_TEST

START_TEST(a_single_secret_is_a_file_of_one_word)
{
    static const struct {
        const char *text, *secret;
    } rows[] = {
        { "whsec_abc", "whsec_abc" },
        { "whsec_abc\n", "whsec_abc" },
        { "sk-1\r\n", "sk-1" },
        { "", NULL },
        { "\n", NULL },
        { "a\nb\n", NULL },
        { "a b", NULL },
        { "\xC3\xA4", NULL },
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        cleanup(secret_free) char *secret = NULL;
        cleanup(free_ptr) char *path = put("secret", rows[i].text, 0600);
        int r = credential_load_secret(NULL, path, &secret, &err);
        ck_assert_msg((r == 0) == (rows[i].secret != NULL), "row %zu", i);
        if (r == 0)
            ck_assert_str_eq(secret, rows[i].secret);
        else
            ck_assert_str_eq(err.id, "bad_credential");
        ck_assert_int_eq(unlinkat(folder.fd, "secret", 0), 0);
    }
}
END_TEST

START_TEST(what_systemd_hands_over_is_only_ours_where_it_did)
{
    ck_assert(credential_is_ours(NULL, NULL));
    ck_assert(credential_is_ours(NULL, "/etc/key"));
    ck_assert(credential_is_ours("/run/credentials/clipspool.service", "key"));
    ck_assert(!credential_is_ours(NULL, "key"));
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("credential");
    TCase *tcase = tcase_create("credential");
    tcase_add_checked_fixture(tcase, set_up, tear_down);
    tcase_add_test(tcase, a_pair_is_read_from_a_file_of_ours_alone);
    tcase_add_loop_test(tcase, a_file_that_others_may_touch_is_refused, 0,
                        (int)ARRAY_LEN(open_modes));
    tcase_add_test(tcase, a_file_of_another_user_is_refused);
    tcase_add_test(tcase, a_link_is_judged_by_what_it_leads_to);
    tcase_add_test(tcase, a_name_is_one_that_systemd_hands_over);
    tcase_add_test(tcase, what_is_not_there_is_told_with_a_remedy);
    tcase_add_test(tcase, what_is_no_file_is_refused_and_never_waited_for);
    tcase_add_test(tcase, a_file_larger_than_keys_are_is_refused);
    tcase_add_test(tcase, the_forms_that_people_have_are_read);
    tcase_add_test(tcase, mistakes_are_told_by_line_without_values);
    tcase_add_test(tcase, a_single_secret_is_a_file_of_one_word);
    tcase_add_test(tcase, what_systemd_hands_over_is_only_ours_where_it_did);
    suite_add_tcase(suite, tcase);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_ENV);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
