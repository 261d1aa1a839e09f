// Forms: what stands around the file, and all of it piece by piece.
#include "net/form.h"

#include <errno.h>
#include <stdio.h>
#include <sys/random.h>

// A line of this length made of random digits stands in no video by chance.
enum { RANDOM_BYTES = 16 };

struct boundary {
    char text[sizeof "clipspool" + 2 * RANDOM_BYTES];
};

static int draw(struct boundary *boundary, struct err *err)
{
    unsigned char bytes[RANDOM_BYTES];
    if (getrandom(bytes, sizeof bytes, 0) != (ssize_t)sizeof bytes)
        return err_errno(err, errno, "get random numbers");
    char *to = stpcpy(boundary->text, "clipspool");
    for (size_t i = 0; i < sizeof bytes; i++)
        to += snprintf(to, 3, "%02x", bytes[i]);
    return 0;
}

// In quotes; what would end them or the line is percent-encoded, as browsers do.
static void put_name(FILE *out, const char *key, const char *name)
{
    fprintf(out, "; %s=\"", key);
    for (; *name; name++) {
        if (*name == '"' || *name == '\r' || *name == '\n')
            fprintf(out, "%%%02X", (unsigned char)*name);
        else
            fputc(*name, out);
    }
    fputc('"', out);
}

static void put_head(FILE *out, const struct boundary *boundary, const char *name)
{
    fprintf(out, "--%s\r\nContent-Disposition: form-data", boundary->text);
    put_name(out, "name", name);
}

static void put_values(FILE *out, const struct boundary *boundary, const struct form_value *values,
                       size_t count)
{
    for (size_t i = 0; i < count; i++) {
        put_head(out, boundary, values[i].name);
        fprintf(out, "\r\n\r\n%s\r\n", values[i].value);
    }
}

static void put_file(FILE *out, const struct boundary *boundary, const struct form_file *file)
{
    put_head(out, boundary, file->name);
    put_name(out, "filename", file->file_name);
    fprintf(out, "\r\nContent-Type: %s\r\n\r\n", file->type);
}

static ssize_t make(const void *context, uint64_t at, char *buffer, size_t wanted, struct err *err)
{
    const struct form *form = context;
    uint64_t behind = form->before_size + form->content.size;
    const struct http_body before = { .data = form->before, .size = form->before_size };
    const struct http_body after = { .data = form->after, .size = form->after_size };
    if (at < form->before_size)
        return http_body_read(&before, at, buffer, wanted, err);
    if (at < behind)
        return http_body_read(&form->content, at - form->before_size, buffer, wanted, err);
    return http_body_read(&after, at - behind, buffer, wanted, err);
}

static int check(const struct form_value *values, size_t count, struct err *err)
{
    size_t sum = 0;
    for (size_t i = 0; i < count; i++)
        sum += strlen(values[i].name) + strlen(values[i].value);
    if (sum > FORM_MAX_VALUES_BYTES)
        return err_set(err, ERR_INPUT, "form_too_large",
                       "a form with %zu bytes of values is not sent (at most %d)", sum,
                       FORM_MAX_VALUES_BYTES);
    return 0;
}

int form_make(struct form *form, const struct form_value *values, size_t count,
              const struct form_file *file, struct err *err)
{
    struct boundary boundary;
    int r = check(values, count, err);
    if (r == 0)
        r = draw(&boundary, err);
    if (r < 0)
        return r;
    FILE *out = open_memstream(&form->before, &form->before_size);
    if (out == NULL)
        base_out_of_memory();
    put_values(out, &boundary, values, count);
    put_file(out, &boundary, file);
    if (fclose(out) != 0)
        base_out_of_memory();
    form->after = xasprintf("\r\n--%s--\r\n", boundary.text);
    form->after_size = strlen(form->after);
    form->field = xasprintf("Content-Type: multipart/form-data; boundary=%s", boundary.text);
    form->content = file->content;
    form->body = (struct http_body){
        .size = form->before_size + form->content.size + form->after_size,
        .make = make,
        .made_of = form,
    };
    return 0;
}

void form_release(struct form *form)
{
    free(form->field);
    free(form->before);
    free(form->after);
    *form = (struct form)FORM_INIT;
}
