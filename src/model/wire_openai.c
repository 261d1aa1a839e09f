// chat/completions in its dialects.
#include "model/wire_openai.h"

#include <math.h>

enum { LEAST_FRAMES = 4 }; // of a list that is taken for a video

// Beside the type, not inside video_url.
static void put_looks(json_t *part, const struct wire_question *question, bool moving)
{
    if (moving && question->fps > 0)
        json_object_set_new(part, "fps", json_rounded(question->fps, 2));
    if (question->max_pixels > 0)
        json_put_int(part, "max_pixels", (int64_t)question->max_pixels);
}

static void add_video(json_t *content, const struct wire_question *question,
                      enum wire_dialect dialect)
{
    json_t *part =
        json_pack("{s:s, s:{s:s}}", "type", "video_url", "video_url", "url", question->video);
    if (dialect == WIRE_COMPATIBLE)
        put_looks(part, question, true);
    json_array_append_new(content, part);
}

// A bare array under "video".
static void add_frames(json_t *content, const struct wire_question *question)
{
    json_t *part = json_object(), *list = json_array();
    for (size_t i = 0; i < question->frame_count; i++)
        json_array_append_new(list, json_string(question->frames[i]));
    json_put_text(part, "type", "video");
    json_put(part, "video", list);
    put_looks(part, question, true);
    json_array_append_new(content, part);
}

static void add_pictures(json_t *content, const struct wire_question *question,
                         enum wire_dialect dialect)
{
    for (size_t i = 0; i < question->frame_count; i++) {
        json_t *part = json_pack("{s:s, s:{s:s}}", "type", "image_url", "image_url", "url",
                                 question->frames[i]);
        if (dialect == WIRE_OPENAI)
            json_put_text(json_object_get(part, "image_url"), "detail",
                          question->coarse ? "low" : "auto");
        if (dialect == WIRE_COMPATIBLE)
            put_looks(part, question, false);
        json_array_append_new(content, part);
    }
}

static json_t *looks_and_words(const struct wire_question *question, const char *prompt,
                               enum wire_dialect dialect)
{
    json_t *content = json_array(), *text = json_object();
    if (question->video && dialect != WIRE_OPENAI)
        add_video(content, question, dialect);
    else if (dialect == WIRE_COMPATIBLE && question->frame_count >= LEAST_FRAMES)
        add_frames(content, question);
    else
        add_pictures(content, question, dialect);
    json_put_text(text, "type", "text");
    json_put_text(text, "text", prompt);
    json_array_append_new(content, text);
    return content;
}

json_t *wire_openai_chat(const struct wire_question *question, enum wire_dialect dialect)
{
    json_t *body = json_object(), *messages = json_array(), *format = wire_format(question);
    cleanup(free_ptr) char *prompt = wire_prompt(question);
    // OpenAI gives up the one, older models of others refuse the other.
    const char *limit = dialect == WIRE_OPENAI ? "max_completion_tokens" : "max_tokens";
    json_put_text(body, "model", question->model);
    if (question->system)
        wire_say(messages, "system", question->system);
    // Words alone are a text: some servers of one's own take no parts then.
    if (question->video || question->frame_count > 0)
        wire_show(messages, "user", looks_and_words(question, prompt, dialect));
    else
        wire_say(messages, "user", prompt);
    json_put(body, "messages", messages);
    if (question->max_tokens > 0)
        json_put_int(body, limit, question->max_tokens);
    if (isfinite(question->temperature))
        json_put_number(body, "temperature", question->temperature, 3);
    if (format)
        json_put(body, "response_format", format);
    if (format && dialect == WIRE_COMPATIBLE)
        json_put_flag(body, "enable_thinking", false);
    return body;
}

int wire_openai_read(const json_t *json, struct wire_reply *reply, struct err *err)
{
    const json_t *choice = json_array_get(json_object_get(json, "choices"), 0);
    const json_t *message = json_object_get(choice, "message");
    const char *id = json_string_value(json_object_get(json, "id"));
    if (!json_is_object(message))
        return err_set(err, ERR_SERVICE, "garbled_answer", "the answer holds no message");
    const char *refusal = json_string_value(json_object_get(message, "refusal"));
    reply->text = wire_content(json_object_get(message, "content"));
    reply->refusal = refusal && *refusal ? xstrdup(refusal) : NULL;
    reply->id = id ? xstrdup(id) : NULL;
    wire_read_finish(choice, reply);
    wire_read_usage(json_object_get(json, "usage"), reply);
    return 0;
}
