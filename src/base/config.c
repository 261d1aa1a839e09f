// From libconfig's tree into a struct, by the table.

#include "base/config.h"

#include "base/config_scan.h"
#include "base/text.h"

#include <assert.h>
#include <errno.h>
#include <libconfig.h>
#include <locale.h>
#include <math.h>
#include <stdarg.h>
#include <stdio.h>

// ---- the report

void config_report_add(struct config_report *report, const char *format, ...)
{
    // Enough to mend a file in one go; a hostile one cannot fill the log.
    const unsigned kept = 50;
    cleanup(free_ptr) char *line = NULL;
    report->count++;
    if (report->count > kept + 1)
        return;
    if (report->count == kept + 1) {
        line = xstrdup("more is wrong, but not shown");
    } else {
        va_list args;
        va_start(args, format);
        int length = vasprintf(&line, format, args);
        va_end(args);
        if (length < 0)
            base_out_of_memory();
    }
    cleanup(free_ptr) char *old = report->text;
    report->text = xasprintf("%s%s\n", old ? old : "", line);
}

void config_report_release(struct config_report *report)
{
    free_ptr(&report->text);
    report->count = 0;
}

// ---- members of the struct

static void *member(void *object, size_t offset)
{
    return (char *)object + offset;
}

static void store(void *object, size_t offset, const void *value, size_t size)
{
    memcpy(member(object, offset), value, size);
}

static void store_int(void *object, size_t offset, int64_t value)
{
    store(object, offset, &value, sizeof value);
}

static void store_number(void *object, size_t offset, double value)
{
    store(object, offset, &value, sizeof value);
}

static void store_bool(void *object, size_t offset, bool value)
{
    store(object, offset, &value, sizeof value);
}

static void store_choice(void *object, size_t offset, int index)
{
    store(object, offset, &index, sizeof index);
}

static void store_list(void *object, const struct config_option *option, void *elements,
                       size_t count)
{
    store(object, option->offset, &elements, sizeof elements);
    store(object, option->count_offset, &count, sizeof count);
}

static void put_text(void *object, const struct config_option *option, const char *text)
{
    free_ptr(member(object, option->offset));
    char *copy = text ? xstrdup(text) : NULL;
    store(object, option->offset, &copy, sizeof copy);
}

static int choice_index(const struct config_option *option, const char *name)
{
    for (int i = 0; option->choices[i]; i++)
        if (strcmp(option->choices[i], name) == 0)
            return i;
    return -1;
}

// strtod with a point whatever the locale.
static double parse_number(const char *text)
{
    locale_t c = newlocale(LC_ALL_MASK, "C", (locale_t)0);
    char *end;
    double number = c ? strtod_l(text, &end, c) : strtod(text, &end);
    assert(!*end);
    if (c)
        freelocale(c);
    return number;
}

static void put_default(void *object, const struct config_option *option)
{
    const char *text = option->fallback;
    switch (option->type) {
    case CONFIG_BOOL:
        assert(!text || strcmp(text, "true") == 0 || strcmp(text, "false") == 0);
        store_bool(object, option->offset, text && strcmp(text, "true") == 0);
        break;
    case CONFIG_INT:
        store_int(object, option->offset, text ? strtoll(text, NULL, 0) : 0);
        break;
    case CONFIG_NUMBER:
        store_number(object, option->offset, text ? parse_number(text) : 0);
        break;
    case CONFIG_TEXT:
        put_text(object, option, text);
        break;
    case CONFIG_CHOICE:
        assert(!text || choice_index(option, text) >= 0);
        store_choice(object, option->offset, text ? choice_index(option, text) : 0);
        break;
    case CONFIG_LIST:
        assert(!text);
        store_list(object, option, NULL, 0);
        break;
    }
}

void config_defaults(const struct config_option *options, size_t count, void *object)
{
    for (size_t i = 0; i < count; i++)
        put_default(object, &options[i]);
}

