#include "highlight/snap.h"

#include <math.h>

// A boundary inside speech moves this far to a pause (and further on, words are lost either way).
static const double speech_reach = 1.5;
// Shorter gaps are inside words: the closures of p, t and k last up to 150 ms.
static const double pause_least = 0.2;
// Sentences and words that follow each other without a pause are parted by two pictures of 25 a
// second, so that one lies between them whatever its phase.
static const double gap_least = 0.08;
// What lasts longer is no word, whatever it is called.
static const double longest_word = 3;
// Less than this of a shot is gone before one has seen what it shows, unless it is most of a shot
// that is so short itself.
static const double sliver = 0.8, sliver_of_short = 0.4;
// Between cuts and pauses there is a point in each half second.
static const double grid = 0.5;
// A point is quiet if it lies this far below its surroundings of a second on each side.
static const double quiet_below = 3.0;
static const double quiet_around = 1.0;

static const double kind_cost[] = {
    [SNAP_EDGE] = 0.05, // cameras are fumbled with at both ends
    [SNAP_CUT] = 0,      [SNAP_SENTENCE] = 0.02, [SNAP_PAUSE] = 0.03,
    [SNAP_QUIET] = 0.08, [SNAP_WORD] = 0.12,     [SNAP_PLAIN] = 0.12,
};
static const double within_speech_cost = 0.25; // no pause in reach, but still words on both sides

// A start without a key frame: what lies before the next one must be encoded.  Something for having
// to, and so much a second, which finds the place in a moment that is nearest before a key frame.
// At most a quarter of the scale of scores, so that a moment far above the others is still taken.
static const double head_cost = 0.06, head_second_cost = 0.05, head_cost_most = 0.26;
// Where a key frame is near it costs more than any two points differ, so that only speech, cuts and
// the lengths of segments keep a start from it.
static const double yields_cost = 0.30;
// Times of one picture, measured and probed, differ by rounding only.
static const double same_time = 2e-3;
// Encoders find cuts too, some of them a picture or two late.
static const double cut_pictures = 2;
// What a picture must change, beside the cut, to be a part of it.
static const double part_of_cut = 0.5;
// Where the rate varies, so many seconds are a picture at most.
static const double longest_picture = 0.05;

// What the finding of points shares.
struct search {
    const struct snap_source *source;
    const struct signals *signals;
    struct snap *snap;
    size_t capacity;
};

struct shot {
    double start, end; // seconds
    bool first, last;
};

// ---- speech

static void find_voice(const struct signals *signals, struct snap *snap)
{
    size_t gap = (size_t)lround(pause_least * SIGNALS_SOUND_HZ);
    snap->speeches = xcalloc(signals->sound_count / 2 + 1, sizeof *snap->speeches);
    for (size_t i = 0; signals->has_sound && i < signals->sound_count; i++) {
        if (!signals->sounds[i].voice)
            continue;
        double start = (double)i / SIGNALS_SOUND_HZ, end = (double)(i + 1) / SIGNALS_SOUND_HZ;
        size_t count = snap->speech_count;
        bool within_word =
            count && start - snap->speeches[count - 1].end < ((double)gap - 0.5) / SIGNALS_SOUND_HZ;
        if (!within_word)
            snap->speeches[snap->speech_count++].start = start;
        snap->speeches[snap->speech_count - 1].end = end;
    }
}

// Makes room for a picture between neighbours.
static void part_neighbours(struct snap_speech *list, size_t count)
{
    for (size_t i = 1; i < count; i++) {
        double missing = gap_least - (list[i].start - list[i - 1].end);
        if (missing <= 0)
            continue;
        list[i - 1].end = fmax(list[i - 1].end - missing / 2, list[i - 1].start);
        list[i].start = fmin(list[i].start + missing / 2, list[i].end);
    }
}

static void find_words(const struct transcript *transcript, struct snap *snap)
{
    snap->words = xcalloc(transcript->word_count + 1, sizeof *snap->words);
    for (size_t i = 0; i < transcript->word_count; i++) {
        const struct transcript_word *word = &transcript->words[i];
        if (word->end - word->start <= longest_word)
            snap->words[snap->word_count++] = (struct snap_speech){ word->start, word->end };
    }
    part_neighbours(snap->words, snap->word_count);
}

