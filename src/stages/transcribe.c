// transcribe: what is said in a source, and when.
#include "spool/transcript.h"
#include "stages/stage.h"

#include <fcntl.h>

static int run(struct stage_context *context, struct err *err)
{
    (void)err;
    if (faccessat(context->sourcedir, SOURCE_AUDIO, F_OK, AT_SYMLINK_NOFOLLOW) == 0)
        stage_warn(context, "what is said was not written down: nothing here can do it");
    json_put_int(context->numbers, "sentences", 0);
    return 0;
}

int main(int argc, char **argv)
{
    return stage_main(argc, argv, STAGE_TRANSCRIBE, run);
}