static void release_list(const struct config_option *option, void *object)
{
    char *elements;
    size_t count;
    memcpy(&elements, member(object, option->offset), sizeof elements);
    memcpy(&count, member(object, option->count_offset), sizeof count);
    for (size_t i = 0; elements && i < count; i++)
        config_release(option->elements, option->element_count,
                       elements + i * option->element_size);
    free(elements);
    store_list(object, option, NULL, 0);
}

// Recurses as deep as the tables are nested, which is our own doing.
void config_release(const struct config_option *options, size_t count, void *object)
{
    for (size_t i = 0; i < count; i++) {
        if (options[i].type == CONFIG_TEXT)
            put_text(object, &options[i], NULL);
        else if (options[i].type == CONFIG_LIST)
            release_list(&options[i], object);
    }
}

// ---- the walk over libconfig's tree

struct walk {
    const char *name; // of the file, escaped
    const struct config_option *options;
    size_t count;
    void *object;
    struct config_report *report;
};

// A group of the tree: its place in the table ("limits.") and for people ("stages.fetch.",
// "sources[2].").
struct group {
    config_setting_t *setting;
    const char *path, *label;
};

static void complain(const struct walk *walk, const config_setting_t *setting, const char *label,
                     const char *format, ...) PRINTF_LIKE(4, 5);
static void complain(const struct walk *walk, const config_setting_t *setting, const char *label,
                     const char *format, ...)
{
    char text[400];
    va_list args;
    va_start(args, format);
    if (vsnprintf(text, sizeof text, format, args) < 0)
        text[0] = '\0';
    va_end(args);
    config_report_add(walk->report, "%s:%u: %.100s: %s", walk->name,
                      (unsigned)config_setting_source_line(setting), label, text);
}

static char *number_text(double number)
{
    char *text = xasprintf("%.15g", number);
    char *comma = strchr(text, ',');
    if (comma)
        *comma = '.';
    return text;
}

static char *range_text(const struct config_option *option)
{
    cleanup(free_ptr) char *min = number_text(option->min), *max = number_text(option->max);
    const char *space = option->unit ? " " : "", *unit = option->unit ? option->unit : "";
    if (isinf(option->max))
        return xasprintf("at least %s%s%s", min, space, unit);
    if (isinf(option->min))
        return xasprintf("at most %s%s%s", max, space, unit);
    return xasprintf("%s to %s%s%s", min, max, space, unit);
}

static bool has_limits(const struct config_option *option)
{
    return option->min != 0 || option->max != 0;
}

static bool is_in_range(const struct config_option *option, double value)
{
    return isfinite(value) &&
           (!has_limits(option) || (value >= option->min && value <= option->max));
}

static void put_number(const struct walk *walk, const config_setting_t *setting, const char *label,
                       const struct config_option *option)
{
    int type = config_setting_type(setting);
    bool is_whole = type == CONFIG_TYPE_INT || type == CONFIG_TYPE_INT64;
    if (!is_whole && (type != CONFIG_TYPE_FLOAT || option->type == CONFIG_INT)) {
        cleanup(free_ptr) char *range = has_limits(option) ? range_text(option) : NULL;
        complain(walk, setting, label, "must be a %snumber%s%s",
                 option->type == CONFIG_INT ? "whole " : "", range ? ", " : "", range ? range : "");
        return;
    }
    int64_t whole = is_whole ? config_setting_get_int64(setting) : 0;
    double number = is_whole ? (double)whole : config_setting_get_float(setting);
    if (!is_in_range(option, number)) {
        cleanup(free_ptr) char *range = range_text(option), *shown = number_text(number);
        complain(walk, setting, label, "%s is out of range, allowed %s", shown,
                 has_limits(option) ? range : "any finite number");
    } else if (option->type == CONFIG_INT) {
        store_int(walk->object, option->offset, whole);
    } else {
        store_number(walk->object, option->offset, number);
    }
}

static char *choices_text(const struct config_option *option)
{
    char *text = xstrdup("");
    for (int i = 0; option->choices[i]; i++) {
        cleanup(free_ptr) char *old = text;
        text = xasprintf("%s%s\"%s\"", old, i ? ", " : "", option->choices[i]);
    }
    return text;
}

