// Names with values, and the forms in which they are signed.

#include "net/fields.h"

#include "base/percent.h"

#include <strings.h>

static void append(struct fields *fields, char *name, char *value)
{
    fields->items = xrealloc(fields->items, fields->count + 1, sizeof *fields->items);
    fields->items[fields->count++] = (struct field){ .name = name, .value = value };
}

void fields_add(struct fields *fields, const char *name, const char *value)
{
    append(fields, xstrdup(name), xstrdup(value));
}

void fields_release(struct fields *fields)
{
    for (size_t i = 0; i < fields->count; i++) {
        secret_free(&fields->items[i].name);
        secret_free(&fields->items[i].value);
    }
    free(fields->items);
    *fields = (struct fields)FIELDS_INIT;
}

const char *fields_find(const struct fields *fields, const char *name)
{
    for (size_t i = 0; i < fields->count; i++)
        if (strcasecmp(fields->items[i].name, name) == 0)
            return fields->items[i].value;
    return NULL;
}

static int compare(const void *a, const void *b)
{
    const struct field *x = a, *y = b;
    int order = strcmp(x->name, y->name);
    return order != 0 ? order : strcmp(x->value, y->value);
}

void fields_sort(struct fields *fields)
{
    if (fields->count > 1)
        qsort(fields->items, fields->count, sizeof *fields->items, compare);
}

// ---- parameters

void fields_write_query(const struct fields *fields, unsigned how, struct secret *out)
{
    cleanup(fields_release) struct fields encoded = FIELDS_INIT;
    for (size_t i = 0; i < fields->count; i++)
        append(&encoded, percent_encode(fields->items[i].name, ""),
               percent_encode(fields->items[i].value, ""));
    if (how & FIELDS_SORTED)
        fields_sort(&encoded);
    for (size_t i = 0; i < encoded.count; i++) {
        const struct field *field = &encoded.items[i];
        bool bare = (how & FIELDS_BARE) && *field->value == 0;
        SECRET_ADD(out, i > 0 ? "&" : "", field->name, bare ? "" : "=", field->value);
    }
}

// ---- headers

static bool is_token(const char *name)
{
    static const char allowed[] = "!#$%&'*+-.^_`|~0123456789"
                                  "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
    return *name != 0 && name[strspn(name, allowed)] == 0;
}

static bool is_printable(const char *value)
{
    for (; *value != 0; value++)
        if (*value < 0x20 || *value > 0x7E)
            return false;
    return true;
}

int fields_check_headers(const struct fields *headers, struct err *err)
{
    for (size_t i = 0; i < headers->count; i++) {
        const struct field *field = &headers->items[i];
        if (!is_token(field->name))
            return err_set(err, ERR_BUG, "bad_header", "header %zu: its name is not one", i + 1);
        if (!is_printable(field->value))
            return err_set(err, ERR_BUG, "bad_header",
                           "header %s: its value holds more than printable ASCII", field->name);
        for (size_t k = 0; k < i; k++)
            if (strcasecmp(headers->items[k].name, field->name) == 0)
                return err_set(err, ERR_BUG, "bad_header", "header %s: is there twice",
                               field->name);
    }
    return 0;
}

static void lower(char *name)
{
    for (; *name != 0; name++)
        if (*name >= 'A' && *name <= 'Z')
            *name = (char)(*name - 'A' + 'a');
}

// Without blanks at both ends; with `collapse` no two follow each other.
static void trim(char *value, bool collapse)
{
    size_t used = 0;
    for (const char *s = value + strspn(value, " "); *s != 0; s++)
        if (*s != ' ' || !collapse || value[used - 1] != ' ')
            value[used++] = *s;
    while (used > 0 && value[used - 1] == ' ')
        used--;
    value[used] = 0;
}

void fields_trim(struct fields *headers, bool collapse)
{
    for (size_t i = 0; i < headers->count; i++)
        trim(headers->items[i].value, collapse);
}

struct fields fields_canonical_headers(const struct fields *headers)
{
    struct fields canonical = FIELDS_INIT;
    for (size_t i = 0; i < headers->count; i++) {
        char *name = xstrdup(headers->items[i].name);
        lower(name);
        append(&canonical, name, xstrdup(headers->items[i].value));
    }
    fields_sort(&canonical);
    return canonical;
}
