// status.json as a person reads it: words for states, columns for videos, a remedy under each
// error.
#include "cli/view.h"
#include "base/fs.h"
#include "base/text.h"
#include "cli/screen.h"
#include "spool/plan.h"

#include <errno.h>
#include <fcntl.h>
#include <math.h>

enum {
    NAME_COLUMNS = 28, // of a video's name; a longer one is cut, so that the columns stay
    MAX_WARNINGS = 50, // as status.json holds at most
};

static const char *const activities[STATUS_COUNT] = {
    [STATUS_QUEUED] = "waiting for its turn",
    [STATUS_PREPARING] = "looking at the videos",
    [STATUS_DOWNLOADING] = "fetching the videos",
    [STATUS_COMPRESSING] = "watching and listening",
    [STATUS_UPLOADING_TEMP] = "uploading the small copies",
    [STATUS_ANALYZING] = "looking for the best moments",
    [STATUS_GENERATING_PLAN] = "choosing the moments",
    [STATUS_AWAITING_REVIEW] = "waiting for your approval",
    [STATUS_CLIPPING] = "cutting the reel",
    [STATUS_MERGING] = "joining the reel",
    [STATUS_UPLOADING_FINAL] = "delivering the reel",
    [STATUS_CLEANUP] = "tidying up",
    [STATUS_COMPLETED] = "finished",
    [STATUS_FAILED] = "failed",
    [STATUS_CANCELLED] = "cancelled",
};

static int word_of(const char *text)
{
    for (int i = 0; i < STATUS_COUNT; i++)
        if (text && !strcmp(text, status_words[i]))
            return i;
    return -1;
}

int view_load(int outboxdir, const char *name, struct view *view, struct err *err)
{
    cleanup(close_fd) int dir = fs_open(outboxdir, name, O_RDONLY | O_DIRECTORY);
    if (dir == -ENOENT)
        return -ENOENT;
    if (dir < 0)
        return err_errno(err, -dir, "open the folder of the batch");
    cleanup(json_free) json_t *json = NULL;
    int r = json_read(dir, "status.json", VIEW_MAX_BYTES, &json, err);
    if (r < 0)
        return r;
    if (!json_is_object(json))
        return err_set(err, ERR_INPUT, "bad_json", "status.json: not an object");
    struct view seen = {
        .word = word_of(json_text(json, "status", NULL, NULL)),
        .progress = json_number(json, "progress", 0, 100, 0, NULL),
        .remaining = json_number(json, "estimated_remaining_seconds", 0, 1e8, -1, NULL),
        .videos = (int)json_int(json, "total_videos", 0, VIEW_MAX_VIDEOS, 0, NULL),
        .processed = (int)json_int(json, "processed_videos", 0, VIEW_MAX_VIDEOS, 0, NULL),
        .stage = json_text(json, "stage", NULL, NULL),
        .waiting_for = json_text(json, "waiting_for", NULL, NULL),
        .updated_at = json_text(json, "updated_at", NULL, NULL),
    };
    seen.json = TAKE(json);
    *view = seen;
    return 0;
}

void view_release(struct view *view)
{
    json_free(&view->json);
    *view = (struct view)VIEW_INIT;
}

bool view_is_final(const struct view *view)
{
    return view->word >= 0 && status_is_final((enum status_word)view->word);
}

// ", without 2 of 5 videos" of a reel that was made all the same, or nothing.  The caller owns it.
static char *missing_videos(const struct view *view)
{
    size_t i, failed = 0;
    const json_t *video, *videos = json_object_get(view->json, "videos");
    json_array_foreach(videos, i, video)
    {
        failed += i < VIEW_MAX_VIDEOS && json_is_object(json_object_get(video, "error"));
    }
    if (view->word != STATUS_COMPLETED || failed == 0)
        return xstrdup("");
    return xasprintf(", without %zu of %zu videos", failed, json_array_size(videos));
}

char *view_activity(const struct view *view)
{
    if (view->word < 0)
        return screen_safe(json_text(view->json, "status", "unknown", NULL));
    if (view->waiting_for && !view_is_final(view)) {
        cleanup(free_ptr) char *reason = screen_safe(view->waiting_for);
        return xasprintf("waiting: %s", reason);
    }
    cleanup(free_ptr) char *missing = missing_videos(view);
    return xasprintf("%s%s", activities[view->word], missing);
}

char *view_remaining(const struct view *view)
{
    char clock[TEXT_TIME_SIZE];
    if (view->remaining < 0 || view_is_final(view))
        return xstrdup("");
    return xasprintf("about %s left", text_clock(ceil(view->remaining), clock));
}

