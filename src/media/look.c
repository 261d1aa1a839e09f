// The reel's size, rate and colours; see look.h.
#include "media/look.h"

#include "media/timeline.h"
#include <math.h>

enum {
    SMALLEST = 32,  // that every H.264 decoder takes
    LARGEST = 8192, // level 6.2
    // Above these a picture is high definition (ITU-R BT.709 against BT.601).
    SD_LINES = 576,
    SD_COLUMNS = 1024,
};

static int side(double length)
{
    int even = 2 * (int)lround(fmin(fmax(length, 0), LARGEST) / 2);
    return even < SMALLEST ? SMALLEST : even;
}

static bool same_size(const struct look_source *a, const struct look_source *b)
{
    return side(a->width) == side(b->width) && side(a->height) == side(b->height);
}

static bool same_rate(const struct look_source *a, const struct look_source *b)
{
    return (int64_t)a->fps_num * b->fps_den == (int64_t)b->fps_num * a->fps_den;
}

static bool same_matrix(const struct look_source *a, const struct look_source *b)
{
    return a->is_bt709 == b->is_bt709;
}

// The first source of the largest party.
static const struct look_source *majority(const struct look_source *sources, size_t count,
                                          bool (*agree)(const struct look_source *,
                                                        const struct look_source *))
{
    const struct look_source *best = sources;
    double most = -1;
    for (size_t i = 0; i < count; i++) {
        double seconds = 0;
        for (size_t j = 0; j < count; j++)
            seconds += agree(&sources[i], &sources[j]) ? sources[j].seconds : 0;
        if (seconds > most + 1e-9) {
            best = &sources[i];
            most = seconds;
        }
    }
    return best;
}

static void choose_size(const struct look_source *typical, const struct look_wish *wish,
                        struct graph_look *picture)
{
    double width = typical->width, height = typical->height;
    if (wish->width > 0 && wish->height > 0) {
        bool on_end = wish->is_box && height > width;
        double box_width = on_end ? wish->height : wish->width;
        double box_height = on_end ? wish->width : wish->height;
        double factor = fmin(box_width / width, box_height / height);
        width = wish->is_box ? width * factor : box_width;
        height = wish->is_box ? height * factor : box_height;
    }
    double too_large = fmax(fmax(width, height) / LARGEST, 1);
    picture->width = side(width / too_large);
    picture->height = side(height / too_large);
}

struct look look_choose(const struct look_source *sources, size_t count,
                        const struct look_wish *wish)
{
    struct look look = { 0 };
    choose_size(majority(sources, count, same_size), wish, &look.picture);
    const struct look_source *rate = majority(sources, count, same_rate);
    look.fps_num = rate->fps_num;
    look.fps_den = rate->fps_den;
    if (wish->fps > 60.5) { // never chosen, but it may be asked for
        look.fps_num = (int)lround(wish->fps);
        look.fps_den = 1;
    } else if (wish->fps > 0)
        timeline_rate(wish->fps, wish->fps, false, &look.fps_num, &look.fps_den);
    int width = look.picture.width, height = look.picture.height;
    int lines = width < height ? width : height, columns = width < height ? height : width;
    bool hd = lines > SD_LINES || columns > SD_COLUMNS;
    bool bt709 = hd || majority(sources, count, same_matrix)->is_bt709;
    look.picture.matrix = bt709 ? AVCOL_SPC_BT709 : AVCOL_SPC_SMPTE170M;
    return look;
}
