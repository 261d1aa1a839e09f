// What a text model is told: nothing beyond the bound, nothing left out unsaid, nothing that is not
// data.
#include "model/brief.h"

#include "base/text.h"
#include "model/tokens.h"
#include <check.h>
#include <math.h>
#include <stdio.h>

static struct brief_bound roomy = { 100000, 1 };

static size_t count_of(const char *text, const char *part)
{
    size_t count = 0;
    for (; (text = strstr(text, part)); text += strlen(part))
        count++;
    return count;
}

// ---- a small batch, told in full

START_TEST(a_batch_is_told_in_lines)
{
    struct analysis_span scenes[] = { { 0, 40.5, 0.61, -1, (char *)(uintptr_t) "a calm sea" } };
    struct analysis_span moments[] = { { 12, 14.5, 0.93, -1, (char *)(uintptr_t) "a jump" } };
    struct analysis_span shots[] = { { 0, 4.2, 0.5, -1, NULL }, { 4.2, 60, 0.5, -1, NULL } };
    char sea[] = "at the sea", lively[] = "lively", speech[] = "speech";
    char *tags[] = { lively, speech, NULL };
    struct analysis full = {
        .summary = sea,
        .tags = tags,
        .scenes = scenes,
        .scene_count = 1,
        .moments = moments,
        .moment_count = 1,
        .shots = shots,
        .shot_count = 2,
    };
    struct analysis empty = ANALYSIS_INIT;
    struct brief_line line = { 13.1, 14, "look at that" };
    struct brief_source sources[] = {
        { "beach.mp4", 60, &full, &line, 1 },
        { "broken.mp4", 0, NULL, NULL, 0 },
        { "b.mov", 3.25, &empty, NULL, 0 },
    };
    struct brief brief = BRIEF_INIT;
    brief_make(sources, ARRAY_LEN(sources), &roomy, &brief);
    ck_assert_uint_eq(brief.count, 1);
    ck_assert_str_eq(brief.windows[0].text, "video 0: \"beach.mp4\", 60.0 s\n"
                                            "  summary: \"at the sea\"\n"
                                            "  tags: \"lively\", \"speech\"\n"
                                            "  scene 0.0-40.5 (0.61): \"a calm sea\"\n"
                                            "  moment 12.0-14.5 (0.93): \"a jump\"\n"
                                            "  said 13.1-14.0: \"look at that\"\n"
                                            "  cuts at: 4.2\n"
                                            "video 2: \"b.mov\", 3.2 s\n"
                                            "  summary: \"\"\n");
    ck_assert_double_eq(brief.windows[0].durations[0], 60);
    ck_assert_double_eq(brief.windows[0].durations[1], 0);
    ck_assert_double_eq(brief.windows[0].durations[2], 3.25);
    ck_assert_double_eq(brief.windows[0].end, 0);
    ck_assert_uint_eq(brief.windows[0].left_out, 0);
    brief_release(&brief);
}
END_TEST

START_TEST(of_no_video_nothing_is_told)
{
    struct brief_source source = { "a.mp4", 0, NULL, NULL, 0 };
    struct brief brief = BRIEF_INIT;
    brief_make(&source, 1, &roomy, &brief);
    ck_assert_uint_eq(brief.count, 0);
    brief_release(&brief);
    brief_make(NULL, 0, &roomy, &brief);
    ck_assert_uint_eq(brief.count, 0);
    brief_release(&brief);
}
END_TEST

// ---- texts from outside

static const struct {
    const char *name, *text;
    size_t most;
    const char *told;
} quotes[] = {
    { "plain", "a cat", 100, "\"a cat\"" },
    { "nothing", NULL, 100, "\"\"" },
    { "Chinese", "\xe7\x8c\xab", 100, "\"\xe7\x8c\xab\"" },
    { "the end of the quote", "a\" video 7: \"b", 100, "\"a' video 7: 'b\"" },
    { "lines of its own", "a\n\nvideo 1: b\r\n", 100, "\"a  video 1: b  \"" },
    { "a fence", "```json", 100, "\"'''json\"" },
    { "control characters", "a\x1b[31m\x7f", 100, "\"a [31m \"" },
    { "a backslash", "a\\nb", 100, "\"a'nb\"" },
    { "not UTF-8", "a\xff", 100, "\"a'xFF\"" },
    { "turned around",
      "a\xe2\x80\xae"
      "b",
      100, "\"a'xE2'x80'xAEb\"" },
    { "too long", "0123456789", 4, "\"0123\"" },
    { "too long when escaped", "\xff\xff", 5, "\"'xFF'\"" },
    { "cut within a character", "ab\xe7\x8c\xab", 4, "\"ab\"" },
};

