// The table as a file for people.

#include "base/config.h"

#include "base/text.h"

#include <assert.h>
#include <math.h>
#include <stdarg.h>
#include <stdio.h>

// Where comments are broken.
enum { WIDTH = 100 };

struct sample {
    char *text;
    size_t used, size;
};

static void add(struct sample *sample, const char *format, ...) PRINTF_LIKE(2, 3);
static void add(struct sample *sample, const char *format, ...)
{
    char *more;
    va_list args;
    va_start(args, format);
    int length = vasprintf(&more, format, args);
    va_end(args);
    if (length < 0)
        base_out_of_memory();
    while (sample->used + (size_t)length + 1 > sample->size) {
        sample->size = sample->size * 2 + 1024;
        sample->text = xrealloc(sample->text, sample->size, 1);
    }
    memcpy(sample->text + sample->used, more, (size_t)length + 1);
    sample->used += (size_t)length;
    free(more);
}

// Words as comment lines of at most WIDTH columns.
static void add_comment(struct sample *sample, int indent, const char *words)
{
    size_t column = 0;
    while (*words) {
        size_t length = strcspn(words, " \n");
        if (column > 0 && column + 1 + length > WIDTH) {
            add(sample, "\n");
            column = 0;
        }
        if (column == 0) {
            add(sample, "%*s#", indent, "");
            column = (size_t)indent + 1;
        }
        add(sample, " %.*s", (int)length, words);
        column += 1 + length;
        words += length;
        words += *words != '\0';
    }
    if (column > 0)
        add(sample, "\n");
}

static const char *type_text(enum config_type type)
{
    switch (type) {
    case CONFIG_BOOL:
        return "true or false";
    case CONFIG_INT:
        return "whole number";
    case CONFIG_NUMBER:
        return "number";
    case CONFIG_TEXT:
        return "text";
    case CONFIG_CHOICE:
        return "one of";
    case CONFIG_LIST:
        return "list of groups";
    }
    return "";
}

// "Whole number, 1 to 3600 s" or what else may be written.
static void add_range(struct sample *sample, int indent, const struct config_option *option)
{
    struct sample words = { 0 };
    const char *unit = option->unit                  ? option->unit
                       : option->type == CONFIG_TEXT ? "bytes"
                       : option->type == CONFIG_LIST ? "elements"
                                                     : "";
    add(&words, "(%s", type_text(option->type));
    for (int i = 0; option->type == CONFIG_CHOICE && option->choices[i]; i++)
        add(&words, "%s \"%s\"", i ? "," : "", option->choices[i]);
    bool has_limits = option->min != 0 || option->max != 0;
    if (has_limits && isinf(option->max))
        add(&words, ", at least %.15g", option->min);
    else if (has_limits && option->min == 0 &&
             (option->type == CONFIG_TEXT || option->type == CONFIG_LIST))
        add(&words, ", at most %.15g", option->max);
    else if (has_limits)
        add(&words, ", %.15g to %.15g", option->min, option->max);
    if (*unit && (has_limits || option->unit))
        add(&words, "%s %s", has_limits ? "" : ", in", unit);
    add(&words, ")");
    add_comment(sample, indent, words.text);
    free(words.text);
}

static void add_quoted(struct sample *sample, const char *text)
{
    add(sample, "\"");
    for (; *text; text++) {
        unsigned char c = (unsigned char)*text;
        if (c < 0x20 || c == 0x7F)
            add(sample, "\\x%02X", c);
        else
            add(sample, "%s%c", c == '"' || c == '\\' ? "\\" : "", c);
    }
    add(sample, "\"");
}

static void add_value(struct sample *sample, const struct config_option *option)
{
    const char *text = option->fallback;
    switch (option->type) {
    case CONFIG_BOOL:
        add(sample, "%s", text ? text : "false");
        break;
    case CONFIG_INT:
    case CONFIG_NUMBER:
        add(sample, "%s", text ? text : "0");
        break;
    case CONFIG_TEXT:
        add_quoted(sample, text ? text : "");
        break;
    case CONFIG_CHOICE:
        add_quoted(sample, text ? text : option->choices[0]);
        break;
    case CONFIG_LIST:
        add(sample, "(");
        for (int i = 0; i < 2; i++) {
            add(sample, "%s {", i ? "," : "");
            for (size_t e = 0; e < option->element_count; e++) {
                add(sample, " %s = ", option->elements[e].path);
                add_value(sample, &option->elements[e]);
                add(sample, ";");
            }
            add(sample, " }");
        }
        add(sample, " )");
        break;
    }
}

static void add_element_help(struct sample *sample, int indent, const struct config_option *element)
{
    struct sample words = { 0 };
    add(&words, "%s: %s", element->path, element->help ? element->help : "");
    for (int i = 0; element->type == CONFIG_CHOICE && element->choices[i]; i++)
        add(&words, "%s\"%s\"%s", i ? ", " : " (", element->choices[i],
            element->choices[i + 1] ? "" : ")");
    add_comment(sample, indent, words.text);
    free(words.text);
}

static void add_option(struct sample *sample, int indent, const struct config_option *option,
                       const char *name)
{
    bool is_absent = !option->fallback;
    if (option->help)
        add_comment(sample, indent, option->help);
    add_range(sample, indent, option);
    for (size_t e = 0; e < option->element_count; e++)
        add_element_help(sample, indent, &option->elements[e]);
    struct sample line = { 0 };
    add(&line, "%s = ", name);
    add_value(&line, option);
    add(&line, ";");
    // A list of many keys is broken; it is absent, and so a comment.
    if (is_absent && (size_t)indent + strlen("# ") + line.used > WIDTH)
        add_comment(sample, indent, line.text);
    else
        add(sample, "%*s%s%s\n", indent, "", is_absent ? "# " : "", line.text);
    free(line.text);
}

struct table {
    const struct config_option *options;
    size_t count;
};

static void add_group(struct sample *sample, const struct table *table, const char *path,
                      int indent);

// An option in the group at `path`, or the whole group that it is the first of.
static void add_entry(struct sample *sample, const struct table *table, size_t index,
                      const char *path, int indent)
{
    const char *rest = table->options[index].path + strlen(path);
    const char *dot = strchr(rest, '.');
    if (!dot) {
        add(sample, "\n");
        add_option(sample, indent, &table->options[index], rest);
        return;
    }
    cleanup(free_ptr) char *inner =
        xstrndup(table->options[index].path, (size_t)(dot + 1 - table->options[index].path));
    for (size_t i = 0; i < index; i++)
        if (strncmp(table->options[i].path, inner, strlen(inner)) == 0)
            return;
    add(sample, "\n%*s%.*s = {", indent, "", (int)(dot - rest), rest);
    add_group(sample, table, inner, indent + 4);
    add(sample, "%*s};\n", indent, "");
}

// Recurses as deep as the paths of the table have dots.
static void add_group(struct sample *sample, const struct table *table, const char *path,
                      int indent)
{
    for (size_t i = 0; i < table->count; i++)
        if (strncmp(table->options[i].path, path, strlen(path)) == 0)
            add_entry(sample, table, i, path, indent);
}

char *config_sample(const struct config_option *options, size_t count, const char *heading)
{
    struct sample sample = { 0 };
    const struct table table = { options, count };
    if (heading && *heading)
        add_comment(&sample, 0, heading);
    add_group(&sample, &table, "", 0);
    return sample.text ? sample.text : xstrdup("");
}