static void put_string(const struct walk *walk, const config_setting_t *setting, const char *label,
                       const struct config_option *option)
{
    const char *text = config_setting_get_string(setting);
    if (!text) {
        complain(walk, setting, label, "must be a text in \"quotes\"");
        return;
    }
    size_t length = strlen(text);
    if (!is_in_range(option, (double)length)) {
        cleanup(free_ptr) char *range = range_text(option);
        complain(walk, setting, label, "is %zu bytes long, allowed %s bytes", length, range);
        return;
    }
    put_text(walk->object, option, text);
}

static void put_choice(const struct walk *walk, const config_setting_t *setting, const char *label,
                       const struct config_option *option)
{
    const char *text = config_setting_get_string(setting);
    int index = text ? choice_index(option, text) : -1;
    if (index >= 0) {
        store_choice(walk->object, option->offset, index);
        return;
    }
    cleanup(free_ptr) char *choices = choices_text(option);
    cleanup(free_ptr) char *shown = text ? text_escape_n(text, strnlen(text, 40)) : NULL;
    complain(walk, setting, label, "%s%s%s, allowed %s", shown ? "there is no \"" : "",
             shown ? shown : "must be a text in quotes", shown ? "\"" : "", choices);
}

static void put_bool(const struct walk *walk, const config_setting_t *setting, const char *label,
                     const struct config_option *option)
{
    if (config_setting_type(setting) != CONFIG_TYPE_BOOL)
        complain(walk, setting, label, "must be true or false");
    else
        store_bool(walk->object, option->offset, config_setting_get_bool(setting) != 0);
}

// ---- unknown keys

// Levenshtein's distance; names longer than any of ours are far from all of them.
static unsigned distance(const char *a, const char *b)
{
    unsigned row[48];
    size_t b_length = strlen(b);
    if (strlen(a) >= ARRAY_LEN(row) || b_length >= ARRAY_LEN(row))
        return UINT32_MAX;
    for (unsigned j = 0; j <= b_length; j++)
        row[j] = j;
    for (unsigned i = 1; a[i - 1]; i++) {
        unsigned diagonal = row[0];
        row[0] = i;
        for (size_t j = 1; j <= b_length; j++) {
            unsigned best = diagonal + (a[i - 1] != b[j - 1]);
            diagonal = row[j];
            if (row[j] + 1 < best)
                best = row[j] + 1;
            if (row[j - 1] + 1 < best)
                best = row[j - 1] + 1;
            row[j] = best;
        }
    }
    return row[b_length];
}

// The name that an option has in the group at `path`, or NULL if it is elsewhere.  Gives a string.
static char *name_in_group(const struct config_option *option, const char *path)
{
    size_t length = strlen(path);
    if (strncmp(option->path, path, length) != 0)
        return NULL;
    return xstrndup(option->path + length, strcspn(option->path + length, "."));
}

static void complain_unknown(const struct walk *walk, const struct group *group,
                             const config_setting_t *setting, const char *label)
{
    cleanup(free_ptr) char *nearest = NULL;
    unsigned least = 3; // more than two slips of the finger is another word
    for (size_t i = 0; i < walk->count; i++) {
        cleanup(free_ptr) char *name = name_in_group(&walk->options[i], group->path);
        unsigned d = name ? distance(config_setting_name(setting), name) : UINT32_MAX;
        if (d < least && d < strlen(name)) {
            least = d;
            free_ptr(&nearest);
            nearest = TAKE(name);
        }
    }
    if (nearest)
        complain(walk, setting, label, "unknown key, did you mean %s?", nearest);
    else
        complain(walk, setting, label, "unknown key");
}

// ---- groups and lists

static void walk_group(const struct walk *walk, const struct group *group);