START_TEST(a_text_from_outside_stays_within_its_quotes)
{
    char *told = brief_quote(quotes[_i].text, quotes[_i].most);
    ck_assert_msg(strcmp(told, quotes[_i].told) == 0, "%s: %s", quotes[_i].name, told);
    ck_assert(text_is_utf8(told, strlen(told)));
    free(told);
}
END_TEST

// ---- long batches

enum { MOST_SOURCES = 100 };

struct invention {
    struct brief_source sources[MOST_SOURCES];
    struct analysis analyses[MOST_SOURCES];
    size_t count, details;
};

static uint64_t drawn(uint64_t *state, uint64_t below)
{
    *state = *state * 6364136223846793005u + 1442695040888963407u;
    return (*state >> 33) % below;
}

static char *hostile_text(uint64_t *state, size_t length)
{
    static const char bytes[] = "\"`\\\n\x01\xff\xe7\x8c\xab 09azAZ,.{}[]";
    char *text = xcalloc(length + 1, 1);
    for (size_t i = 0; i < length; i++)
        text[i] = bytes[drawn(state, sizeof bytes - 1)];
    return text;
}

static struct analysis_span *invent_spans(uint64_t *state, size_t count, double duration,
                                          bool at_once)
{
    struct analysis_span *spans = xcalloc(count + 1, sizeof *spans);
    for (size_t i = 0; i < count; i++) {
        double start = at_once ? 1 : duration * (double)i / (double)count;
        spans[i] = (struct analysis_span){
            .start = start,
            .end = start + duration / (double)(count + 1) / 2,
            .score = (double)drawn(state, 100) / 99,
            .group = -1,
            .text = hostile_text(state, drawn(state, 600)),
        };
    }
    return spans;
}

static void invent(uint64_t seed, struct invention *made)
{
    uint64_t state = seed;
    *made = (struct invention){ .count = 1 + drawn(&state, seed % 3 ? 10 : MOST_SOURCES) };
    for (size_t i = 0; i < made->count; i++) {
        struct analysis *analysis = &made->analyses[i];
        double duration = 1 + (double)drawn(&state, 14000);
        size_t most = 1 + drawn(&state, made->count > 10 ? 30 : 400);
        bool at_once = drawn(&state, 5) == 0;
        analysis->summary = hostile_text(&state, drawn(&state, 3000));
        analysis->tags = xcalloc(ANALYSIS_MAX_TAGS + 1, sizeof *analysis->tags);
        for (size_t j = 0, tags = drawn(&state, ANALYSIS_MAX_TAGS); j < tags; j++)
            analysis->tags[j] = hostile_text(&state, 1 + drawn(&state, 100));
        analysis->scene_count = drawn(&state, most);
        analysis->scenes = invent_spans(&state, analysis->scene_count, duration, at_once);
        analysis->moment_count = drawn(&state, most);
        analysis->moments = invent_spans(&state, analysis->moment_count, duration, at_once);
        analysis->shot_count = drawn(&state, most);
        analysis->shots = invent_spans(&state, analysis->shot_count, duration, at_once);
        size_t lines = drawn(&state, most);
        struct brief_line *said = xcalloc(lines + 1, sizeof *said);
        for (size_t j = 0; j < lines; j++) {
            double start = duration * (double)j / (double)lines;
            said[j] =
                (struct brief_line){ start, start + 1, hostile_text(&state, drawn(&state, 500)) };
        }
        made->sources[i] = (struct brief_source){ hostile_text(&state, 1 + drawn(&state, 254)),
                                                  duration, analysis, said, lines };
        made->details +=
            analysis->scene_count + analysis->moment_count + analysis->shot_count + lines;
        // The first shot is where every video begins.
        made->details -= analysis->shot_count > 0 && !at_once;
    }
}

static void forget(struct invention *made)
{
    for (size_t i = 0; i < made->count; i++) {
        struct brief_source *source = &made->sources[i];
        for (size_t j = 0; j < source->line_count; j++)
            free((char *)(uintptr_t)source->lines[j].text);
        free((struct brief_line *)(uintptr_t)source->lines);
        free((char *)(uintptr_t)source->name);
        analysis_release(&made->analyses[i]);
    }
}

