// From what a model wrote to strict JSON.
//
// One pass over the text copies a value token by token.  Commas are not copied but set where JSON
// wants them, so that missing, doubled and trailing ones are all the same; a word that is no JSON
// becomes a string.  After each closed inner value the place is remembered: a text that ends too
// early is cut back to it and closed.
#include "model/reply.h"

#include "base/text.h"
#include <ctype.h>
#include <errno.h>
#include <math.h>
#include <stdarg.h>
#include <stdio.h>

enum { NOTES_MAX = 100, WORD_MAX_BYTES = 200, INTEGER_MAX_DIGITS = 18 };

void reply_note(json_t *notes, const char *format, ...)
{
    char text[400];
    va_list args;
    va_start(args, format);
    vsnprintf(text, sizeof text, format, args);
    va_end(args);
    cleanup(free_ptr) char *escaped = text_is_utf8(text, strlen(text)) ? NULL : text_escape(text);
    const char *said = escaped ? escaped : text;
    size_t i, count = json_array_size(notes);
    json_t *note;
    json_array_foreach(notes, i, note)
    {
        if (strcmp(json_string_value(note), said) == 0)
            return;
    }
    if (count < NOTES_MAX)
        json_array_append_new(notes, json_string(said));
}

// ---- a value, written anew

struct scribe {
    const char *at, *end;
    char *out;
    size_t length, capacity;
    char open[REPLY_MAX_DEPTH]; // what closes each value that is open
    size_t depth;
    bool after_value;
    size_t sound_length, sound_depth; // behind the last inner value that is complete
};

static void put(struct scribe *scribe, const char *bytes, size_t count)
{
    if (scribe->length + count > scribe->capacity) {
        scribe->capacity = (scribe->length + count) * 2 + 256;
        scribe->out = xrealloc(scribe->out, scribe->capacity, 1);
    }
    memcpy(scribe->out + scribe->length, bytes, count);
    scribe->length += count;
}

static void put_text(struct scribe *scribe, const char *text)
{
    put(scribe, text, strlen(text));
}

// The comma between values, wherever the text had none, one or more.
static void begin_value(struct scribe *scribe)
{
    if (scribe->after_value)
        put_text(scribe, ",");
    scribe->after_value = false;
}

static bool four_hex(const char *at, const char *end, unsigned *ret)
{
    if (end - at < 4)
        return false;
    *ret = 0;
    for (int i = 0; i < 4; i++) {
        if (!isxdigit((unsigned char)at[i]))
            return false;
        int c = tolower((unsigned char)at[i]);
        *ret = *ret * 16 + (unsigned)(c <= '9' ? c - '0' : c - 'a' + 10);
    }
    return true;
}

static const char replacement[] = "\\ufffd";

// What follows "\u": a character, or two halves of one, or none that may be in a text.
static void copy_unicode(struct scribe *scribe)
{
    unsigned high, low;
    if (!four_hex(scribe->at, scribe->end, &high)) {
        put_text(scribe, "u");
        return;
    }
    const char *first = scribe->at;
    scribe->at += 4;
    bool half = high >= 0xD800 && high < 0xE000;
    if (!half && high != 0) {
        put_text(scribe, "\\u");
        put(scribe, first, 4);
        return;
    }
    bool pair = high >= 0xD800 && high < 0xDC00 && scribe->end - scribe->at >= 6 &&
                scribe->at[0] == '\\' && scribe->at[1] == 'u' &&
                four_hex(scribe->at + 2, scribe->end, &low) && low >= 0xDC00 && low < 0xE000;
    if (!pair) {
        put_text(scribe, replacement);
        return;
    }
    put_text(scribe, "\\u");
    put(scribe, first, 10);
    scribe->at += 6;
}

// What follows a backslash.  One before anything that needs none is left out.
static void copy_escape(struct scribe *scribe)
{
    if (scribe->at == scribe->end)
        return;
    char c = *scribe->at;
    if (c != 0 && strchr("\"\\/bfnrt", c) != NULL) {
        put_text(scribe, "\\");
        put(scribe, &c, 1);
        scribe->at++;
    } else if (c == 'u') {
        scribe->at++;
        copy_unicode(scribe);
    } else if (c == '\'') {
        put(scribe, &c, 1);
        scribe->at++;
    }
}

static void copy_character(struct scribe *scribe)
{
    unsigned char c = (unsigned char)*scribe->at;
    size_t size = c < 0x80 ? 1 : c < 0xE0 ? 2 : c < 0xF0 ? 3 : 4;
    if (c < 0x20 || c == 0x7F) {
        put_text(scribe, c == '\n' ? "\\n" : " ");
    } else if (c == '"') {
        put_text(scribe, "\\\"");
    } else if (size <= (size_t)(scribe->end - scribe->at) && text_is_utf8(scribe->at, size)) {
        put(scribe, scribe->at, size);
        scribe->at += size;
        return;
    } else {
        put_text(scribe, replacement);
    }
    scribe->at++;
}

