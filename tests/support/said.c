#include "tests/support/said.h"

#include <stdio.h>
#include <unistd.h>

const char *said_language(void)
{
    static const char folder[] = "/usr/share/pocketsphinx/model/en-us";
    if (access(folder, R_OK) == 0)
        return folder;
    puts("SKIP: pocketsphinx-en-us is not installed");
    return NULL;
}

const struct transcript_word *said_word(const struct transcript *transcript, const char *word,
                                        double from)
{
    for (size_t i = 0; i < transcript->word_count; i++)
        if (transcript->words[i].start >= from && strcmp(transcript->words[i].text, word) == 0)
            return &transcript->words[i];
    return NULL;
}