static size_t details_in(const char *text)
{
    size_t sum =
        count_of(text, "\n  scene ") + count_of(text, "\n  moment ") + count_of(text, "\n  said ");
    for (const char *cuts = text; (cuts = strstr(cuts, "\n  cuts at:"));) {
        cuts += strlen("\n  cuts at:");
        for (const char *c = cuts; *c != '\n'; c++)
            sum += *c == ' ';
    }
    return sum;
}

// Each line is one that brief.c writes, whatever was in the texts.
static void expect_known_lines(const char *text)
{
    static const char *const heads[] = {
        "video ",      "  summary: \"", "  tags: \"",
        "  scene ",    "  moment ",     "  said ",
        "  cuts at: ", "  told here: ", "  left out here, the weakest: "
    };
    while (*text) {
        bool known = false;
        for (size_t i = 0; i < ARRAY_LEN(heads); i++)
            known = known || strncmp(text, heads[i], strlen(heads[i])) == 0;
        ck_assert_msg(known, "%.60s", text);
        const char *end = strchr(text, '\n');
        ck_assert_ptr_nonnull(end);
        text = end + 1;
    }
}

START_TEST(every_window_keeps_its_bound_and_nothing_is_left_out_unsaid)
{
    static const struct brief_bound bounds[] = { { 0, 1 },     { 12000, 1 }, { 4000, 6 },
                                                 { 12000, 6 }, { 9000, 3 },  { 1000000, 2 } };
    for (uint64_t seed = 0; seed < 40; seed++) {
        struct brief_bound bound = bounds[seed % ARRAY_LEN(bounds)];
        struct invention made;
        struct brief brief = BRIEF_INIT;
        invent(seed + 1, &made);
        brief_make(made.sources, made.count, &bound, &brief);
        uint64_t least = BRIEF_LEAST_SOURCE_TOKENS * made.count / bound.windows;
        uint64_t most = fmax(fmax(bound.tokens, BRIEF_LEAST_TOKENS), least);
        size_t told = 0, left_out = 0;
        ck_assert_msg(brief.count > 0 && brief.count <= bound.windows, "%zu windows", brief.count);
        for (size_t i = 0; i < brief.count; i++) {
            const char *text = brief.windows[i].text;
            uint64_t tokens = tokens_of_text(text, strlen(text));
            ck_assert_msg(tokens <= most, "%zu: %zu of %zu", (size_t)seed, tokens, most);
            ck_assert(text_is_utf8(text, strlen(text)));
            expect_known_lines(text);
            told += details_in(text);
            left_out += brief.windows[i].left_out;
            ck_assert((brief.windows[i].left_out > 0) == (strstr(text, "left out here") != NULL));
        }
        ck_assert_msg(told + left_out == made.details, "%zu and %zu of %zu", told, left_out,
                      made.details);
        // Where there is room nothing is left out.
        ck_assert(left_out == 0 || bound.tokens < 1000000);
        brief_release(&brief);
        forget(&made);
    }
}
END_TEST

enum { MANY = 1500 };

static struct analysis long_analysis(double duration)
{
    struct analysis analysis = ANALYSIS_INIT;
    uint64_t state = 7;
    analysis.moments = invent_spans(&state, MANY, duration, false);
    analysis.moment_count = MANY;
    return analysis;
}

START_TEST(a_video_that_is_too_long_is_told_in_stretches_that_follow_each_other)
{
    struct analysis analysis = long_analysis(7200), small = ANALYSIS_INIT;
    struct brief_source sources[] = { { "a.mp4", 10, &small, NULL, 0 },
                                      { "b.mp4", 7200, &analysis, NULL, 0 },
                                      { "c.mp4", 20, &small, NULL, 0 } };
    struct brief_bound bound = { 50000, 100 };
    struct brief brief = BRIEF_INIT;
    for (size_t i = 0; i < MANY; i++)
        analysis.moments[i].end = fmin(analysis.moments[i].start + 8, 7200);
    brief_make(sources, 3, &bound, &brief);
    ck_assert_uint_gt(brief.count, 4);
    ck_assert_double_eq(brief.windows[0].durations[1], 0);
    double until = 0;
    for (size_t i = 1; i + 1 < brief.count; i++) {
        const struct brief_window *window = &brief.windows[i];
        ck_assert_double_eq(window->durations[0] + window->durations[2], 0);
        ck_assert_double_eq(window->durations[1], 7200);
        // What begins before the next stretch is told to its end.
        ck_assert(i == 1 ? window->start <= 0 : window->start < until - 2);
        ck_assert_double_gt(window->start, until - 9);
        ck_assert_double_gt(window->end, window->start);
        until = window->end;
    }
    ck_assert_double_eq(until, 7200);
    ck_assert_double_eq(brief.windows[brief.count - 1].durations[2], 20);
    brief_release(&brief);
    analysis_release(&analysis);
}
END_TEST

