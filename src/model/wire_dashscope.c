// DashScope's native bodies.
#include "model/wire_dashscope.h"

#include <math.h>

// Beside the video or picture, not in the parameters.
static void put_looks(json_t *element, const struct wire_question *question, bool moving)
{
    if (moving && question->fps > 0)
        json_object_set_new(element, "fps", json_rounded(question->fps, 2));
    if (question->max_pixels > 0)
        json_put_int(element, "max_pixels", (int64_t)question->max_pixels);
}

static void add_video(json_t *content, const struct wire_question *question)
{
    json_t *element = json_object();
    json_put_text(element, "video", question->video);
    put_looks(element, question, true);
    json_array_append_new(content, element);
}

static void add_frames(json_t *content, const struct wire_question *question)
{
    json_t *element = json_object(), *list = json_array();
    for (size_t i = 0; i < question->frame_count; i++)
        json_array_append_new(list, json_string(question->frames[i]));
    json_put(element, "video", list);
    put_looks(element, question, true);
    json_array_append_new(content, element);
}

static void add_pictures(json_t *content, const struct wire_question *question)
{
    for (size_t i = 0; i < question->frame_count; i++) {
        json_t *element = json_object();
        json_put_text(element, "image", question->frames[i]);
        put_looks(element, question, false);
        json_array_append_new(content, element);
    }
}

static json_t *add_text(json_t *content, const char *text)
{
    json_t *element = json_object();
    json_put_text(element, "text", text);
    json_array_append_new(content, element);
    return content;
}

// Always there, if empty: hosts of a workspace fail without it, later and without a word.
static json_t *parameters(const struct wire_question *question)
{
    json_t *object = json_object(), *format = wire_format(question);
    if (question->max_tokens > 0)
        json_put_int(object, "max_tokens", question->max_tokens);
    if (isfinite(question->temperature))
        json_put_number(object, "temperature", question->temperature, 3);
    if (format) {
        json_put(object, "response_format", format);
        // JSON modes are for models that do not think aloud.
        json_put_flag(object, "enable_thinking", false);
    }
    return object;
}

static json_t *body(const struct wire_question *question, json_t *messages, json_t *settings)
{
    json_t *object = json_object(), *input = json_object();
    json_put_text(object, "model", question->model);
    json_put(input, "messages", messages);
    json_put(object, "input", input);
    json_put(object, "parameters", settings);
    return object;
}

json_t *wire_dashscope_look(const struct wire_question *question)
{
    json_t *messages = json_array(), *content = json_array();
    cleanup(free_ptr) char *prompt = wire_prompt(question);
    if (question->system)
        wire_show(messages, "system", add_text(json_array(), question->system));
    if (question->video)
        add_video(content, question);
    else if (question->frame_count >= WIRE_DASHSCOPE_LEAST_FRAMES)
        add_frames(content, question);
    else
        add_pictures(content, question);
    wire_show(messages, "user", add_text(content, prompt));
    return body(question, messages, parameters(question));
}

json_t *wire_dashscope_text(const struct wire_question *question)
{
    json_t *messages = json_array(), *settings = parameters(question);
    cleanup(free_ptr) char *prompt = wire_prompt(question);
    if (question->system)
        wire_say(messages, "system", question->system);
    wire_say(messages, "user", prompt);
    json_put_text(settings, "result_format", "message");
    return body(question, messages, settings);
}

int wire_dashscope_read(const json_t *json, struct wire_reply *reply, struct err *err)
{
    const json_t *output = json_object_get(json, "output");
    const json_t *choice = json_array_get(json_object_get(output, "choices"), 0);
    const json_t *message = json_object_get(choice, "message");
    const json_t *plain = json_object_get(output, "text"); // the classic form
    const char *id = json_string_value(json_object_get(json, "request_id"));
    if (!json_is_object(message) && !json_is_string(plain))
        return err_set(err, ERR_SERVICE, "garbled_answer", "the answer holds no message");
    reply->text = wire_content(message ? json_object_get(message, "content") : plain);
    reply->id = id ? xstrdup(id) : NULL;
    wire_read_finish(choice ? choice : output, reply);
    wire_read_usage(json_object_get(json, "usage"), reply);
    return 0;
}