// Each line of foreign text behind the indent.
static void print_lines(FILE *out, const char *text, const char *indent)
{
    cleanup(free_ptr) char *safe = screen_safe_lines(text);
    for (const char *line = safe, *end; *line; line = *end ? end + 1 : end) {
        end = line + strcspn(line, "\n");
        fprintf(out, "%s%.*s\n", indent, (int)(end - line), line);
    }
}

bool view_print_error(const json_t *object, const char *indent, FILE *out)
{
    const json_t *error = json_object_get(object, "error");
    if (!json_is_object(error))
        return false;
    cleanup(free_ptr) char *deeper = xasprintf("%s  ", indent);
    print_lines(out, json_text(error, "message", "no reason is given", NULL), indent);
    print_lines(out, json_text(error, "hint", "", NULL), deeper);
    return true;
}

static void print_strings(const json_t *strings, const char *indent, FILE *out)
{
    size_t i;
    const json_t *string;
    json_array_foreach(strings, i, string)
    {
        if (json_is_string(string) && i < MAX_WARNINGS)
            print_lines(out, json_string_value(string), indent);
    }
}

static void print_warnings(const json_t *video, const char *indent, FILE *out)
{
    print_strings(json_object_get(video, "warnings"), indent, out);
}

static char *video_facts(const json_t *video)
{
    char clock[TEXT_TIME_SIZE], bytes[TEXT_TIME_SIZE];
    double duration = json_number(video, "duration", 0, 1e8, 0, NULL);
    int width = (int)json_int(video, "width", 0, 1000000, 0, NULL);
    int height = (int)json_int(video, "height", 0, 1000000, 0, NULL);
    int64_t size = json_int(video, "size_bytes", 0, INT64_MAX, 0, NULL);
    text_bytes((uint64_t)size, bytes);
    if (!width)
        return xasprintf("%18s  %s", "", size ? bytes : "");
    return xasprintf("%8s  %4dx%-4d  %s", text_clock(duration, clock), width, height, bytes);
}

static void print_video(const json_t *video, FILE *out)
{
    cleanup(free_ptr) char *name = screen_safe(json_text(video, "name", "?", NULL));
    cleanup(free_ptr) char *padded = screen_pad(name, NAME_COLUMNS);
    cleanup(free_ptr) char *state = screen_safe(json_text(video, "status", "", NULL));
    cleanup(free_ptr) char *short_state = screen_pad(state, 12);
    cleanup(free_ptr) char *facts = video_facts(video);
    int number = (int)json_int(video, "index", 0, VIEW_MAX_VIDEOS, 0, NULL) + 1;
    fprintf(out, "  %3d  %s  %s %s\n", number, padded, short_state, facts);
    (void)view_print_error(video, "       ", out);
    print_warnings(video, "       ", out);
}

// Where the segments of the reel come from, and why they were chosen.
static void print_plan(const json_t *plan, const json_t *videos, FILE *out)
{
    size_t i;
    const json_t *segment;
    json_array_foreach(json_object_get(plan, "segments"), i, segment)
    {
        if (i >= PLAN_MAX_SEGMENTS)
            break;
        char start[TEXT_TIME_SIZE], end[TEXT_TIME_SIZE];
        text_clock(json_number(segment, "start", 0, 1e8, 0, NULL), start);
        text_clock(json_number(segment, "end", 0, 1e8, 0, NULL), end);
        int64_t index = json_int(segment, "video_index", 0, VIEW_MAX_VIDEOS, 0, NULL);
        const json_t *video = json_array_get(videos, (size_t)index);
        cleanup(free_ptr) char *name = screen_safe(json_text(video, "name", "?", NULL));
        cleanup(free_ptr) char *padded = screen_pad(name, NAME_COLUMNS);
        cleanup(free_ptr) char *reason = screen_safe(json_text(segment, "reason", "", NULL));
        fprintf(out, "%s  %s  %5s - %-5s  %s\n", i ? "      " : "  plan", padded, start, end,
                reason);
    }
    print_lines(out, json_text(plan, "degraded", "", NULL), "        ");
    print_strings(json_object_get(plan, "notes"), "        ", out);
}

static void print_reel(const json_t *final, FILE *out)
{
    const char *bucket = json_text(final, "bucket", NULL, NULL);
    const char *path = json_text(final, "path", json_text(final, "key", NULL, NULL), NULL);
    if (!path)
        return;
    char clock[TEXT_TIME_SIZE], bytes[TEXT_TIME_SIZE];
    text_clock(json_number(final, "duration", 0, 1e8, 0, NULL), clock);
    text_bytes((uint64_t)json_int(final, "size_bytes", 0, INT64_MAX, 0, NULL), bytes);
    cleanup(free_ptr) char *safe = screen_safe(path), *storage = screen_safe(bucket ? bucket : "");
    fprintf(out, "  reel  %s  %s  %s%s%s\n", safe, clock, bytes, bucket ? "  in storage " : "",
            storage);
}