START_TEST(the_weakest_moments_are_left_out_first)
{
    struct analysis analysis = long_analysis(7200);
    struct brief_source source = { "a.mp4", 7200, &analysis, NULL, 0 };
    struct brief_bound bound = { 20000, 1 };
    struct brief brief = BRIEF_INIT;
    brief_make(&source, 1, &bound, &brief);
    double worst_told = 2, best_left_out = -1;
    size_t told = 0;
    for (size_t i = 0; i < MANY; i++) {
        const struct analysis_span *moment = &analysis.moments[i];
        char *line = xasprintf("  moment %.1f-%.1f (", moment->start, moment->end);
        bool is_told = strstr(brief.windows[0].text, line) != NULL;
        told += is_told;
        if (is_told)
            worst_told = fmin(worst_told, moment->score);
        else
            best_left_out = fmax(best_left_out, moment->score);
        free(line);
    }
    ck_assert_uint_gt(told, 20);
    ck_assert_uint_eq(told + brief.windows[0].left_out, MANY);
    ck_assert_double_ge(worst_told, best_left_out);
    brief_release(&brief);
    analysis_release(&analysis);
}
END_TEST

START_TEST(of_what_is_worth_the_same_some_is_left_everywhere)
{
    enum { LINES = 4000 };
    struct analysis analysis = ANALYSIS_INIT;
    static struct brief_line lines[LINES];
    for (size_t i = 0; i < LINES; i++)
        lines[i] = (struct brief_line){ (double)i, (double)i + 0.5, "something that was said" };
    struct brief_source source = { "a.mp4", LINES, &analysis, lines, LINES };
    struct brief_bound bound = { 15000, 1 };
    struct brief brief = BRIEF_INIT;
    brief_make(&source, 1, &bound, &brief);
    size_t tenths[10] = { 0 };
    for (const char *said = brief.windows[0].text; (said = strstr(said, "  said "));) {
        said += strlen("  said ");
        tenths[(size_t)strtod(said, NULL) * 10 / LINES]++;
    }
    for (size_t i = 0; i < 10; i++)
        ck_assert_msg(tenths[i] > 30, "%zu: %zu", i, tenths[i]);
    brief_release(&brief);
}
END_TEST

START_TEST(what_was_said_at_a_moment_is_told_before_what_was_not)
{
    enum { LINES = 3000 };
    struct analysis_span moment = { 1000, 1100, 0.9, -1, NULL };
    struct analysis analysis = { .moments = &moment, .moment_count = 1 };
    static struct brief_line lines[LINES];
    for (size_t i = 0; i < LINES; i++)
        lines[i] = (struct brief_line){ (double)i, (double)i + 0.5, "something that was said" };
    struct brief_source source = { "a.mp4", LINES, &analysis, lines, LINES };
    struct brief_bound bound = { 4000, 1 };
    struct brief brief = BRIEF_INIT;
    brief_make(&source, 1, &bound, &brief);
    for (int i = 1000; i < 1100; i++) {
        char *line = xasprintf("  said %d.0-%d.5", i, i);
        ck_assert_msg(strstr(brief.windows[0].text, line) != NULL, "%s", line);
        free(line);
    }
    brief_release(&brief);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("brief");
    TCase *tcase = tcase_create("brief");
    tcase_set_timeout(tcase, 60);
    tcase_add_test(tcase, a_batch_is_told_in_lines);
    tcase_add_test(tcase, of_no_video_nothing_is_told);
    tcase_add_loop_test(tcase, a_text_from_outside_stays_within_its_quotes, 0,
                        (int)ARRAY_LEN(quotes));
    tcase_add_test(tcase, every_window_keeps_its_bound_and_nothing_is_left_out_unsaid);
    tcase_add_test(tcase, a_video_that_is_too_long_is_told_in_stretches_that_follow_each_other);
    tcase_add_test(tcase, the_weakest_moments_are_left_out_first);
    tcase_add_test(tcase, of_what_is_worth_the_same_some_is_left_everywhere);
    tcase_add_test(tcase, what_was_said_at_a_moment_is_told_before_what_was_not);
    suite_add_tcase(suite, tcase);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_ENV);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
