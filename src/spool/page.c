// A status as a page: what came out, what became of each video, which moments were chosen and why,
// what it cost, where the time went.
#include "spool/page.h"

#include "base/text.h"

#include <math.h>
#include <stdio.h>

static const char head[] =
    "<!DOCTYPE html>\n<html lang=\"en\"><head><meta charset=\"utf-8\">\n"
    "<meta name=\"viewport\" content=\"width=device-width\">\n"
    "<meta http-equiv=\"Content-Security-Policy\" content=\"script-src 'none'; object-src 'none'; "
    "base-uri 'none'; form-action 'none'\">\n"
    "<style>\n"
    ":root { color-scheme: light dark; }\n"
    "body { font: 16px/1.5 system-ui, sans-serif; max-width: 60rem; margin: 2rem auto; padding: 0 "
    "1rem; }\n"
    "h1 { margin-bottom: 0; } h2 { margin: 2rem 0 .5rem; font-size: 1.2rem; }\n"
    "video { width: 100%; max-height: 70vh; background: #000; margin-top: 1rem; }\n"
    "table { border-collapse: collapse; width: 100%; }\n"
    "th, td { text-align: left; vertical-align: top; padding: .3rem .8rem .3rem 0; border-bottom: "
    "1px solid #8885; }\n"
    "th { font-weight: 600; } td.n { text-align: right; white-space: nowrap; }\n"
    ".bad { color: #c33; } .odd { color: #a60; } .small { color: #888; font-size: .9rem; }\n"
    "p { margin: .3rem 0; } td p { margin: 0; }\n"
    "</style>\n";

// ---- pieces

static void put_text(FILE *page, const char *text)
{
    for (; *text; text++) {
        switch (*text) {
        case '&':
            (void)fputs("&amp;", page);
            break;
        case '<':
            (void)fputs("&lt;", page);
            break;
        case '>':
            (void)fputs("&gt;", page);
            break;
        case '"':
            (void)fputs("&quot;", page);
            break;
        case '\'':
            (void)fputs("&#39;", page);
            break;
        default:
            (void)fputc(*text, page);
        }
    }
}

static const char *text_at(const json_t *object, const char *key)
{
    return json_text(object, key, "", NULL);
}

static double number_at(const json_t *object, const char *key)
{
    return json_number(object, key, 0, 1e18, NAN, NULL);
}

// <tag class="class">text</tag>; nothing for an empty text.
static void put_element(FILE *page, const char *tag, const char *class, const char *text)
{
    if (!*text)
        return;
    (void)fprintf(page, "<%s%s%s%s>", tag, *class ? " class=\"" : "", class, *class ? "\"" : "");
    put_text(page, text);
    (void)fprintf(page, "</%s>\n", tag);
}

static void put_clock(FILE *page, double seconds)
{
    char clock[TEXT_TIME_SIZE];
    if (isfinite(seconds))
        (void)fputs(text_clock(seconds, clock), page);
}

static void put_bytes(FILE *page, double bytes)
{
    char text[TEXT_TIME_SIZE];
    if (isfinite(bytes))
        (void)fputs(text_bytes((uint64_t)bytes, text), page);
}

static void begin_table(FILE *page, const char *title, const char *const *columns)
{
    put_element(page, "h2", "", title);
    (void)fputs("<table><tr>", page);
    for (; *columns; columns++)
        put_element(page, "th", "", *columns);
    (void)fputs("</tr>\n", page);
}

static void put_list(FILE *page, const char *class, const json_t *texts)
{
    for (size_t i = 0; i < json_array_size(texts); i++) {
        const char *text = json_string_value(json_array_get(texts, i));
        put_element(page, "p", class, text ? text : "");
    }
}

static void put_error(FILE *page, const json_t *error)
{
    put_element(page, "p", "bad", text_at(error, "message"));
    put_element(page, "p", "", text_at(error, "hint"));
}

// ---- what came out

static bool is_web_link(const char *link)
{
    return strncmp(link, "https://", 8) == 0 || strncmp(link, "http://", 7) == 0;
}

