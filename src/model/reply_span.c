// Times and spans from names and texts.
#include "model/reply_span.h"

#include <ctype.h>
#include <math.h>
#include <stdio.h>

enum { NAME_MAX_BYTES = 40, MEMBERS_MAX = 64, PARTS_MAX = 3 };

static const char *const start_names[] = { "start",   "starttime", "starttimestamp",
                                           "begin",   "begintime", "beginning",
                                           "from",    "in",        "inpoint",
                                           "startat", NULL };
static const char *const end_names[] = { "end",      "endtime",    "endtimestamp", "finish",
                                         "finished", "finishtime", "stop",         "stoptime",
                                         "to",       "until",      "out",          "outpoint",
                                         "endat",    NULL };
static const char *const length_names[] = { "duration", "length", "len", "dur", NULL };
static const char *const when_names[] = { "timestamp", "timerange", "timespan", "time", "range",
                                          "interval",  "span",      "at",       "t",    "clock",
                                          "segment",   "position",  NULL };

// ---- names

// "Start_Time" as "starttime".  Returns false if it is longer than any name that is looked for.
static bool plain_name(const char *key, char *plain)
{
    size_t length = 0;
    for (; *key; key++) {
        unsigned char c = (unsigned char)*key;
        if (c >= 0x80 || !isalnum(c))
            continue;
        if (length == NAME_MAX_BYTES)
            return false;
        plain[length++] = (char)tolower(c);
    }
    plain[length] = 0;
    return true;
}

// The seconds that a unit at the end of the name stands for, if what is before it is `name`; else
// 0.
static double unit_behind(const char *plain, const char *name)
{
    static const struct {
        const char *unit;
        double seconds;
    } units[] = {
        { "", 1 },           { "ms", 0.001 },  { "msec", 0.001 },
        { "millis", 0.001 }, { "seconds", 1 }, { "secs", 1 },
        { "sec", 1 },        { "s", 1 },       { "milliseconds", 0.001 },
    };
    size_t length = strlen(name);
    if (strncmp(plain, name, length) != 0)
        return 0;
    for (size_t i = 0; i < ARRAY_LEN(units); i++)
        if (strcmp(plain + length, units[i].unit) == 0)
            return units[i].seconds;
    return 0;
}

json_t *reply_span_member(json_t *object, const char *const *names, double *ret_scale)
{
    json_t *best = NULL;
    size_t best_rank = SIZE_MAX, seen = 0;
    double scale = 1;
    if (!json_is_object(object))
        return NULL;
    const char *key;
    json_t *value;
    json_object_foreach(object, key, value)
    {
        char plain[NAME_MAX_BYTES + 1];
        if (seen++ == MEMBERS_MAX)
            break;
        if (json_is_null(value) || !plain_name(key, plain))
            continue;
        for (size_t i = 0; i < best_rank && names[i]; i++) {
            double unit = unit_behind(plain, names[i]);
            if (unit > 0) {
                best = value;
                best_rank = i;
                scale = unit;
            }
        }
    }
    if (ret_scale)
        *ret_scale = scale;
    return best;
}

// ---- times

// Digits with a fraction.  Moves on behind them; NAN, without moving, if there are none.
static double number(const char **at)
{
    const char *s = *at;
    if (!isdigit((unsigned char)*s) && !(*s == '.' && isdigit((unsigned char)s[1])))
        return NAN;
    double value = 0, place = 1;
    for (; isdigit((unsigned char)*s); s++)
        value = value * 10 + (*s - '0');
    // Subtitles have a comma there.
    if ((*s == '.' || *s == ',') && isdigit((unsigned char)s[1]))
        for (s++; isdigit((unsigned char)*s); s++)
            value += (*s - '0') * (place /= 10);
    if ((*s == 'e' || *s == 'E') && (isdigit((unsigned char)s[1]) || s[1] == '-' || s[1] == '+')) {
        char *end;
        value = strtod(*at, &end);
        s = end;
    }
    *at = s;
    return value;
}

static void skip_blanks(const char **at)
{
    *at += strspn(*at, " \t\n\"'");
}

// The seconds of the unit that is named here, moving behind it; 0 if there is none.
static double unit_here(const char **at)
{
    static const struct {
        const char *name;
        double seconds;
    } units[] = {
        { "milliseconds", 0.001 },
        { "millisecond", 0.001 },
        { "msec", 0.001 },
        { "ms", 0.001 },
        { "hours", 3600 },
        { "hour", 3600 },
        { "hrs", 3600 },
        { "hr", 3600 },
        { "h", 3600 },
        { "minutes", 60 },
        { "minute", 60 },
        { "mins", 60 },
        { "min", 60 },
        { "m", 60 },
        { "seconds", 1 },
        { "second", 1 },
        { "secs", 1 },
        { "sec", 1 },
        { "s", 1 },
        { "\xe5\xb0\x8f\xe6\x97\xb6", 3600 },
        { "\xe6\x97\xb6", 3600 },
        { "\xe5\x88\x86\xe9\x92\x9f", 60 },
        { "\xe5\x88\x86", 60 },
        { "\xe7\xa7\x92", 1 }, // hours, minutes and seconds in Chinese
    };
    for (size_t i = 0; i < ARRAY_LEN(units); i++) {
        size_t length = strlen(units[i].name);
        // "s" is not the unit of "10 small".
        if (strncasecmp(*at, units[i].name, length) == 0 &&
            !isalpha((unsigned char)(*at)[length])) {
            *at += length;
            return units[i].seconds;
        }
    }
    return 0;
}