// From its quote on.  Returns false if the text ends in it.
static bool copy_string(struct scribe *scribe)
{
    char quote = *scribe->at++;
    put_text(scribe, "\"");
    while (scribe->at < scribe->end && *scribe->at != quote) {
        if (*scribe->at == '\\') {
            scribe->at++;
            copy_escape(scribe);
        } else {
            copy_character(scribe);
        }
    }
    if (scribe->at == scribe->end)
        return false;
    scribe->at++;
    put_text(scribe, "\"");
    scribe->after_value = true;
    return true;
}

// A number as JSON writes it, and one that a parser can hold.
static bool is_number(const char *word)
{
    const char *s = word + (*word == '-');
    size_t digits = strspn(s, "0123456789");
    if (digits == 0 || (digits > 1 && *s == '0'))
        return false;
    s += digits;
    bool whole = *s == 0;
    if (*s == '.') {
        size_t decimals = strspn(++s, "0123456789");
        if (decimals == 0)
            return false;
        s += decimals;
    }
    if (*s == 'e' || *s == 'E') {
        s++;
        s += *s == '-' || *s == '+';
        size_t power = strspn(s, "0123456789");
        if (power == 0)
            return false;
        s += power;
    }
    return *s == 0 && (whole ? digits <= INTEGER_MAX_DIGITS : isfinite(strtod(word, NULL)));
}

// True for a byte of a word without quotes; a colon belongs to it within a time ("01:15").
static bool of_word(const char *begin, const char *at, const char *end)
{
    unsigned char c = (unsigned char)*at;
    if (c == ':')
        return at > begin && isdigit((unsigned char)at[-1]) && end - at > 1 &&
               isdigit((unsigned char)at[1]);
    return c < 0x80 && (isalnum(c) || strchr("+-._%$", c) != NULL) && c != 0;
}

static bool copy_word(struct scribe *scribe)
{
    static const struct {
        const char *word, *json;
    } names[] = {
        { "true", "true" }, { "false", "false" }, { "null", "null" }, { "none", "null" }
    };
    char word[WORD_MAX_BYTES + 1];
    size_t length = 0;
    const char *begin = scribe->at;
    for (; scribe->at < scribe->end && of_word(begin, scribe->at, scribe->end); scribe->at++) {
        if (length == WORD_MAX_BYTES)
            return false;
        word[length++] = *scribe->at;
    }
    word[length] = 0;
    if (length == 0)
        return false;
    scribe->after_value = true;
    for (size_t i = 0; i < ARRAY_LEN(names); i++)
        if (strcasecmp(word, names[i].word) == 0) {
            put_text(scribe, names[i].json);
            return true;
        }
    bool number = is_number(word);
    put_text(scribe, number ? "" : "\"");
    put_text(scribe, word);
    put_text(scribe, number ? "" : "\"");
    return true;
}

static void skip_comment(struct scribe *scribe)
{
    size_t left = (size_t)(scribe->end - scribe->at);
    const char *line = memchr(scribe->at, '\n', left), *close = NULL;
    if (left > 1 && scribe->at[1] == '*') {
        close = left > 3 ? memmem(scribe->at + 2, left - 2, "*/", 2) : NULL;
        scribe->at = close ? close + 2 : scribe->end;
    } else {
        scribe->at = line ? line : scribe->end;
    }
}

static bool open_value(struct scribe *scribe, char c)
{
    if (scribe->depth == REPLY_MAX_DEPTH)
        return false;
    begin_value(scribe);
    put(scribe, &c, 1);
    scribe->open[scribe->depth++] = c == '{' ? '}' : ']';
    scribe->at++;
    return true;
}

static bool close_value(struct scribe *scribe, char c)
{
    if (scribe->open[scribe->depth - 1] != c)
        return false;
    put(scribe, &c, 1);
    scribe->depth--;
    scribe->at++;
    scribe->after_value = true;
    scribe->sound_length = scribe->length;
    scribe->sound_depth = scribe->depth;
    return true;
}

// Returns false if what is here can be no JSON.
static bool copy_token(struct scribe *scribe)
{
    char c = *scribe->at;
    if (c == '{' || c == '[')
        return open_value(scribe, c);
    if (c == '}' || c == ']')
        return close_value(scribe, c);
    if (c == '"' || c == '\'') {
        begin_value(scribe);
        return copy_string(scribe) || scribe->at == scribe->end;
    }
    if (c == ':') {
        put_text(scribe, ":");
        scribe->after_value = false;
    } else if (c == '/' && scribe->end - scribe->at > 1 &&
               (scribe->at[1] == '/' || scribe->at[1] == '*')) {
        skip_comment(scribe);
        return true;
    } else if (c != ',' && !isspace((unsigned char)c)) {
        begin_value(scribe);
        return copy_word(scribe);
    }
    scribe->at++;
    return true;
}

enum outcome { NOT_JSON, WHOLE, CUT };