static void put_reel(FILE *page, const json_t *final)
{
    const char *link = text_at(final, "url");
    if (json_is_string(json_object_get(final, "path")))
        (void)fputs("<video controls preload=\"metadata\" src=\"final.mp4\" "
                    "poster=\"cover.jpg\"></video>\n",
                    page);
    if (is_web_link(link)) {
        (void)fputs("<p><a href=\"", page);
        put_text(page, link);
        (void)fputs("\">The reel in the storage</a>", page);
        const char *until = text_at(final, "url_expires_at");
        if (*until) {
            (void)fputs(", until ", page);
            put_text(page, until);
        }
        (void)fputs("</p>\n", page);
    }
}

static void put_final(FILE *page, const json_t *final)
{
    double copied = number_at(final, "frames_copied"), encoded = number_at(final, "frames_encoded");
    double width = number_at(final, "width"), height = number_at(final, "height");
    const char *why = text_at(final, "fallback_reason");
    (void)fputs("<p class=\"small\">", page);
    put_clock(page, number_at(final, "duration"));
    if (isfinite(width) && isfinite(height))
        (void)fprintf(page, ", %.0fx%.0f, ", width, height);
    put_bytes(page, number_at(final, "size_bytes"));
    if (copied > 0 && isfinite(encoded))
        (void)fprintf(page, "; %.1f %% of the pictures are those of the originals, bit for bit",
                      100 * copied / (copied + encoded));
    if (*why) {
        (void)fputs("; encoded because ", page);
        put_text(page, why);
    }
    (void)fputs("</p>\n", page);
}

static void put_outcome(FILE *page, const json_t *status)
{
    const json_t *final = json_object_get(status, "final");
    put_element(page, "p", "", text_at(status, "status"));
    put_error(page, json_object_get(status, "error"));
    if (!json_is_object(final))
        return;
    put_reel(page, final);
    put_final(page, final);
}

// ---- the videos

static void put_video(FILE *page, const json_t *video)
{
    double width = number_at(video, "width"), height = number_at(video, "height");
    (void)fputs("<tr><td>", page);
    put_text(page, text_at(video, "name"));
    (void)fputs("</td><td class=\"n\">", page);
    put_clock(page, number_at(video, "duration"));
    (void)fputs("</td><td class=\"n\">", page);
    if (isfinite(width) && isfinite(height))
        (void)fprintf(page, "%.0fx%.0f, %.4g/s", width, height, number_at(video, "fps"));
    (void)fputs("</td><td class=\"n\">", page);
    put_bytes(page, number_at(video, "size_bytes"));
    (void)fputs("</td><td>", page);
    put_element(page, "p", "", text_at(video, "status"));
    put_error(page, json_object_get(video, "error"));
    put_list(page, "odd", json_object_get(video, "warnings"));
    (void)fputs("</td></tr>\n", page);
}

static void put_videos(FILE *page, const json_t *videos)
{
    static const char *const columns[] = {
        "Video", "Length", "Picture", "Size", "What became of it", NULL
    };
    if (json_array_size(videos) == 0)
        return;
    begin_table(page, "Videos", columns);
    for (size_t i = 0; i < json_array_size(videos); i++)
        put_video(page, json_array_get(videos, i));
    (void)fputs("</table>\n", page);
}

// ---- the clips

static const char *name_of(const json_t *videos, const json_t *segment)
{
    double index = number_at(segment, "video_index");
    return isfinite(index) ? text_at(json_array_get(videos, (size_t)index), "name") : "";
}

static void put_segment(FILE *page, size_t number, const json_t *videos, const json_t *segment)
{
    double start = number_at(segment, "start"), end = number_at(segment, "end");
    (void)fprintf(page, "<tr><td class=\"n\">%zu</td><td>", number);
    put_text(page, name_of(videos, segment));
    (void)fputs("</td><td class=\"n\">", page);
    put_clock(page, start);
    (void)fputs(" to ", page);
    put_clock(page, end);
    (void)fprintf(page, "</td><td class=\"n\">%.1f s</td><td>", end - start);
    put_text(page, text_at(segment, "reason"));
    (void)fputs("</td></tr>\n", page);
}