// Sentences, and of voice what is no part of any: nobody wrote down what is sung.
static void add_sentences(const struct transcript *transcript, struct snap *snap)
{
    cleanup(free_ptr) struct snap_speech *voices = TAKE(snap->speeches);
    size_t voice_count = snap->speech_count, voice = 0, count = 0;
    struct snap_speech *all = xcalloc(voice_count + transcript->sentence_count + 1, sizeof *all);
    double spoken_until = 0;
    for (size_t i = 0; i <= transcript->sentence_count; i++) {
        bool is_last = i == transcript->sentence_count;
        const struct transcript_sentence *sentence = &transcript->sentences[is_last ? 0 : i];
        double next = is_last ? HUGE_VAL : sentence->start;
        for (; voice < voice_count && voices[voice].start < next; voice++)
            if (voices[voice].start >= spoken_until && voices[voice].end <= next)
                all[count++] = voices[voice];
        if (is_last)
            break;
        all[count++] = (struct snap_speech){ next, sentence->end, .is_sentence = true };
        spoken_until = sentence->end;
    }
    part_neighbours(all, count);
    snap->speeches = all;
    snap->speech_count = count;
}

static void find_speech(const struct snap_source *source, struct snap *snap)
{
    find_voice(source->signals, snap);
    if (source->transcript == NULL || source->transcript->sentence_count == 0)
        return;
    add_sentences(source->transcript, snap);
    find_words(source->transcript, snap);
}

// The stretch of a list that `time` cuts in two, or NULL.
static const struct snap_speech *stretch_at(const struct snap_speech *list, size_t count,
                                            double time)
{
    size_t low = 0, high = count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (list[middle].end <= time + 1e-9)
            low = middle + 1;
        else
            high = middle;
    }
    bool inside = low < count && list[low].start < time - 1e-9;
    return inside ? &list[low] : NULL;
}

static const struct snap_speech *speech_at(const struct snap *snap, double time)
{
    return stretch_at(snap->speeches, snap->speech_count, time);
}

static bool cuts_speech_needlessly(const struct snap *snap, double time)
{
    const struct snap_speech *speech = speech_at(snap, time);
    if (stretch_at(snap->words, snap->word_count, time))
        return true;
    return speech && (time - speech->start <= speech_reach || speech->end - time <= speech_reach);
}

// ---- pictures and shots

// The measured picture nearest to `time`.
static size_t frame_near(const struct signals *signals, double time)
{
    size_t low = 0, high = signals->frame_count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (signals->frames[middle].time < time)
            low = middle + 1;
        else
            high = middle;
    }
    if (low == signals->frame_count)
        return low - 1;
    bool earlier =
        low > 0 && time - signals->frames[low - 1].time < signals->frames[low].time - time;
    return earlier ? low - 1 : low;
}

