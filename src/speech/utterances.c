// Stretches of speech, from a detector's flags.

#include "speech/utterances.h"

#include <math.h>

// A pause that parts: closures within words last up to 0.15 s, commas 0.2 to 0.3 s; what is cut at
// a comma loses the words on both sides as context.
static const double pause_seconds = 0.4;
// Consonants at the ends have no voice.  More of a pause tells the decoder nothing.
static const double margin_seconds = 0.2;
// Shorter is a knock or a cough.
static const double least_seconds = 0.15;
// The decoder keeps a lattice of all it hears in one go; most sentences are shorter.
static const double most_seconds = 20;

// The first flag from `at` on that is as wished, or count.
static size_t next_flag(const bool *speech, size_t count, size_t at, bool wished)
{
    while (at < count && speech[at] != wished)
        at++;
    return at;
}

// The end of the stretch that begins at `begin`: where a pause begins that parts.
static size_t stretch_end(const bool *speech, size_t count, size_t begin, double hz)
{
    size_t end = next_flag(speech, count, begin, false);
    for (;;) {
        size_t again = next_flag(speech, count, end, true);
        if (again == count || (double)(again - end) >= pause_seconds * hz)
            return end;
        end = next_flag(speech, count, again, false);
    }
}

// Where a stretch that is too long is parted: behind the longest gap of its second half, else where
// it has to be.
static size_t part(const bool *speech, size_t begin, size_t limit)
{
    size_t best = limit, longest = 0;
    for (size_t at = begin + (limit - begin) / 2; at < limit;) {
        size_t gap = next_flag(speech, limit, at, false);
        size_t gap_end = next_flag(speech, limit, gap, true);
        if (gap_end < limit && gap_end - gap > longest) {
            longest = gap_end - gap;
            best = gap + longest / 2;
        }
        at = gap_end;
    }
    return best;
}

void utterances_find(const bool *speech, size_t count, double hz, double duration,
                     struct utterance **ret, size_t *ret_count)
{
    struct utterance *found = xcalloc(count + 1, sizeof *found);
    size_t kept = 0, most = (size_t)(most_seconds * hz);
    double from = 0;
    for (size_t begin = next_flag(speech, count, 0, true); begin < count;) {
        size_t end = stretch_end(speech, count, begin, hz);
        bool is_parted = end - begin > most;
        if (is_parted)
            end = part(speech, begin, begin + most);
        struct utterance utterance = {
            .start = fmax((double)begin / hz - margin_seconds, from),
            .end = fmin((double)end / hz + (is_parted ? 0 : margin_seconds), duration),
        };
        bool is_heard = (double)(end - begin) >= least_seconds * hz;
        if (is_heard && utterance.end > utterance.start) {
            found[kept++] = utterance;
            from = utterance.end;
        }
        begin = next_flag(speech, count, end, true);
    }
    *ret = found;
    *ret_count = kept;
}
