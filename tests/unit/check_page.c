// The page of a batch says what its status says, and nothing in it is more than text.
#include "base/base.h"
#include "spool/page.h"

#include <check.h>

#define HOSTILE "<script>alert('1')</script> & \\\"x\\\""
#define SHOWN "&lt;script&gt;alert(&#39;1&#39;)&lt;/script&gt; &amp; &quot;x&quot;"

static const struct {
    const char *name, *status, *has, *has_not;
} rows[] = {
    { "nothing", "{}", "<!DOCTYPE html>", "<video" },
    { "no status at all", "[1]", "<!DOCTYPE html>", "<video" },
    { "a name", "{\"batch\": \"" HOSTILE "\"}", "<h1>" SHOWN "</h1>", "<script" },
    { "a reel", "{\"final\": {\"path\": \"final.mp4\", \"duration\": 61.5}}", "src=\"final.mp4\"",
      "storage" },
    { "a reel in a bucket alone",
      "{\"final\": {\"path\": null, \"url\": \"https://b.example/final.mp4?a=1&b=2\"}}",
      "href=\"https://b.example/final.mp4?a=1&amp;b=2\"", "<video" },
    { "a link that is a program", "{\"final\": {\"url\": \"javascript:alert(1)\"}}", "<body>",
      "javascript" },
    { "pictures that were copied", "{\"final\": {\"frames_copied\": 97, \"frames_encoded\": 3}}",
      "97.0 % of the pictures are those of the originals", "encoded because" },
    { "why nothing was copied",
      "{\"final\": {\"frames_copied\": 0, \"frames_encoded\": 3, \"fallback_reason\": \"" HOSTILE
      "\"}}",
      "encoded because " SHOWN, "<script" },
    { "a failure", "{\"error\": {\"message\": \"" HOSTILE "\", \"hint\": \"drop it again\"}}",
      "<p class=\"bad\">" SHOWN "</p>\n<p>drop it again</p>", "<script" },
    { "a video",
      "{\"videos\": [{\"name\": \"" HOSTILE
      "\", \"duration\": 65, \"width\": 320, \"height\": 240, \"fps\": 25}]}",
      "<tr><td>" SHOWN "</td><td class=\"n\">1:05</td><td class=\"n\">320x240, 25/s</td>",
      "<script" },
    { "a warning", "{\"videos\": [{\"warnings\": [\"" HOSTILE "\", 7]}]}",
      "<p class=\"odd\">" SHOWN "</p>", "<script" },
    { "a clip",
      "{\"videos\": [{\"name\": \"a.mp4\"}], \"clip_plan\": {\"segments\": [{\"video_index\": 0, "
      "\"start\": 61, \"end\": 65, \"reason\": \"" HOSTILE "\"}]}}",
      "<td>a.mp4</td><td class=\"n\">1:01 to 1:05</td><td class=\"n\">4.0 s</td><td>" SHOWN "</td>",
      "<script" },
    { "a clip of no video", "{\"clip_plan\": {\"segments\": [{\"video_index\": 1e17}]}}", "Clips",
      "<script" },
    { "a plan that had to do", "{\"clip_plan\": {\"degraded\": \"the model did not answer\"}}",
      "<p class=\"odd\">the model did not answer</p>", "What it cost" },
    { "a receipt",
      "{\"receipt\": {\"tokens_used\": 1200, \"cost\": 0.25, \"cost_at_most\": 0.5, \"currency\": "
      "\"EUR\", \"savings\": 0.9}}",
      "1200 tokens were billed, which cost 0.2500 EUR, or with calls whose answer never came, at "
      "most 0.5000 EUR",
      "null" },
    { "a receipt without prices", "{\"receipt\": {\"tokens_used\": 1200, \"cost\": null}}",
      "1200 tokens were billed</p>", "which cost" },
    { "stages", "{\"stages\": {\"compress\": {\"duration_seconds\": 47}}}",
      "<td>compress</td><td>0:47</td>", "<script" },
    { "texts for numbers",
      "{\"videos\": [{\"duration\": \"long\", \"size_bytes\": -1}], \"final\": {\"width\": []}}",
      "Videos", "nan" },
};

START_TEST(a_page_says_what_its_status_says)
{
    cleanup(json_free) json_t *status = NULL;
    ck_assert_int_eq(json_parse(rows[_i].status, strlen(rows[_i].status), &status, NULL), 0);
    cleanup(free_ptr) char *page = page_from_status(status);
    ck_assert_msg(strstr(page, rows[_i].has) != NULL, "%s:\n%s", rows[_i].name, page);
    ck_assert_msg(strstr(page, rows[_i].has_not) == NULL, "%s:\n%s", rows[_i].name, page);
    ck_assert_msg(strstr(page, "</html>\n") != NULL, "%s:\n%s", rows[_i].name, page);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("page");
    TCase *tcase = tcase_create("page");
    tcase_add_loop_test(tcase, a_page_says_what_its_status_says, 0, ARRAY_LEN(rows));
    suite_add_tcase(suite, tcase);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_ENV);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed > 0;
}