// Behind a first number that ends at a colon: minutes or seconds, at most two more.
static double clock_time(const char **at, double value)
{
    for (int parts = 1; **at == ':'; parts++) {
        ++*at;
        double next = number(at);
        if (parts == PARTS_MAX || isnan(next))
            return NAN; // four parts have frames in them, of a rate nobody knows
        value = value * 60 + next;
    }
    return value;
}

// One time.  Moves on behind it; NAN if there is none.
static double one_time(const char **at)
{
    skip_blanks(at);
    bool negative = **at == '-';
    *at += negative || **at == '+';
    double value = number(at);
    if (**at == ':')
        value = clock_time(at, value);
    else if (!isnan(value)) {
        double total = 0;
        for (int parts = 0; !isnan(value) && parts < PARTS_MAX + 1; parts++) {
            skip_blanks(at);
            double unit = unit_here(at);
            total += value * (unit > 0 ? unit : 1);
            const char *next = *at + strspn(*at, " ");
            value = unit > 0 ? number(&next) : NAN;
            *at = isnan(value) ? *at : next;
        }
        value = total;
    }
    skip_blanks(at);
    return negative ? -value : value;
}

double reply_span_seconds(const char *text)
{
    double value = one_time(&text);
    return *text == 0 ? value : NAN;
}

// "10 - 20" in its many forms.  Moves on behind what divides two times.
static bool divider(const char **at)
{
    static const char *const dividers[] = {
        "-->",          "->",           "--", "-", "~", "to", "..", ",",
        "\xe2\x80\x93", "\xe2\x80\x94", // dashes
        "\xe8\x87\xb3", "\xe5\x88\xb0"
    }; // "to" in Chinese
    for (size_t i = 0; i < ARRAY_LEN(dividers); i++) {
        size_t length = strlen(dividers[i]);
        if (strncmp(*at, dividers[i], length) == 0) {
            *at += length;
            return true;
        }
    }
    return false;
}

static void read_text(const char *text, struct reply_span *ret)
{
    text += strspn(text, "[( ");
    *ret = (struct reply_span){ one_time(&text), NAN, false };
    if (divider(&text))
        ret->end = one_time(&text);
    else
        ret->point = true;
    text += strspn(text, ")] ");
    if (*text != 0)
        *ret = (struct reply_span){ NAN, NAN, false };
}

// ---- values

static double time_of(const json_t *value, double scale)
{
    if (json_is_number(value))
        return json_number_value(value) * scale;
    if (!json_is_string(value))
        return NAN;
    // A unit or a colon in the value itself is believed more than one in the name.
    const char *text = json_string_value(value);
    bool bare = strspn(text, "+-.0123456789eE \t") == strlen(text);
    return reply_span_seconds(text) * (bare ? scale : 1);
}

static void read_when(const json_t *value, double scale, struct reply_span *ret)
{
    *ret = (struct reply_span){ NAN, NAN, false };
    if (json_array_size(value) == 1 || json_array_size(value) == 2) {
        ret->start = time_of(json_array_get(value, 0), scale);
        ret->end = time_of(json_array_get(value, 1), scale);
        ret->point = json_array_size(value) == 1;
    } else if (json_is_string(value)) {
        read_text(json_string_value(value), ret);
    } else if (json_is_number(value)) {
        *ret = (struct reply_span){ time_of(value, scale), NAN, true };
    }
}

static bool read_object(json_t *object, struct reply_span *ret)
{
    double start_scale, end_scale, length_scale, when_scale;
    const json_t *start = reply_span_member(object, start_names, &start_scale);
    const json_t *end = reply_span_member(object, end_names, &end_scale);
    const json_t *length = reply_span_member(object, length_names, &length_scale);
    const json_t *when = reply_span_member(object, when_names, &when_scale);
    *ret = (struct reply_span){ NAN, NAN, false };
    if (start)
        ret->start = time_of(start, start_scale);
    else if (when && !json_is_object(when))
        read_when(when, when_scale, ret);
    else if (!end)
        return false;
    if (end)
        ret->end = time_of(end, end_scale);
    else if (length && isnan(ret->end))
        ret->end = ret->start + time_of(length, length_scale);
    else if (start)
        ret->point = true;
    ret->point = ret->point && !end && !length;
    return true;
}

bool reply_span_read(json_t *json, struct reply_span *ret)
{
    if (!json_is_object(json)) {
        read_when(json, 1, ret);
        return json_is_array(json) || json_is_string(json);
    }
    if (read_object(json, ret))
        return true;
    // One level below: { "time": { "start": 1, "end": 2 } }.
    json_t *inner = reply_span_member(json, when_names, NULL);
    return json_is_object(inner) && read_object(inner, ret);
}