static void print_money(const json_t *receipt, FILE *out)
{
    double cost = json_number(receipt, "cost", 0, 1e15, -1, NULL);
    double at_most = json_number(receipt, "cost_at_most", 0, 1e15, -1, NULL);
    cleanup(free_ptr) char *currency = screen_safe(json_text(receipt, "currency", "", NULL));
    if (cost >= 0)
        fprintf(out, ", %.4f %s", cost, currency);
    if (cost >= 0 && at_most > cost)
        fprintf(out, " (up to %.4f: an answer never came)", at_most);
}

// What models were asked, and what it cost.
static void print_receipt(const json_t *receipt, FILE *out)
{
    size_t i, kept = 0;
    const json_t *call, *calls = json_object_get(receipt, "calls");
    if (!json_is_object(receipt))
        return;
    json_array_foreach(calls, i, call)
    {
        kept += json_flag(call, "kept", false, NULL);
    }
    size_t asked = json_array_size(calls) - kept;
    if (asked == 1)
        fputs("  models  asked once", out);
    else
        fprintf(out, "  models  asked %zu times", asked);
    if (kept > 0)
        fprintf(out, ", %zu answer%s kept from before", kept, kept == 1 ? "" : "s");
    fprintf(out, "  %lld tokens",
            (long long)json_int(receipt, "tokens_used", 0, INT64_MAX, 0, NULL));
    print_money(receipt, out);
    double savings = json_number(receipt, "savings", 0, 1, 0, NULL);
    if (savings >= 0.005)
        fprintf(out, "  about %.0f %% less than for the originals", 100 * savings);
    fputc('\n', out);
}

bool view_print_webhook(const struct view *view, const char *indent, FILE *out)
{
    const json_t *webhook = json_object_get(view->json, "webhook");
    if (!json_is_object(webhook))
        return false;
    cleanup(free_ptr) char *host = screen_safe(json_text(webhook, "url", "?", NULL));
    const char *status = json_text(webhook, "status", "", NULL);
    const char *message = json_text(webhook, "message", NULL, NULL);
    cleanup(free_ptr) char *safe = screen_safe(message ? message : "");
    bool delivered = !strcmp(status, "delivered"), failed = !strcmp(status, "failed");
    fprintf(out, "%swebhook  %s  %s%s%s\n", indent, host,
            delivered ? "delivered" : (failed ? "not delivered" : "not delivered yet"),
            message ? ": " : "", safe);
    return true;
}

void view_print(const struct view *view, const char *name, FILE *out)
{
    cleanup(free_ptr) char *safe = screen_safe(name), *activity = view_activity(view);
    cleanup(free_ptr) char *left = view_remaining(view);
    fprintf(out, "%s: %s", safe, activity);
    if (!view_is_final(view))
        fprintf(out, ", %.0f %%%s%s", floor(view->progress), *left ? ", " : "", left);
    fputc('\n', out);
    (void)view_print_error(view->json, "  ", out);
    size_t i;
    const json_t *video;
    json_array_foreach(json_object_get(view->json, "videos"), i, video)
    {
        if (i < VIEW_MAX_VIDEOS)
            print_video(video, out);
    }
    print_plan(json_object_get(view->json, "clip_plan"), json_object_get(view->json, "videos"),
               out);
    print_reel(json_object_get(view->json, "final"), out);
    print_receipt(json_object_get(view->json, "receipt"), out);
    if (view_is_final(view))
        (void)view_print_webhook(view, "  ", out);
}

unsigned view_print_errors(const struct view *view, FILE *out)
{
    unsigned failed = 0;
    size_t i;
    const json_t *video, *whole = json_object_get(view->json, "error");
    json_array_foreach(json_object_get(view->json, "videos"), i, video)
    {
        const json_t *error = json_object_get(video, "error");
        bool has_error = json_is_object(error);
        bool has_warning = json_array_size(json_object_get(video, "warnings")) > 0;
        if (i >= VIEW_MAX_VIDEOS || (!has_error && !has_warning))
            continue;
        cleanup(free_ptr) char *name = screen_safe(json_text(video, "name", "?", NULL));
        fprintf(out, "%s:\n", name);
        (void)view_print_error(video, "  ", out);
        print_warnings(video, "  ", out);
        failed += has_error;
        // A batch of one fails with the words of its video.
        if (has_error &&
            json_equal(json_object_get(error, "message"), json_object_get(whole, "message")))
            whole = NULL;
    }
    if (whole)
        (void)view_print_error(view->json, "  ", out);
    return failed;
}