static void put_plan(FILE *page, const json_t *plan, const json_t *videos)
{
    static const char *const columns[] = { "#", "From", "Where", "Length", "Why", NULL };
    const json_t *segments = json_object_get(plan, "segments");
    if (!json_is_object(plan))
        return;
    begin_table(page, "Clips", columns);
    for (size_t i = 0; i < json_array_size(segments); i++)
        put_segment(page, i + 1, videos, json_array_get(segments, i));
    (void)fputs("</table>\n<p class=\"small\">chosen by ", page);
    put_text(page, text_at(plan, "provider"));
    (void)fputs(", strategy ", page);
    put_text(page, text_at(plan, "strategy"));
    (void)fputs("</p>\n", page);
    put_element(page, "p", "odd", text_at(plan, "degraded"));
    put_list(page, "small", json_object_get(plan, "notes"));
}

// ---- what it cost

static void put_money(FILE *page, const char *label, double cost, const char *currency)
{
    if (!isfinite(cost))
        return;
    (void)fprintf(page, "%s %.4f ", label, cost);
    put_text(page, currency);
}

static void put_receipt(FILE *page, const json_t *receipt)
{
    double cost = number_at(receipt, "cost"), most = number_at(receipt, "cost_at_most");
    double savings = number_at(receipt, "savings"), used = number_at(receipt, "tokens_used");
    const char *currency = text_at(receipt, "currency");
    if (!json_is_object(receipt))
        return;
    put_element(page, "h2", "", "What it cost");
    (void)fputs("<p>", page);
    if (isfinite(used))
        (void)fprintf(page, "%.0f tokens were billed", used);
    put_money(page, ", which cost", cost, currency);
    if (isfinite(most) && most > cost)
        put_money(page, ", or with calls whose answer never came, at most", most, currency);
    (void)fputs("</p>\n", page);
    if (isfinite(savings))
        (void)fprintf(page, "<p class=\"small\">%.0f %% less than showing the originals</p>\n",
                      100 * savings);
}

// ---- where the time went

static void put_stages(FILE *page, json_t *stages)
{
    static const char *const columns[] = { "Stage", "Took", NULL };
    const char *name;
    json_t *stage;
    if (json_object_size(stages) == 0)
        return;
    begin_table(page, "Where the time went", columns);
    json_object_foreach(stages, name, stage)
    {
        (void)fputs("<tr><td>", page);
        put_text(page, name);
        (void)fputs("</td><td>", page);
        put_clock(page, number_at(stage, "duration_seconds"));
        (void)fputs("</td></tr>\n", page);
    }
    (void)fputs("</table>\n", page);
}

static void put_foot(FILE *page, const json_t *status)
{
    (void)fputs("<p class=\"small\">", page);
    put_text(page, text_at(status, "id"));
    (void)fputs(", from ", page);
    put_text(page, text_at(status, "created_at"));
    (void)fputs(" to ", page);
    put_text(page, text_at(status, "completed_at"));
    (void)fputs(" (UTC), by clipspool " CLIPSPOOL_VERSION "</p>\n</body></html>\n", page);
}

char *page_from_status(const json_t *status)
{
    char *text = NULL;
    size_t size = 0;
    const json_t *videos = json_object_get(status, "videos");
    FILE *page = open_memstream(&text, &size);
    if (!page)
        base_out_of_memory();
    (void)fputs(head, page);
    put_element(page, "title", "", text_at(status, "batch"));
    (void)fputs("</head><body>\n", page);
    put_element(page, "h1", "", text_at(status, "batch"));
    put_outcome(page, status);
    put_plan(page, json_object_get(status, "clip_plan"), videos);
    put_videos(page, videos);
    put_receipt(page, json_object_get(status, "receipt"));
    put_stages(page, json_object_get(status, "stages"));
    put_foot(page, status);
    if (fclose(page) != 0 || !text)
        base_out_of_memory();
    return text;
}
