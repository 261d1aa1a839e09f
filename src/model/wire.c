// What the bodies of all services share.
#include "model/wire.h"

#include <math.h>

void wire_reply_release(struct wire_reply *reply)
{
    free(reply->text);
    free(reply->refusal);
    free(reply->id);
    json_decref(reply->raw_usage);
    *reply = (struct wire_reply)WIRE_REPLY_INIT;
}

static bool is_oss(const char *link)
{
    return link && strncmp(link, "oss://", 6) == 0;
}

bool wire_needs_resolving(const struct wire_question *question)
{
    bool any = is_oss(question->video);
    for (size_t i = 0; i < question->frame_count; i++)
        any = any || is_oss(question->frames[i]);
    return any;
}

char *wire_data_link(const char *type, const void *bytes, size_t size)
{
    static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    char *link = xasprintf("data:%s;base64,", type);
    size_t length = strlen(link);
    link = xrealloc(link, length + (size + 2) / 3 * 4 + 1, 1);
    char *to = link + length;
    const unsigned char *from = bytes;
    for (; size > 0; from += 3) {
        size_t count = size < 3 ? size : 3;
        unsigned value = (unsigned)from[0] << 16;
        value |= count > 1 ? (unsigned)from[1] << 8 : 0;
        value |= count > 2 ? from[2] : 0;
        *to++ = digits[value >> 18];
        *to++ = digits[value >> 12 & 63];
        *to++ = count > 1 ? digits[value >> 6 & 63] : '=';
        *to++ = count > 2 ? digits[value & 63] : '=';
        size -= count;
    }
    *to = 0;
    return link;
}

// ---- writing

char *wire_prompt(const struct wire_question *question)
{
    // JSON modes are refused where no message names it, in any case of letters.
    bool named = strcasestr(question->prompt, "json") != NULL ||
                 (question->system && strcasestr(question->system, "json") != NULL);
    bool needed = question->form != WIRE_PLAIN && !named;
    return xasprintf("%s%s", question->prompt, needed ? "\n\nAnswer in JSON." : "");
}

json_t *wire_format(const struct wire_question *question)
{
    if (question->form == WIRE_PLAIN)
        return NULL;
    if (question->form == WIRE_JSON || !question->schema)
        return json_pack("{s:s}", "type", "json_object");
    // The nesting of OpenAI: servers of one's own that show a flat one in their manuals ignore it
    // for this type.
    return json_pack("{s:s, s:{s:s, s:b, s:O}}", "type", "json_schema", "json_schema", "name",
                     question->schema_name ? question->schema_name : "answer", "strict", 1,
                     "schema", question->schema);
}

void wire_show(json_t *messages, const char *role, json_t *content)
{
    json_t *message = json_object();
    json_put_text(message, "role", role);
    json_put(message, "content", content);
    json_array_append_new(messages, message);
}

void wire_say(json_t *messages, const char *role, const char *text)
{
    json_t *message = json_object();
    json_put_text(message, "role", role);
    json_put_text(message, "content", text);
    json_array_append_new(messages, message);
}

// ---- reading

static double number_of(const json_t *value)
{
    if (json_is_number(value))
        return json_number_value(value);
    return json_is_string(value) ? strtod(json_string_value(value), NULL) : 0;
}

uint64_t wire_count(const json_t *object, const char *key)
{
    double number = number_of(json_object_get(object, key));
    return number > 0 && number < 0x1p53 ? (uint64_t)number : 0;
}

char *wire_content(const json_t *content)
{
    char *all = xstrdup(json_is_string(content) ? json_string_value(content) : "");
    size_t i, length = 0;
    json_t *part;
    json_array_foreach(content, i, part)
    {
        const json_t *text = json_is_object(part) ? json_object_get(part, "text") : part;
        if (!json_is_string(text))
            continue;
        size_t more = json_string_length(text);
        all = xrealloc(all, length + more + 1, 1);
        memcpy(all + length, json_string_value(text), more + 1);
        length += more;
    }
    return all;
}

static uint64_t first_count(const json_t *object, const char *key, const char *other)
{
    uint64_t count = wire_count(object, key);
    return count > 0 ? count : wire_count(object, other);
}

void wire_read_usage(const json_t *usage, struct wire_reply *reply)
{
    if (!json_is_object(usage))
        return;
    const json_t *details = json_object_get(usage, "input_tokens_details");
    const json_t *prompt = json_object_get(usage, "prompt_tokens_details");
    struct wire_usage *to = &reply->usage;
    to->input = first_count(usage, "input_tokens", "prompt_tokens");
    to->output = first_count(usage, "output_tokens", "completion_tokens");
    to->total = wire_count(usage, "total_tokens");
    // Older answers have the parts at the top, newer ones in details of either name.
    const struct {
        const char *key;
        uint64_t *count;
    } parts[] = { { "video_tokens", &to->video },
                  { "image_tokens", &to->image },
                  { "audio_tokens", &to->audio },
                  { "cached_tokens", &to->cached } };
    for (size_t i = 0; i < ARRAY_LEN(parts); i++) {
        uint64_t count = wire_count(usage, parts[i].key);
        count = count > 0 ? count : wire_count(details, parts[i].key);
        *parts[i].count = count > 0 ? count : wire_count(prompt, parts[i].key);
    }
    double seconds = number_of(json_object_get(usage, "seconds"));
    if (!(seconds > 0))
        seconds = number_of(json_object_get(usage, "duration"));
    to->seconds = seconds > 0 && isfinite(seconds) ? seconds : 0;
    if (to->total < to->input + to->output)
        to->total = to->input + to->output;
    to->known = to->total > 0 || to->seconds > 0;
    json_decref(reply->raw_usage);
    reply->raw_usage = json_deep_copy(usage);
}

void wire_read_finish(const json_t *choice, struct wire_reply *reply)
{
    // "null" as a word stands for unfinished in some answers.
    const char *reason = json_string_value(json_object_get(choice, "finish_reason"));
    reply->cut = reason && strcmp(reason, "length") == 0;
    reply->filtered = reason && strcmp(reason, "content_filter") == 0;
}