static void put_list(const struct walk *walk, config_setting_t *setting, const char *label,
                     const struct config_option *option)
{
    int type = config_setting_type(setting), length = config_setting_length(setting);
    // An empty array [ ] means an empty list as well as ( ) does.
    if (type != CONFIG_TYPE_LIST && (type != CONFIG_TYPE_ARRAY || length > 0)) {
        complain(walk, setting, label, "must be a list of groups: ( { ... }, { ... } )");
        return;
    }
    if (!is_in_range(option, length)) {
        cleanup(free_ptr) char *range = range_text(option);
        complain(walk, setting, label, "has %d elements, allowed %s", length, range);
        return;
    }
    char *elements = length ? xcalloc((size_t)length, option->element_size) : NULL;
    release_list(option, walk->object);
    store_list(walk->object, option, elements, (size_t)length);
    for (int i = 0; i < length; i++) {
        config_setting_t *element = config_setting_get_elem(setting, (unsigned)i);
        cleanup(free_ptr) char *element_label = xasprintf("%s[%d]", label, i);
        cleanup(free_ptr) char *dotted = xasprintf("%s.", element_label);
        struct walk inner = { .name = walk->name,
                              .options = option->elements,
                              .count = option->element_count,
                              .object = elements + (size_t)i * option->element_size,
                              .report = walk->report };
        config_defaults(inner.options, inner.count, inner.object);
        if (config_setting_is_group(element))
            walk_group(&inner, &(struct group){ element, "", dotted });
        else
            complain(walk, element, element_label, "must be a group: { ... }");
    }
}

static void put(const struct walk *walk, config_setting_t *setting, const char *label,
                const struct config_option *option)
{
    switch (option->type) {
    case CONFIG_BOOL:
        put_bool(walk, setting, label, option);
        break;
    case CONFIG_INT:
    case CONFIG_NUMBER:
        put_number(walk, setting, label, option);
        break;
    case CONFIG_TEXT:
        put_string(walk, setting, label, option);
        break;
    case CONFIG_CHOICE:
        put_choice(walk, setting, label, option);
        break;
    case CONFIG_LIST:
        put_list(walk, setting, label, option);
        break;
    }
}

static void walk_setting(const struct walk *walk, const struct group *group,
                         config_setting_t *setting)
{
    const char *name = config_setting_name(setting);
    cleanup(free_ptr) char *path = xasprintf("%s%s", group->path, name);
    cleanup(free_ptr) char *label = xasprintf("%s%s", group->label, name);
    cleanup(free_ptr) char *inner_path = xasprintf("%s.", path);
    cleanup(free_ptr) char *inner_label = xasprintf("%s.", label);
    for (size_t i = 0; i < walk->count; i++) {
        const struct config_option *option = &walk->options[i];
        if (strcmp(option->path, path) == 0) {
            put(walk, setting, label, option);
            return;
        }
        if (strncmp(option->path, inner_path, strlen(inner_path)) != 0)
            continue;
        if (config_setting_is_group(setting))
            walk_group(walk, &(struct group){ setting, inner_path, inner_label });
        else
            complain(walk, setting, label, "must be a group: %s = { ... };", name);
        return;
    }
    complain_unknown(walk, group, setting, label);
}

// Recurses as deep as the table is nested: what is not in it is not entered.
static void walk_group(const struct walk *walk, const struct group *group)
{
    int length = config_setting_length(group->setting);
    for (int i = 0; i < length; i++)
        walk_setting(walk, group, config_setting_get_elem(group->setting, (unsigned)i));
}

int config_parse(const char *name, const char *text, const struct config_option *options,
                 size_t count, void *object, struct config_report *report)
{
    config_defaults(options, count, object);
    cleanup(free_ptr) char *shown = text_escape(name), *scanned = config_scan(name, text, report);
    if (!scanned)
        return -EINVAL;
    unsigned before = report->count;
    cleanup(config_destroy) config_t config;
    config_init(&config);
    struct walk walk = {
        .name = shown, .options = options, .count = count, .object = object, .report = report
    };
    if (config_read_string(&config, scanned))
        walk_group(&walk, &(struct group){ config_root_setting(&config), "", "" });
    else
        config_scan_explain(name, text, config_error_line(&config), config_error_text(&config),
                            report);
    return report->count == before ? 0 : -EINVAL;
}