// From an opening bracket on.
static enum outcome copy_value(struct scribe *scribe)
{
    do {
        if (!copy_token(scribe))
            return NOT_JSON;
        if (scribe->depth == 0)
            return WHOLE;
    } while (scribe->at < scribe->end);
    if (scribe->sound_length == 0)
        return NOT_JSON;
    scribe->length = scribe->sound_length;
    for (size_t depth = scribe->sound_depth; depth > 0; depth--)
        put(scribe, &scribe->open[depth - 1], 1);
    return CUT;
}

// ---- values in a text

// Thoughts that a model shows end with a mark; drafts of the answer are in them.
static const char *behind_thoughts(const char *text, const char *end)
{
    static const char mark[] = "</think>";
    const char *found;
    while ((found = memmem(text, (size_t)(end - text), mark, sizeof mark - 1)) != NULL)
        text = found + sizeof mark - 1;
    return text;
}

// All of it as one JSON string: what the string says.
static void decode_string(struct reply *reply)
{
    while (reply->at < reply->end && isspace((unsigned char)*reply->at))
        reply->at++;
    if (reply->at == reply->end || *reply->at != '"')
        return;
    cleanup(json_free) json_t *json =
        json_loadb(reply->at, (size_t)(reply->end - reply->at), JSON_DECODE_ANY, NULL);
    if (!json_is_string(json))
        return;
    reply->decoded = xstrdup(json_string_value(json));
    reply->at = reply->decoded;
    reply->end = reply->decoded + strlen(reply->decoded);
}

void reply_begin(struct reply *reply, const char *text, size_t length, json_t *notes)
{
    if (length > REPLY_MAX_BYTES) {
        reply_note(notes, "only the first %d bytes of %zu of the answer are read", REPLY_MAX_BYTES,
                   length);
        length = REPLY_MAX_BYTES;
    }
    *reply = (struct reply){ .notes = notes };
    // memmem and pointer arithmetic want a text, even if it is empty.
    reply->at = text ? text : "";
    reply->end = reply->at + length;
    reply->at = behind_thoughts(reply->at, reply->end);
    decode_string(reply);
}

void reply_release(struct reply *reply)
{
    free(reply->decoded);
    *reply = (struct reply){ .at = NULL };
}

// "[1]" and "{}" are prose.
static bool says_something(const json_t *json)
{
    const json_t *first = json_array_get(json, 0);
    return json_object_size(json) > 0 || json_is_object(first) || json_is_array(first);
}

// Tries the value that begins here.  Gives it, or moves on behind what cannot be one.
static json_t *try_value(struct reply *reply)
{
    struct scribe scribe = { .at = reply->at, .end = reply->end };
    enum outcome outcome = copy_value(&scribe);
    cleanup(json_free) json_t *json = NULL;
    if (outcome != NOT_JSON)
        json = json_loadb(scribe.out, scribe.length, 0, NULL);
    free(scribe.out);
    bool given = json != NULL && says_something(json);
    if (given && outcome == CUT)
        reply_note(reply->notes, "the answer ends in the middle; what is complete of it is used");
    // Behind a value that is whole, useful or not; else the next bracket may begin one.
    reply->at = json != NULL ? scribe.at : reply->at + 1;
    return given ? TAKE(json) : NULL;
}

int reply_next(struct reply *reply, json_t **ret_json)
{
    for (; reply->at < reply->end; reply->tries++) {
        while (reply->at < reply->end && *reply->at != '{' && *reply->at != '[')
            reply->at++;
        if (reply->at == reply->end || reply->tries >= REPLY_MAX_TRIES)
            break;
        json_t *json = try_value(reply);
        if (json != NULL) {
            reply->tries++;
            *ret_json = json;
            return 1;
        }
    }
    return 0;
}

// ---- what is made of them

char *reply_cut(const char *text, size_t max_bytes)
{
    size_t length = text ? strnlen(text, max_bytes + 1) : 0;
    if (length > max_bytes)
        for (length = max_bytes; length > 0 && (text[length] & 0xC0) == 0x80;)
            length--;
    return xstrndup(text ? text : "", length);
}

static bool is_blank(const char *text, size_t length)
{
    for (size_t i = 0; i < length; i++)
        if (!isspace((unsigned char)text[i]))
            return false;
    return true;
}

int reply_understand(const char *text, size_t length, json_t *notes,
                     const struct reply_reader *reader, struct err *err)
{
    cleanup(reply_release) struct reply reply;
    struct err refused = ERR_INIT;
    bool any = false;
    int r = 0;
    json_t *value;
    reply_begin(&reply, text, length, notes);
    if (is_blank(text, length))
        return err_set(err, ERR_INPUT, "empty_reply", "the answer is empty");
    while (r <= 0 && reply_next(&reply, &value) > 0) {
        any = true;
        err_clear(&refused);
        r = reader->understand(value, reader->context, &refused);
        json_decref(value);
    }
    if (r > 0)
        return 0;
    if (r < 0) {
        if (err && err->class == ERR_NONE)
            *err = refused;
        return r;
    }
    if (any)
        return err_set(err, ERR_INPUT, "nothing_in_reply",
                       "the JSON in the answer names no start and end of anything");
    return err_set(err, ERR_INPUT, "no_json_in_reply", "the answer holds no JSON that can be read");
}