// The number of shots that start at or before `time`.
static size_t shots_until(const struct search *search, double time)
{
    size_t low = 0, high = search->source->shot_count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (search->source->shots[middle].start <= time)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

// ---- points

static void add_point(struct search *search, struct snap_point point)
{
    struct snap *snap = search->snap;
    if (snap->count == search->capacity) {
        search->capacity = search->capacity ? 2 * search->capacity : 64;
        snap->points = xrealloc(snap->points, search->capacity, sizeof *snap->points);
    }
    snap->points[snap->count++] = point;
}

static void add_edges(struct search *search)
{
    double duration = search->snap->duration, cost = kind_cost[SNAP_EDGE];
    bool on_key = !isnan(keys_near(&search->source->keys, 0, same_time));
    add_point(search,
              (struct snap_point){ 0, 0, cost, SNAP_EDGE, .may_start = true, .on_key = on_key });
    add_point(search, (struct snap_point){ duration, duration, cost, SNAP_EDGE, .may_end = true });
}

// The mean distance between pictures around a measured one, at most longest_picture.
static double picture_seconds_at(const struct search *search, size_t frame)
{
    const struct signals *signals = search->signals;
    if (search->source->picture_seconds > 0)
        return search->source->picture_seconds;
    size_t other = frame > 0 ? frame - 1 : frame + 1;
    if (other >= signals->frame_count)
        return longest_picture;
    return fmin((double)fabsf(signals->frames[other].time - signals->frames[frame].time),
                longest_picture);
}

// The shot around `at`.  Returns false where a cut is, which is a point already.
static bool shot_around(const struct search *search, double at, struct shot *ret_shot)
{
    const struct analysis_span *shots = search->source->shots;
    size_t until = shots_until(search, at);
    ret_shot->first = until <= 1;
    ret_shot->last = until >= search->source->shot_count;
    ret_shot->start = until ? shots[until - 1].start : 0;
    ret_shot->end = ret_shot->last ? search->snap->duration : shots[until].start;
    return ret_shot->first || at - ret_shot->start >= 1e-4;
}

// How much of it must be seen.
static double least_of(const struct shot *shot)
{
    return fmin(sliver, fmax((shot->end - shot->start) / 2, sliver_of_short));
}

// Whether a start at `at` leaves enough of its shot.
static bool leaves_enough(const struct search *search, double at)
{
    struct shot shot;
    (void)shot_around(search, at, &shot);
    return shot.last || shot.end - at >= least_of(&shot);
}

// Whether a key frame before the cut that was seen at a measured picture is the cut: if no picture
// of the old shot was seen after it, or the pictures there change too.
static bool is_cut_too(const struct search *search, double key, size_t frame)
{
    const struct signals_frame *frames = search->signals->frames;
    size_t at = frame_near(search->signals, key);
    bool seen = at < frame && frames[frame - 1].time >= key - same_time;
    return !seen || frames[at].cut >= part_of_cut * frames[frame].cut;
}

// The key frame that begins the new shot of the cut seen at a measured picture, or NAN.  One that
// comes a little later starts within the new shot.
static double key_of_cut(const struct search *search, size_t frame)
{
    const struct keys *keys = &search->source->keys;
    double time = search->signals->frames[frame].time;
    double within = fmin(cut_pictures * picture_seconds_at(search, frame) + same_time, keys->reach);
    double key = keys->all ? NAN : keys_near(keys, time, within);
    bool is_cut = key < time - same_time ? is_cut_too(search, key, frame)
                                         : key <= time + same_time || leaves_enough(search, key);
    return is_cut ? key : NAN;
}

// Pictures between the last measured one of the old shot and the first of the new may belong to
// either, so the end keeps to the last one that is known.
static double end_of_cut(const struct search *search, size_t frame)
{
    const struct signals_frame *frames = search->signals->frames;
    double picture = search->source->picture_seconds, time = frames[frame].time;
    if (frame == 0 || !(picture > 0))
        return time;
    double last = frames[frame - 1].time;
    return time - last > 1.5 * picture ? last + picture : time;
}

static void add_cut(struct search *search, double time)
{
    size_t frame = frame_near(search->signals, time);
    double start = search->signals->frames[frame].time, end = end_of_cut(search, frame);
    double key = key_of_cut(search, frame);
    if (!isnan(key)) {
        start = key;
        end = fmin(end, key);
    }
    if (cuts_speech_needlessly(search->snap, start) || cuts_speech_needlessly(search->snap, end))
        return;
    add_point(search, (struct snap_point){
                          .start = start,
                          .end = end,
                          .cost = kind_cost[SNAP_CUT] +
                                  (speech_at(search->snap, start) ? within_speech_cost : 0),
                          .kind = SNAP_CUT,
                          .may_start = true,
                          .may_end = true,
                          .on_key = !isnan(key),
                      });
}

static void add_between(struct search *search, double time, enum snap_kind kind)
{
    const struct signals *signals = search->signals;
    double at = signals->frames[frame_near(signals, time)].time;
    struct shot shot;
    if (at <= 0 || at >= search->snap->duration || cuts_speech_needlessly(search->snap, at) ||
        !shot_around(search, at, &shot))
        return;
    double least = least_of(&shot);
    struct snap_point point = {
        .start = at,
        .end = at,
        .cost = kind_cost[kind] + (speech_at(search->snap, at) ? within_speech_cost : 0),
        .kind = kind,
        .may_start = shot.last || shot.end - at >= least,
        .may_end = shot.first || at - shot.start >= least,
        .on_key = search->source->keys.all,
    };
    if (point.may_start || point.may_end)
        add_point(search, point);
}

// How far one cell of sound lies below its surroundings.
static double depth_of(const struct signals *signals, size_t cell)
{
    size_t around = (size_t)(quiet_around * SIGNALS_SOUND_HZ), count = 0;
    double sum = 0;
    for (size_t i = cell > around ? cell - around : 0;
         i <= cell + around && i < signals->sound_count; i++, count++)
        sum += signals->sounds[i].peak;
    return sum / (double)count - signals->sounds[cell].peak;
}

// The middle of the quietest 50 ms in [start, end), and how far it lies below its surroundings.
static double quietest(const struct signals *signals, double start, double end, double *ret_depth)
{
    size_t from = (size_t)ceil(start * SIGNALS_SOUND_HZ - 1e-6);
    size_t until = (size_t)fmin(end * SIGNALS_SOUND_HZ, (double)signals->sound_count);
    size_t best = from;
    for (size_t i = from; i < until; i++)
        if (signals->sounds[i].peak < signals->sounds[best].peak)
            best = i;
    *ret_depth = 0;
    if (from >= until)
        return (start + end) / 2;
    *ret_depth = depth_of(signals, best);
    return ((double)best + 0.5) / SIGNALS_SOUND_HZ;
}

// What is at the end of a stretch that borders on speech, if there is any.
static enum snap_kind kind_beside(const struct snap_speech *speech)
{
    if (speech == NULL)
        return SNAP_PLAIN;
    return speech->is_sentence ? SNAP_SENTENCE : SNAP_PAUSE;
}

static enum snap_kind better(enum snap_kind one, enum snap_kind other)
{
    return kind_cost[one] <= kind_cost[other] ? one : other;
}

// Points of a stretch without a word, between two of speech (NULL: none), or of one with words
// only: one in each half second.
static void add_stretch(struct search *search, double start, double end,
                        const struct snap_speech *before, const struct snap_speech *behind)
{
    size_t parts = (size_t)fmax(ceil((end - start) / grid - 1e-6), 1);
    for (size_t i = 0; i < parts; i++) {
        double from = start + (end - start) * (double)i / (double)parts;
        double until = start + (end - start) * (double)(i + 1) / (double)parts;
        double time = (from + until) / 2, depth = 0;
        if (search->signals->has_sound)
            time = quietest(search->signals, from, until, &depth);
        enum snap_kind kind = depth >= quiet_below ? SNAP_QUIET : SNAP_PLAIN;
        if (i == 0)
            kind = better(kind_beside(before), kind);
        if (i + 1 == parts)
            kind = better(kind_beside(behind), kind);
        add_between(search, time, kind);
    }
}

// Within a long sentence: in each half second the widest gap between words.
static void add_word_gaps(struct search *search, double start, double end)
{
    const struct snap *snap = search->snap;
    double widest = 0, time = 0, cell_end = start + grid;
    for (size_t i = 1; i < snap->word_count && snap->words[i - 1].end < end; i++) {
        double from = snap->words[i - 1].end, until = snap->words[i].start;
        double middle = (from + until) / 2;
        if (middle < start || middle >= end)
            continue;
        if (middle >= cell_end && widest > 0) {
            add_between(search, time, SNAP_WORD);
            widest = 0;
        }
        while (middle >= cell_end)
            cell_end += grid;
        if (until - from > widest) {
            widest = until - from;
            time = middle;
        }
    }
    if (widest > 0)
        add_between(search, time, SNAP_WORD);
}

static bool has_words(const struct snap *snap, const struct snap_speech *speech)
{
    for (size_t i = 0; i < snap->word_count && snap->words[i].start < speech->end; i++)
        if (snap->words[i].end > speech->start)
            return true;
    return false;
}

static void add_within(struct search *search, const struct snap_speech *speech)
{
    double start = speech->start + speech_reach, end = speech->end - speech_reach;
    if (end - start <= grid || end >= search->snap->duration)
        return;
    if (has_words(search->snap, speech))
        add_word_gaps(search, start, end);
    else
        add_stretch(search, start, end, NULL, NULL);
}

static void add_all_between(struct search *search)
{
    const struct snap *snap = search->snap;
    const struct snap_speech *before = NULL;
    double from = 0;
    for (size_t i = 0; i < snap->speech_count && from < snap->duration; i++) {
        const struct snap_speech *speech = &snap->speeches[i];
        if (speech->start > from)
            add_stretch(search, from, fmin(speech->start, snap->duration), before, speech);
        add_within(search, speech);
        from = speech->end;
        before = speech;
    }
    if (from < snap->duration)
        add_stretch(search, from, snap->duration, before, NULL);
}

// ---- key frames

static enum snap_kind kind_at(const struct search *search, double time)
{
    const struct snap *snap = search->snap;
    const struct signals *signals = search->signals;
    const struct snap_speech *around = speech_at(snap, time);
    size_t cell = (size_t)(time * SIGNALS_SOUND_HZ);
    if (around && around->is_sentence)
        return SNAP_WORD;
    if (!signals->has_sound || cell >= signals->sound_count)
        return SNAP_PLAIN;
    enum snap_kind kind = depth_of(signals, cell) >= quiet_below ? SNAP_QUIET : SNAP_PLAIN;
    if (around)
        return kind;
    kind = better(kind_beside(speech_at(snap, time - grid)), kind);
    return better(kind_beside(speech_at(snap, time + grid)), kind);
}

static void add_key(struct search *search, double time)
{
    struct shot shot;
    if (time <= 0 || time >= search->snap->duration || cuts_speech_needlessly(search->snap, time) ||
        !shot_around(search, time, &shot) || (!shot.last && shot.end - time < least_of(&shot)))
        return;
    enum snap_kind kind = kind_at(search, time);
    add_point(search, (struct snap_point){
                          .start = time,
                          .end = time,
                          .cost = kind_cost[kind] +
                                  (speech_at(search->snap, time) ? within_speech_cost : 0),
                          .kind = kind,
                          .may_start = true,
                          .on_key = true,
                      });
}

// True if `key` may stand for `point` as a start: not across a cut into an older shot, of which
// little would be seen, nor from a pause into words.
static bool may_replace(const struct search *search, const struct snap_point *key,
                        const struct snap_point *point)
{
    bool older = key->start < point->start && shots_until(search, key->start + same_time) <
                                                  shots_until(search, point->start + same_time);
    return key->may_start && key->on_key && !older &&
           (!speech_at(search->snap, key->start) || speech_at(search->snap, point->start));
}

static bool has_key_near(const struct search *search, const struct snap_point *point)
{
    const struct snap *snap = search->snap;
    double reach = search->source->keys.reach;
    for (size_t i = snap_from(snap, point->start - reach);
         i < snap->count && snap->points[i].start <= point->start + reach; i++)
        if (may_replace(search, &snap->points[i], point))
            return true;
    return false;
}

static double cost_of_head(const struct keys *keys, double start)
{
    size_t next = keys_from(keys, start);
    double head = next < keys->count ? keys->times[next] - start : HUGE_VAL;
    return fmin(head_cost + head_second_cost * head, head_cost_most);
}

// Says what each point costs as a start.
static void weigh_starts(const struct search *search)
{
    const struct keys *keys = &search->source->keys;
    bool care = keys->reach > 0 && keys->count > 0;
    for (size_t i = 0; i < search->snap->count; i++) {
        struct snap_point *point = &search->snap->points[i];
        point->start_cost = point->cost;
        if (!care || point->on_key || !point->may_start)
            continue;
        point->yields = has_key_near(search, point);
        point->start_cost += point->yields ? yields_cost : cost_of_head(keys, point->start);
    }
}

const struct snap_point *snap_key_near(const struct snap *snap, double time, double within)
{
    const struct snap_point *nearest = NULL;
    for (size_t i = snap_from(snap, time - within);
         i < snap->count && snap->points[i].start <= time + within; i++) {
        const struct snap_point *point = &snap->points[i];
        bool nearer = !nearest || fabs(point->start - time) < fabs(nearest->start - time);
        if (point->on_key && point->may_start && nearer)
            nearest = point;
    }
    return nearest;
}

// ---- all points

static int earlier_first(const void *a, const void *b)
{
    const struct snap_point *p = a, *q = b;
    if (p->start != q->start)
        return p->start < q->start ? -1 : 1;
    if (p->cost != q->cost)
        return p->cost < q->cost ? -1 : 1;
    return p->end < q->end ? -1 : p->end > q->end;
}

// Makes one of two points on one picture: all that either may, at the time of the key frame.
static void merge(struct snap_point *kept, const struct snap_point *other)
{
    struct snap_point cheaper = other->cost < kept->cost ? *other : *kept;
    if (other->on_key && !kept->on_key)
        cheaper.start = other->start;
    else if (kept->on_key)
        cheaper.start = kept->start;
    if (kept->may_end != other->may_end)
        cheaper.end = kept->may_end ? kept->end : other->end;
    cheaper.may_start = kept->may_start || other->may_start;
    cheaper.may_end = kept->may_end || other->may_end;
    cheaper.on_key = kept->on_key || other->on_key;
    *kept = cheaper;
}

static void drop_doubles(struct snap *snap)
{
    size_t kept = 0;
    for (size_t i = 0; i < snap->count; i++) {
        struct snap_point *last = kept ? &snap->points[kept - 1] : NULL;
        const struct snap_point *point = &snap->points[i];
        bool near = last && point->start - last->start < same_time;
        if (near && (point->on_key || last->on_key))
            merge(last, point);
        else if (!last || point->start > last->start)
            snap->points[kept++] = *point;
    }
    snap->count = kept;
}

static void add_key_frames(struct search *search)
{
    const struct keys *keys = &search->source->keys;
    if (keys->reach > 0 && !keys->all)
        for (size_t i = 0; i < keys->count; i++)
            add_key(search, keys->times[i]);
}

void snap_prepare(const struct snap_source *source, struct snap *snap)
{
    *snap = (struct snap){ .duration = source->duration };
    struct search search = { source, source->signals, snap, 0 };
    find_speech(source, snap);
    add_edges(&search);
    if (source->signals->frame_count) {
        for (size_t i = 1; i < source->shot_count; i++)
            if (source->shots[i].start > 0 && source->shots[i].start < source->duration)
                add_cut(&search, source->shots[i].start);
        add_all_between(&search);
        add_key_frames(&search);
    }
    qsort(snap->points, snap->count, sizeof *snap->points, earlier_first);
    drop_doubles(snap);
    weigh_starts(&search);
}

void snap_release(struct snap *snap)
{
    free(snap->points);
    free(snap->speeches);
    free(snap->words);
    *snap = (struct snap)SNAP_INIT;
}

size_t snap_from(const struct snap *snap, double time)
{
    size_t low = 0, high = snap->count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (snap->points[middle].start < time)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

// ---- segments chosen by other means

// One boundary of a segment: where it was, and where it may come to lie.
struct boundary {
    double time;
    bool is_end;
    double earliest, latest;
};

// The best point for it: within reach the cheapest (distance counting too), beyond it the nearest.
// NULL if none lies within what leaving speech may take.
static const struct snap_point *best_near(const struct snap *snap, const struct boundary *boundary,
                                          double reach)
{
    const struct snap_point *best = NULL;
    double least = HUGE_VAL, furthest = reach + speech_reach;
    for (size_t i = snap_from(snap, boundary->time - furthest); i < snap->count; i++) {
        const struct snap_point *point = &snap->points[i];
        double at = boundary->is_end ? point->end : point->start;
        double distance = fabs(at - boundary->time);
        if (point->start > boundary->time + furthest)
            break;
        if (!(boundary->is_end ? point->may_end : point->may_start) || at < boundary->earliest ||
            at > boundary->latest)
            continue;
        // Within reach the whole distance costs as much as a plain point; beyond, any point within
        // reach is better; and between words any point is better than within them.
        double place = boundary->is_end ? point->cost : point->start_cost;
        double cost =
            distance <= reach ? place + 0.12 * distance / fmax(reach, 1e-3) : 10 + distance;
        cost += speech_at(snap, point->start) ? 20 : 0;
        if (cost < least) {
            least = cost;
            best = point;
        }
    }
    return best;
}

void snap_segment(const struct snap *snap, double reach, double least, double most, double *start,
                  double *end)
{
    double longest = fmax(most, *end - *start);
    const struct boundary first = { *start, false, 0, snap->duration };
    const struct snap_point *from = best_near(snap, &first, reach);
    double new_start = from ? from->start : *start;
    const struct boundary last = { *end, true, 0, new_start + longest + 1e-3 };
    const struct snap_point *until = best_near(snap, &last, reach);
    double new_end = until ? until->end : fmin(*end, new_start + longest);
    if (new_end - new_start < fmin(least, snap->duration) - 1e-3)
        return;
    *start = new_start;
    *end = new_end;
}
