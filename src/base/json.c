// jansson with limits.

#include "base/json.h"

#include "base/fs.h"
#include "base/text.h"

#include <errno.h>
#include <math.h>

// jansson tells of exhausted memory by NULL, as it tells of what is not there and of bad text: a
// batch would be called damaged for it.  So here too it ends the process (base.h).
static void *allocate(size_t size)
{
    return xcalloc(1, size);
}

__attribute__((constructor)) static void choose_allocator(void)
{
    json_set_alloc_funcs(allocate, free);
}

void json_free(json_t **json)
{
    json_decref(*json);
    *json = NULL;
}

int json_parse(const char *text, size_t length, json_t **ret_json, struct err *err)
{
    json_error_t error;
    json_t *json = json_loadb(text, length, JSON_REJECT_DUPLICATES, &error);
    if (!json) {
        // jansson quotes the input in its message.
        cleanup(free_ptr) char *what = text_escape(error.text);
        return err_set(err, ERR_INPUT, "bad_json", "bad JSON in line %d, column %d: %s", error.line,
                       error.column, what);
    }
    *ret_json = json;
    return 0;
}

int json_read(int dirfd, const char *name, size_t max_bytes, json_t **ret_json, struct err *err)
{
    cleanup(free_ptr) char *text = NULL;
    size_t length = 0;
    int r = fs_read(dirfd, name, max_bytes, &text, &length, err);
    if (r < 0)
        return r;
    bool was_set = err && err->class != ERR_NONE;
    r = json_parse(text, length, ret_json, err);
    if (r < 0 && !was_set) {
        cleanup(free_ptr) char *shown = text_escape(name);
        (void)err_prefix(err, "%s", shown);
    }
    return r;
}

int json_write(int dirfd, const char *name, const json_t *json, struct err *err)
{
    // 15 digits: every such decimal survives the way through a double, so 0.1 is written as 0.1.
    const size_t flags = JSON_INDENT(2) | JSON_REAL_PRECISION(15) | JSON_ENCODE_ANY;
    cleanup(free_ptr) char *text = json_dumps(json, flags);
    if (!text)
        base_out_of_memory();
    size_t length = strlen(text);
    text[length] = '\n'; // in place of the NUL; the length is passed on
    return fs_write(dirfd, name, text, length + 1, err);
}

// ---- typed reads

static bool is_missing(const json_t *value)
{
    return !value || json_is_null(value);
}

static void name_bad(const char **bad, const char *key)
{
    if (bad)
        *bad = key;
}

const char *json_text(const json_t *object, const char *key, const char *fallback, const char **bad)
{
    const json_t *value = json_object_get(object, key);
    if (json_is_string(value))
        return json_string_value(value);
    if (!is_missing(value))
        name_bad(bad, key);
    return fallback;
}

double json_number(const json_t *object, const char *key, double min, double max, double fallback,
                   const char **bad)
{
    const json_t *value = json_object_get(object, key);
    if (is_missing(value))
        return fallback;
    double number = json_number_value(value);
    if (json_is_number(value) && isfinite(number) && number >= min && number <= max)
        return number;
    name_bad(bad, key);
    return fallback;
}

int64_t json_int(const json_t *object, const char *key, int64_t min, int64_t max, int64_t fallback,
                 const char **bad)
{
    const json_t *value = json_object_get(object, key);
    if (is_missing(value))
        return fallback;
    int64_t number = json_integer_value(value);
    bool is_whole = json_is_integer(value);
    // Programs without an integer type write 3.0; up to 2^53 that is exact.
    double real = json_real_value(value);
    if (json_is_real(value) && fabs(real) <= 9007199254740992.0 && real == floor(real)) {
        number = (int64_t)real;
        is_whole = true;
    }
    if (is_whole && number >= min && number <= max)
        return number;
    name_bad(bad, key);
    return fallback;
}

bool json_flag(const json_t *object, const char *key, bool fallback, const char **bad)
{
    const json_t *value = json_object_get(object, key);
    if (json_is_boolean(value))
        return json_is_true(value);
    if (!is_missing(value))
        name_bad(bad, key);
    return fallback;
}

// ---- setting

void json_put(json_t *object, const char *key, json_t *value)
{
    // Fails for want of memory only: keys are our own constants, values were just made.
    if (!value || json_object_set_new(object, key, value) != 0)
        base_out_of_memory();
}

void json_put_text(json_t *object, const char *key, const char *text)
{
    if (!text) {
        json_put(object, key, json_null());
        return;
    }
    if (text_is_utf8(text, strlen(text))) {
        json_put(object, key, json_string(text));
        return;
    }
    cleanup(free_ptr) char *escaped = text_escape(text);
    json_put(object, key, json_string(escaped));
}

json_t *json_rounded(double value, int decimals)
{
    if (!isfinite(value))
        return json_null();
    double scale = pow(10, decimals);
    double rounded = round(value * scale) / scale;
    if (!isfinite(rounded))
        rounded = value;                     // too large to have decimals
    json_t *json = json_real(rounded + 0.0); // -0.0 + 0.0 is 0.0
    if (!json)
        base_out_of_memory();
    return json;
}

void json_put_number(json_t *object, const char *key, double value, int decimals)
{
    json_put(object, key, json_rounded(value, decimals));
}

void json_put_int(json_t *object, const char *key, int64_t value)
{
    json_put(object, key, json_integer(value));
}

void json_put_flag(json_t *object, const char *key, bool value)
{
    json_put(object, key, json_boolean(value));
}
