// Video tokens: sampling in time, fitting in space, counting squares.
#include "model/tokens.h"

#include <ctype.h>
#include <math.h>

// Two pictures that follow each other are one layer; the video is put between two marks.
enum { LAYER_FRAMES = 2, MARKS = 2, LEAST_FRAMES = 4, LEAST_SQUARES = 4 };

static const double usual_fps = 2.0;

// The longest beginning decides.  Pixels are squares times factor squared, as the vendor has them.
static const struct {
    const char *beginning;
    struct tokens_rules rules;
} known[] = {
    { "qwen3-vl-plus", { 32, 2000, 655360, 134217728, 2621440, 3600 } },
    { "qwen3-vl-flash", { 32, 2000, 655360, 134217728, 2621440, 3600 } },
    { "qwen3-vl", { 32, 512, 655360, 67108864, 2621440, 1200 } },
    { "qwen3.", { 32, 8000, 655360, 819200000, 2621440, 7200 } },
    { "qwen-vl-max", { 32, 512, 655360, 67108864, 2621440, 1200 } },
    { "qwen-vl-plus", { 32, 512, 655360, 67108864, 2621440, 600 } },
    { "qwen2.5-vl", { 28, 512, 501760, 51380224, 1003520, 600 } },
    { "qvq", { 28, 512, 501760, 51380224, 1003520, 600 } },
};

const struct tokens_rules *tokens_rules_of(const char *model)
{
    const struct tokens_rules *found = NULL;
    size_t longest = 0;
    for (size_t i = 0; i < ARRAY_LEN(known); i++) {
        size_t length = strlen(known[i].beginning);
        if (length > longest && strncmp(model, known[i].beginning, length) == 0) {
            longest = length;
            found = &known[i].rules;
        }
    }
    return found;
}

// A side in whole squares.  Halves go to the even side, as the published code rounds them.
static double whole_squares(double side, double factor, double (*whole)(double))
{
    return fmax(whole(side / factor), 1) * factor;
}

// Fits a picture between `least` and `most` pixels, keeping its shape about.
static void fit(unsigned factor, double most, double least, double *width, double *height)
{
    double w = whole_squares(*width, factor, rint), h = whole_squares(*height, factor, rint);
    if (w * h > most) {
        // A line may have few pixels and still many squares; it is not enlarged for that.
        double shrink = fmax(sqrt(*width * *height / most), 1);
        w = whole_squares(*width / shrink, factor, floor);
        h = whole_squares(*height / shrink, factor, floor);
    } else if (w * h < least) {
        double grow = sqrt(least / (*width * *height));
        w = whole_squares(*width * grow, factor, ceil);
        h = whole_squares(*height * grow, factor, ceil);
    }
    *width = w;
    *height = h;
}

static double least_pixels(const struct tokens_rules *rules)
{
    return (double)LEAST_SQUARES * rules->factor * rules->factor;
}

static void count(const struct tokens_rules *rules, unsigned frames, double width, double height,
                  uint64_t max_pixels, struct tokens_view *ret)
{
    uint64_t frame_pixels = rules->frame_pixels;
    if (max_pixels > 0 && max_pixels < frame_pixels)
        frame_pixels = max_pixels;
    double each = (double)LAYER_FRAMES * (double)rules->video_pixels / frames;
    double least = least_pixels(rules);
    double most = fmax(fmin((double)frame_pixels, each), floor(1.05 * least));
    fit(rules->factor, most, least, &width, &height);
    *ret = (struct tokens_view){ frames, (unsigned)width, (unsigned)height, 0 };
    uint64_t layers = (frames + LAYER_FRAMES - 1) / LAYER_FRAMES;
    ret->tokens = layers * (ret->width / rules->factor) * (ret->height / rules->factor) + MARKS;
}

// How many pictures are sampled.  What is left over behind the last whole second counts only if a
// picture would fall into it.
static unsigned sampled(const struct tokens_rules *rules, const struct tokens_video *video,
                        double fps)
{
    double seconds = video->frames / video->fps, whole = floor(seconds);
    double usable =
        seconds - whole > 1 / fps ? ceil(seconds * video->fps) : ceil(whole * video->fps);
    double most = 2 * floor(fmin(rules->most_frames, video->frames) / 2);
    double frames = fmax(usable / video->fps * fps, LEAST_FRAMES);
    return (unsigned)fmin(fmin(frames, most), usable);
}

void tokens_of_video(const struct tokens_rules *rules, const struct tokens_video *video, double fps,
                     uint64_t max_pixels, struct tokens_view *ret)
{
    *ret = (struct tokens_view){ 0 };
    // Written so that what is no number is no extent either.
    bool extent = video->frames >= 1 && video->fps > 0 && isfinite(video->frames) &&
                  isfinite(video->fps) && video->width > 0 && video->height > 0;
    if (!extent)
        return;
    unsigned frames = sampled(rules, video, fps > 0 ? fps : usual_fps);
    // Less than a second, or a single picture: it is still looked at.
    count(rules, frames > 0 ? frames : 1, video->width, video->height, max_pixels, ret);
}

void tokens_of_frames(const struct tokens_rules *rules, unsigned frames, unsigned width,
                      unsigned height, struct tokens_view *ret)
{
    *ret = (struct tokens_view){ 0 };
    if (frames > 0 && width > 0 && height > 0)
        count(rules, frames, width, height, 0, ret);
}

uint64_t tokens_of_picture(const struct tokens_rules *rules, unsigned width, unsigned height)
{
    if (width == 0 || height == 0)
        return 0;
    double w = width, h = height;
    fit(rules->factor, (double)rules->picture_pixels, least_pixels(rules), &w, &h);
    return (uint64_t)(w / rules->factor) * (uint64_t)(h / rules->factor) + MARKS;
}

uint64_t tokens_of_text(const char *text, size_t length)
{
    enum { WORD_LETTERS = 3 };
    uint64_t tokens = 0, letters = 0;
    for (size_t i = 0; i < length; i++) {
        unsigned char c = (unsigned char)text[i];
        bool letter = c < 0x80 && isalpha(c);
        letters = letter ? letters + 1 : 0;
        // The first letter of every three, each mark and digit, and the first byte of a character
        // beyond ASCII.  A blank goes with the word behind it.
        if (letter ? letters % WORD_LETTERS == 1 : c != ' ' && (c & 0xC0) != 0x80)
            tokens++;
    }
    return tokens;
}
