// How much is done side by side; see lanes.h.
#include "media/lanes.h"

// The rest of a stage was seen to hold 45 MB, most of it the libraries.
static const double held_bytes = 256e6;

static bool fits(const struct lanes_wish *wish, unsigned count, unsigned threads)
{
    return count * (wish->load.bytes + wish->load.more * (threads - 1)) <= held_bytes;
}

struct lanes lanes_choose(const struct lanes_wish *wish)
{
    unsigned processors = wish->processors ? wish->processors : 1;
    struct lanes lanes = { .count = wish->stretches < processors ? (unsigned)wish->stretches
                                                                 : processors };
    while (lanes.count > 1 && !fits(wish, lanes.count, 1))
        lanes.count--;
    lanes.count = lanes.count ? lanes.count : 1;
    lanes.threads = (processors + lanes.count - 1) / lanes.count;
    unsigned fewest = lanes.count == 1 && processors > 1 ? 2 : 1;
    while (lanes.threads > fewest && !fits(wish, lanes.count, lanes.threads))
        lanes.threads--;
    return lanes;
}
