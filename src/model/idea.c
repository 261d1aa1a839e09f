#include "model/idea.h"

#include "model/brief.h"
#include "model/reply.h"
#include "model/reply_list.h"

enum { LINE_BYTES = 300, LIST_LINES = 8 };

static const char *const theme_names[] = { "theme", "idea", "story", "concept", "title", NULL };
static const char *const outline_names[] = { "outline", "structure", "parts", NULL };
static const char *const avoid_names[] = { "avoid", "exclude", NULL };

struct wanted {
    json_t *example;
    char *text; // owned
};

static void add_line(char **text, const char *head, const char *words)
{
    cleanup(free_ptr) char *before = *text;
    cleanup(free_ptr) char *quoted = brief_quote(words, LINE_BYTES);
    *text = xasprintf("%s%s%s: %s", before, *before ? "\n" : "", head, quoted);
}

static void add_list(char **text, const char *head, const json_t *list)
{
    size_t i, lines = 0;
    const json_t *item;
    json_array_foreach(list, i, item)
    {
        if (json_is_string(item) && lines++ < LIST_LINES)
            add_line(text, head, json_string_value(item));
    }
}

static int understand(json_t *json, void *context, struct err *err)
{
    struct wanted *wanted = context;
    const char *theme = json_string_value(reply_list_member(json, theme_names));
    const char *example = json_string_value(reply_list_member(wanted->example, theme_names));
    if (!theme || !*theme)
        return 0;
    if (example && strcmp(example, theme) == 0)
        return err_set(err, ERR_INPUT, "example_in_reply",
                       "the answer repeats the example of the prompt");
    wanted->text = xstrdup("");
    add_line(&wanted->text, "theme", theme);
    add_list(&wanted->text, "outline", reply_list_member(json, outline_names));
    add_list(&wanted->text, "avoid", reply_list_member(json, avoid_names));
    return 1;
}

int idea_read(const char *text, json_t *example, char **ret_idea, struct err *err)
{
    cleanup(json_free) json_t *notes = json_array();
    struct wanted wanted = { example, NULL };
    struct reply_reader reader = { understand, &wanted };
    int r = reply_understand(text, strlen(text), notes, &reader, err);
    if (r == 0)
        *ret_idea = wanted.text;
    return r;
}
