// PocketSphinx: one decoder with an n-gram model, fed with whole utterances.

#include "speech/recogniser.h"

#include "base/text.h"

#include <dirent.h>
#include <math.h>
#include <pocketsphinx.h>
#include <sphinxbase/err.h>
#include <strings.h>

// The decoder counts in these.
static const double frame_seconds = 0.01;

// A speaker who says nothing for that long has come to an end.  Half of it is what commas take, the
// double what actors do within a sentence.
static const double pause_seconds = 0.4;

struct recogniser {
    ps_decoder_t *decoder;
    cmd_ln_t *config;
    char *language;
};

// ---- finding a language

struct language {
    char *sound, *words, *dictionary; // paths
};

static void language_release(struct language *language)
{
    free(language->sound);
    free(language->words);
    free(language->dictionary);
}

static void take_entry(struct language *language, const char *folder, const char *name)
{
    cleanup(free_ptr) char *path = xasprintf("%s/%s", folder, name);
    cleanup(free_ptr) char *inner = xasprintf("%s/mdef", path);
    // Beside the model of words there may be one of sounds alone.
    bool has_words = (text_ends_with(name, ".lm.bin") || text_ends_with(name, ".lm")) &&
                     strstr(name, "-phone.") == NULL;
    if (language->sound == NULL && access(inner, R_OK) == 0)
        language->sound = TAKE(path);
    else if (language->words == NULL && has_words)
        language->words = TAKE(path);
    else if (language->dictionary == NULL && text_ends_with(name, ".dict"))
        language->dictionary = TAKE(path);
}

static int find_language(const char *folder, struct language *language, struct err *err)
{
    DIR *stream = opendir(folder);
    for (struct dirent *entry; stream && (entry = readdir(stream)) != NULL;)
        if (entry->d_name[0] != '.')
            take_entry(language, folder, entry->d_name);
    if (stream)
        (void)closedir(stream); // only read
    if (language->sound && language->words && language->dictionary)
        return 0;
    cleanup(free_ptr) char *shown = text_escape(folder);
    (void)err_set(err, ERR_CONFIG, "no_recogniser",
                  "%s holds no language that the recogniser of this machine can hear", shown);
    return err_hint(err, "install pocketsphinx-en-us, or set models.recogniser in clipspool.conf");
}

// ---- opening

void recogniser_close(struct recogniser **recogniser_pointer)
{
    struct recogniser *recogniser = TAKE(*recogniser_pointer);
    if (recogniser == NULL)
        return;
    if (recogniser->decoder)
        (void)ps_free(recogniser->decoder); // tells who else holds it: nobody
    if (recogniser->config)
        (void)cmd_ln_free_r(recogniser->config);
    free(recogniser->language);
    free(recogniser);
}

// The part of the last component that is a language: "en" of "/usr/share/.../en-us".
static char *language_of(const char *folder)
{
    size_t end = strlen(folder);
    while (end > 0 && folder[end - 1] == '/')
        end--;
    size_t begin = end;
    while (begin > 0 && folder[begin - 1] != '/')
        begin--;
    return xstrndup(folder + begin, strcspn(folder + begin, "-_/"));
}

int recogniser_open(const char *folder, struct recogniser **ret, struct err *err)
{
    cleanup(language_release) struct language language = { .sound = NULL };
    cleanup(recogniser_close) struct recogniser *recogniser = xcalloc(1, sizeof *recogniser);
    int r = find_language(folder, &language, err);
    if (r < 0)
        return r;
    err_set_logfp(NULL); // what it has to say is for its makers
    // Silence is not taken out: times would no longer be those of the sound.
    recogniser->config =
        cmd_ln_init(NULL, ps_args(), TRUE, "-hmm", language.sound, "-lm", language.words, "-dict",
                    language.dictionary, "-remove_silence", "no", (char *)NULL);
    recogniser->decoder = recogniser->config ? ps_init(recogniser->config) : NULL;
    if (recogniser->decoder == NULL) {
        cleanup(free_ptr) char *shown = text_escape(folder);
        (void)err_set(err, ERR_CONFIG, "no_recogniser",
                      "the recogniser of this machine cannot use %s", shown);
        return err_hint(err, "install pocketsphinx-en-us again, or set models.recogniser in "
                             "clipspool.conf");
    }
    recogniser->language = language_of(folder);
    *ret = TAKE(recogniser);
    return 0;
}

const char *recogniser_language(const struct recogniser *recogniser)
{
    return recogniser->language;
}

bool recogniser_hears(const struct recogniser *recogniser, const char *tag)
{
    size_t length = strlen(recogniser->language);
    if (tag == NULL || *tag == 0)
        return true;
    return strcspn(tag, "-") == length && strncasecmp(tag, recogniser->language, length) == 0;
}

// ---- hearing

// What lies between words: "<sil>", "[NOISE]", "++BREATH++".
static bool is_filler(const char *word)
{
    return strchr("<[+", word[0]) != NULL;
}

// A sentence under way in the transcript; its times are known when it ends.
struct sentence {
    struct transcript *transcript;
    double end; // of its last word
    bool is_open;
};

static void add_word(struct sentence *sentence, double start, double end, const char *word,
                     double confidence)
{
    struct transcript *transcript = sentence->transcript;
    if (!sentence->is_open || start - sentence->end >= pause_seconds)
        transcript_add_sentence(transcript, start, end, "", -1);
    sentence->is_open = true;
    sentence->end = end;
    if (transcript->sentence_count > 0)
        transcript->sentences[transcript->sentence_count - 1].end = end;
    // "read(2)" is another way to say "read".
    cleanup(free_ptr) char *text = xstrndup(word, strcspn(word, "("));
    transcript_add_word(transcript, start, end, text, confidence);
}

static void take_words(struct recogniser *recogniser, double start, struct transcript *transcript)
{
    struct sentence sentence = { .transcript = transcript };
    logmath_t *logarithms = ps_get_logmath(recogniser->decoder);
    for (ps_seg_t *part = ps_seg_iter(recogniser->decoder); part; part = ps_seg_next(part)) {
        int first, last;
        const char *word = ps_seg_word(part);
        ps_seg_frames(part, &first, &last);
        if (word == NULL || is_filler(word))
            continue;
        double chance = logmath_exp(logarithms, ps_seg_prob(part, NULL, NULL, NULL));
        add_word(&sentence, start + first * frame_seconds, start + (last + 1) * frame_seconds, word,
                 fmin(fmax(chance, 0), 1));
    }
}

int recogniser_hear(struct recogniser *recogniser, const int16_t *samples, size_t count,
                    double start, struct transcript *transcript, struct err *err)
{
    ps_decoder_t *decoder = recogniser->decoder;
    if (ps_start_utt(decoder) < 0 || ps_process_raw(decoder, samples, count, FALSE, TRUE) < 0 ||
        ps_end_utt(decoder) < 0)
        return err_set(err, ERR_BUG, "recogniser",
                       "the recogniser of this machine gave up at %.1f s", start);
    take_words(recogniser, start, transcript);
    return 0;
}
