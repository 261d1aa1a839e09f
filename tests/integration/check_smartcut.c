// The promise of the smart cut, on a table of made sources: whatever the coding and the container,
// what can be copied is copied, every picture of the reel is the one the plan asks for, and whoever
// looks from outside finds nothing to say.
//
// Three judges: reelcheck and untouched, which know nothing of how the reel was made but let a
// picture be off by one; and picture for picture, here.
#include "spool/batch.h"
#include "tests/support/coded.h"
#include "tests/support/media.h"
#include "tests/support/program.h"
#include "tests/support/render_batch.h"

#include <check.h>
#include <fcntl.h>
#include <math.h>
#include <stdio.h>
#include <sys/stat.h>

enum { SOURCES = 6, PIECES = 8 };
// What pictures are compared at: small enough to hold all, large enough to tell neighbours apart.
enum { WIDTH = 160, HEIGHT = 90, PICTURE = WIDTH * HEIGHT };

struct piece {
    int source, first, count; // in frames of the reel
};

struct row {
    const char *name;
    struct media_clip clips[SOURCES];
    const char *(*remake)(const char *path); // of each clip, after it was made
    const char *rate;                        // "30"
    struct piece pieces[PIECES];
    const char *job;
    const char *mode; // "smart"
    const char *why;  // fallback_reason has it; NULL: none is given
    int identical;    // pictures at least
    unsigned foreign; // bits of the sources that are conformed
    bool is_turned;
};

// Pulses that come ever faster: no two stretches of them are alike, and their edges are sharp.
#define PULSES(rate, channels)                                                             \
    "aevalsrc=exprs='0.4*sin(2*PI*440*t)*(0.1+0.9*lt(mod(t+0.4*t*t,1),0.4))':s=" rate ":c" \
    "=" channels
#define SOUND PULSES("48000", "stereo")
#define CLIP(file, fps, coding)                                                               \
    {                                                                                         \
        .name = file, .seconds = 8, .width = 320, .height = 180, .rate = fps, .sound = SOUND, \
        .options = coding                                                                     \
    }
#define SECOND "-g 30 -keyint_min 30 -sc_threshold 0 "
#define X264 "-c:v libx264 -preset veryfast -crf 20 -pix_fmt yuv420p "
#define X264_10 "-c:v libx264 -preset veryfast -crf 20 -pix_fmt yuv420p10le "
#define X265 "-c:v libx265 -preset ultrafast -crf 22 -pix_fmt yuv420p -tag:v hvc1 -x265-params "
#define X265_10 \
    "-c:v libx265 -preset ultrafast -crf 22 -pix_fmt yuv420p10le -tag:v hvc1 -x265-params "
#define VP9 "-c:v libvpx-vp9 -deadline good -cpu-used 5 -b:v 600k -g 30 -keyint_min 30 "
#define AOM "-c:v libaom-av1 -usage realtime -cpu-used 8 -b:v 600k -g 30 -keyint_min 30 "
#define SVT "-c:v libsvtav1 -preset 10 -b:v 600k -g 30 "
#define HEVC_SECOND "log-level=none:keyint=30:min-keyint=30:scenecut=0"

// On a key frame, from one to another; in the middle of a group, and out of another; the beginning.
#define USUAL                                        \
    {                                                \
        { 0, 60, 60 }, { 0, 135, 54 }, { 0, 0, 45 }, \
    }
// Of those 159 pictures 15 lie before the first key frame; the rest but for the tails.
#define USUALLY(tail) (159 - 15 - 2 * (tail))

// ---- files that ffmpeg does not make

// Writes the pictures again with lengths of `size` bytes, and the sound as it is.
static const char *with_lengths(const char *path, size_t size)
{
    const char *base = strrchr(path, '/') + 1;
    char *name = xasprintf("lengths%zu-%s", size, base);
    char *aside = xasprintf("/tmp/clipspool-test-lengths-%ld.mp4", (long)getpid());
    struct coded coded, out;
    coded_load(path, &coded);
    coded_load(path, &out);
    for (size_t i = 0; i < coded.count; i++) {
        const AVPacket *from = coded.packets[i];
        AVPacket *to = out.packets[i];
        size_t used = 0;
        ck_assert_int_ge(av_packet_make_writable(to), 0);
        for (int at = 0; at < from->size;) {
            size_t length = (size_t)from->data[at] << 24 | (size_t)from->data[at + 1] << 16 |
                            (size_t)from->data[at + 2] << 8 | from->data[at + 3];
            ck_assert_uint_lt(length, (size_t)1 << (8 * size));
            for (size_t byte = size; byte-- > 0;)
                to->data[used++] = (uint8_t)(length >> (8 * byte));
            memmove(to->data + used, from->data + at + 4, length);
            used += length;
            at += 4 + (int)length;
        }
        av_shrink_packet(to, (int)used);
    }
    uint8_t *configuration = out.parameters->extradata;
    bool is_hevc = out.parameters->codec_id == AV_CODEC_ID_HEVC;
    configuration[is_hevc ? 21 : 4] =
        (uint8_t)((configuration[is_hevc ? 21 : 4] & ~3) | (int)(size - 1));
    coded_write(&out, aside);
    const char *made = MEDIA_MAKE(name, "-i", aside, "-i", path, "-map", "0:v", "-map", "1:a", "-c",
                                  "copy", "-tag:v", is_hevc ? "hvc1" : "avc1");
    (void)unlink(aside);
    coded_release(&coded);
    coded_release(&out);
    free(aside);
    free(name);
    return made;
}

static const char *with_two_bytes(const char *path)
{
    return with_lengths(path, 2);
}

static const char *with_one_byte(const char *path)
{
    return with_lengths(path, 1);
}

// A cut in the file itself: an edit list hides the first half second of what is in it.
static const char *with_edit(const char *path)
{
    char *name = xasprintf("edited-%s", strrchr(path, '/') + 1);
    const char *made = MEDIA_MAKE(name, "-ss", "1.5", "-i", path, "-c", "copy");
    free(name);
    return made;
}

static const char *turned(const char *path)
{
    char *name = xasprintf("turned-%s", strrchr(path, '/') + 1);
    const char *made = MEDIA_MAKE(name, "-i", path, "-c", "copy", "-metadata:s:v:0", "rotate=90");
    free(name);
    return made;
}

static const struct row rows[] = {
    // ---- H.264: order, references, entropy coding
    { .name = "no B pictures",
      .clips = { CLIP("plain.mp4", "30", X264 SECOND "-bf 0") },
      .pieces = USUAL,
      .identical = USUALLY(0) },
    { .name = "two B pictures",
      .clips = { CLIP("bees.mp4", "30", X264 SECOND "-bf 2") },
      .pieces = USUAL,
      .identical = USUALLY(3) },
    { .name = "a strict pyramid",
      .clips = { CLIP("strict.mp4", "30",
                      X264 SECOND "-bf 3 -x264-params b-pyramid=strict:b-adapt=0") },
      .pieces = USUAL,
      .identical = USUALLY(4) },
    { .name = "a wide pyramid over eight references",
      .clips = { CLIP("wide.mp4", "30",
                      X264 SECOND "-bf 8 -refs 8 -x264-params b-pyramid=normal:b-adapt=0") },
      .pieces = USUAL,
      .identical = USUALLY(9) },
    { .name = "one reference",
      .clips = { CLIP("one.mp4", "30", X264 SECOND "-bf 2 -refs 1 -x264-params b-pyramid=none") },
      .pieces = USUAL,
      .identical = USUALLY(3) },
    { .name = "sixteen references",
      .clips = { CLIP("sixteen.mp4", "30", X264 SECOND "-bf 3 -refs 16") },
      .pieces = USUAL,
      .identical = USUALLY(4) },
    { .name = "baseline, CAVLC",
      .clips = { CLIP("base.mp4", "30", X264 SECOND "-profile:v baseline") },
      .pieces = USUAL,
      .identical = USUALLY(0) },
    { .name = "main, CAVLC, B pictures",
      .clips = { CLIP("cavlc.mp4", "30", X264 SECOND "-profile:v main -bf 2 -coder vlc") },
      .pieces = USUAL,
      .identical = USUALLY(3) },
    { .name = "slices, delimiters, sets in band, timing SEI",
      .clips = { CLIP("slices.mp4", "30",
                      X264 SECOND "-bf 2 -maxrate 1M -bufsize 1M -x264-params "
                                  "slices=4:aud=1:repeat-headers=1:nal-hrd=vbr:pic-struct=1") },
      .pieces = USUAL,
      .identical = USUALLY(3) },
    { .name = "filler to a constant rate",
      .clips = { CLIP(
          "filler.ts", "30",
          "-c:v libx264 -preset veryfast -pix_fmt yuv420p " SECOND
          "-bf 2 -b:v 2M -maxrate 2M -minrate 2M -bufsize 1M -x264-params nal-hrd=cbr") },
      .pieces = USUAL,
      .identical = USUALLY(3) },
    { .name = "every picture a key frame",
      .clips = { CLIP("intra.mp4", "30", X264 "-g 1") },
      .pieces = USUAL,
      .mode = "copy",
      .identical = 159 },
    { .name = "long groups",
      .clips = { CLIP("long.mp4", "30", X264 "-g 120 -keyint_min 120 -sc_threshold 0 -bf 3") },
      .pieces = { { 0, 90, 90 }, { 0, 30, 45 }, { 0, 120, 60 } },
      .identical = 60 - 4 + 60 - 4 },
    { .name = "ten bits",
      .clips = { CLIP("ten.mp4", "30", X264_10 SECOND "-bf 2") },
      .pieces = USUAL,
      .identical = USUALLY(3) },
    { .name = "ten bits, CAVLC, no B pictures",
      .clips = { CLIP("ten-cavlc.mkv", "30", X264_10 SECOND "-bf 0 -coder vlc") },
      .pieces = USUAL,
      .identical = USUALLY(0) },
    { .name = "4:2:2",
      .clips = { CLIP("422.mp4", "30",
                      "-c:v libx264 -preset veryfast -crf 20 -pix_fmt yuv422p " SECOND "-bf 2") },
      .pieces = USUAL,
      .identical = USUALLY(3) },
    { .name = "a size that is cropped, colours described",
      .clips = { { .name = "cropped.mp4",
                   .seconds = 8,
                   .width = 322,
                   .height = 182,
                   .rate = "30",
                   .sound = SOUND,
                   .options =
                       X264 SECOND "-bf 2 -color_range tv -colorspace bt709 -color_primaries "
                                   "bt709 -color_trc bt709" } },
      .pieces = USUAL,
      .identical = USUALLY(3) },
    { .name = "full range",
      .clips = { CLIP("full.mp4", "30",
                      "-c:v libx264 -preset veryfast -crf 20 -pix_fmt yuvj420p " SECOND "-bf 2") },
      .pieces = USUAL,
      .identical = USUALLY(3) },
    { .name = "wide samples",
      .clips = { { .name = "sar.mp4",
                   .seconds = 8,
                   .width = 240,
                   .height = 180,
                   .rate = "30",
                   .sound = SOUND,
                   .filter = "setsar=4/3",
                   .options = X264 SECOND "-bf 2" } },
      .pieces = USUAL,
      .identical = USUALLY(3) },
    { .name = "no sound",
      .clips = { { .name = "mute.mp4",
                   .seconds = 8,
                   .width = 320,
                   .height = 180,
                   .rate = "30",
                   .sound = "",
                   .options = X264 SECOND "-bf 2" } },
      .pieces = USUAL,
      .identical = USUALLY(3) },
    { .name = "turned by the display matrix",
      .clips = { CLIP("upright.mp4", "30", X264 SECOND "-bf 2") },
      .remake = turned,
      .is_turned = true,
      .pieces = USUAL,
      .identical = USUALLY(3) },

    // ---- open groups
    { .name = "open groups of H.264: only what follows the first picture",
      .clips = { CLIP("open.mp4", "30", X264 SECOND "-bf 3 -x264-params open-gop=1:b-adapt=0") },
      .pieces = { { 0, 0, 75 }, { 0, 120, 45 } },
      .identical = 75 - 4 },
    { .name = "open groups of H.264: nothing but their middle",
      .clips = { CLIP("open.mp4", "30", X264 SECOND "-bf 3 -x264-params open-gop=1:b-adapt=0") },
      .pieces = { { 0, 30, 45 }, { 0, 100, 45 } },
      .mode = "encode",
      .why = "no key frame lies where it could be copied from" },
    { .name = "pictures refreshed by columns, without key frames",
      .clips = { CLIP("refresh.mp4", "30", X264 SECOND "-bf 0 -x264-params intra-refresh=1") },
      .pieces = { { 0, 30, 45 }, { 0, 100, 45 } },
      .mode = "encode",
      .why = "no key frame lies where it could be copied from" },

    // ---- HEVC
    { .name = "HEVC, closed groups",
      .clips = { CLIP("hevc.mp4", "30", X265 HEVC_SECOND ":open-gop=0:bframes=3") },
      .pieces = USUAL,
      .identical = USUALLY(4) },
    { .name = "HEVC, open groups: CRA and leading pictures",
      .clips = { CLIP("cra.mp4", "30", X265 HEVC_SECOND ":open-gop=1:bframes=4:b-adapt=0") },
      .pieces = { { 0, 60, 60 }, { 0, 135, 54 }, { 0, 0, 45 }, { 0, 90, 75 } },
      .identical = USUALLY(5) + 70 - 5 },
    { .name = "HEVC, ten bits, closed groups, Matroska",
      .clips = { CLIP("ten-hevc.mkv", "24000/1001", X265_10 HEVC_SECOND ":open-gop=0:bframes=3") },
      .rate = "24000/1001",
      .pieces = { { 0, 60, 60 }, { 0, 105, 45 } },
      .identical = 60 + 30 - 4 },
    { .name = "HEVC, ten bits, open groups, a transport stream",
      .clips = { CLIP("ten-cra.ts", "25", X265_10 HEVC_SECOND ":open-gop=1:bframes=4:b-adapt=0") },
      .rate = "25",
      .pieces = { { 0, 60, 60 }, { 0, 105, 45 } },
      .identical = 60 - 5 + 30 - 5 },
    { .name = "HEVC, 60 a second, a pyramid, sets of two encoders",
      .clips = { { .name = "fast-a.mov",
                   .seconds = 4,
                   .width = 320,
                   .height = 180,
                   .rate = "60",
                   .sound = SOUND,
                   .options = X265 HEVC_SECOND ":open-gop=0:bframes=4:b-pyramid=1:ref=5" },
                 { .name = "fast-b.mp4",
                   .seconds = 4,
                   .width = 320,
                   .height = 180,
                   .rate = "60",
                   .sound = SOUND,
                   .options = X265 HEVC_SECOND ":open-gop=0:bframes=0:ref=1:ctu=16" } },
      .rate = "60",
      .pieces = { { 0, 60, 90 }, { 1, 45, 105 }, { 0, 0, 30 } },
      .identical = 90 + 90 + 30 },
    { .name = "HEVC, lengths of two bytes",
      .clips = { CLIP("small-hevc.mp4", "30", X265 HEVC_SECOND ":open-gop=0:bframes=3") },
      .remake = with_two_bytes,
      .pieces = USUAL,
      .identical = USUALLY(4) },

    // ---- VP9 and AV1
    { .name = "VP9, pictures that are decoded before they are shown",
      .clips = { CLIP("hidden.webm", "30",
                      VP9 "-pix_fmt yuv420p -auto-alt-ref 1 -lag-in-frames 16") },
      .pieces = USUAL,
      .identical = USUALLY(0) },
    { .name = "VP9, ten bits",
      .clips = { CLIP("ten-vp9.mp4", "25", VP9 "-pix_fmt yuv420p10le") },
      .rate = "25",
      .pieces = { { 0, 60, 60 }, { 0, 105, 45 } },
      .identical = 60 + 30 },
    { .name = "AV1 of two encoders, in MP4 and Matroska",
      .clips = { CLIP("aom.mp4", "30", AOM "-pix_fmt yuv420p"),
                 CLIP("svt.mkv", "30", SVT "-pix_fmt yuv420p") },
      .pieces = { { 0, 60, 60 }, { 1, 135, 54 }, { 1, 0, 45 } },
      .identical = USUALLY(0) },
    { .name = "AV1, ten bits",
      .clips = { CLIP("ten-av1.webm", "30", SVT "-pix_fmt yuv420p10le") },
      .pieces = { { 0, 60, 60 }, { 0, 135, 54 } },
      .identical = 60 + 39 },
    { .name = "VP9 for the lesser part only: made to match the H.264",
      .clips = { CLIP("hidden.webm", "30",
                      VP9 "-pix_fmt yuv420p -auto-alt-ref 1 -lag-in-frames 16"),
                 CLIP("bees.mp4", "30", X264 SECOND "-bf 2") },
      .foreign = 1,
      .pieces = { { 0, 60, 30 }, { 1, 30, 45 } },
      .identical = 45 - 3 },

    // ---- containers and clocks
    { .name = "23.976 in Matroska",
      .clips = { CLIP("film.mkv", "24000/1001", X264 SECOND "-bf 3") },
      .rate = "24000/1001",
      .pieces = { { 0, 60, 60 }, { 0, 105, 45 } },
      .identical = 60 + 30 - 4 },
    { .name = "24 with the start at 50 s",
      .clips = { CLIP("late.mkv", "24", X264 SECOND "-bf 3 -output_ts_offset 50") },
      .rate = "24",
      .pieces = { { 0, 60, 60 }, { 0, 105, 45 } },
      .identical = 60 + 30 - 4 },
    { .name = "25 in a transport stream",
      .clips = { CLIP("pal.ts", "25", X264 SECOND "-bf 3") },
      .rate = "25",
      .pieces = { { 0, 60, 60 }, { 0, 105, 45 } },
      .identical = 60 - 4 + 30 - 4 },
    { .name = "29.97 in QuickTime",
      .clips = { CLIP("ntsc.mov", "30000/1001", X264 SECOND "-bf 3") },
      .rate = "30000/1001",
      .pieces = USUAL,
      .identical = USUALLY(4) },
    { .name = "50 with the start at 3 s",
      .clips = { { .name = "fifty.mp4",
                   .seconds = 4,
                   .width = 320,
                   .height = 180,
                   .rate = "50",
                   .sound = SOUND,
                   .options = X264 SECOND "-bf 3 -output_ts_offset 3" } },
      .rate = "50",
      .pieces = { { 0, 60, 90 }, { 0, 105, 75 } },
      .identical = 90 + 60 - 4 },
    { .name = "60 in fragments",
      .clips = { { .name = "sixty.mp4",
                   .seconds = 4,
                   .width = 320,
                   .height = 180,
                   .rate = "60",
                   .sound = SOUND,
                   .options = X264 SECOND "-bf 2 -movflags frag_keyframe+empty_moov" } },
      .rate = "60",
      .pieces = { { 0, 60, 90 }, { 0, 105, 105 } },
      .identical = 90 + 90 - 3 },
    { .name = "59.94 in Matroska",
      .clips = { { .name = "sixty.mkv",
                   .seconds = 4,
                   .width = 320,
                   .height = 180,
                   .rate = "60000/1001",
                   .sound = SOUND,
                   .options = X264 SECOND "-bf 2" } },
      .rate = "60000/1001",
      .pieces = { { 0, 60, 90 }, { 0, 105, 105 } },
      .identical = 90 + 90 - 3 },
    { .name = "an edit list that hides half a group",
      .clips = { CLIP("whole.mp4", "30", X264 SECOND "-bf 2") },
      .remake = with_edit,
      .pieces = { { 0, 0, 60 }, { 0, 75, 60 } },
      .identical = 45 - 3 + 60 - 3 },
    { .name = "times of display before those of coding",
      .clips = { CLIP("cts.mp4", "30", X264 SECOND "-bf 2 -movflags negative_cts_offsets") },
      .pieces = USUAL,
      .identical = USUALLY(3) },
    { .name = "lengths of two bytes",
      .clips = { CLIP("small.mp4", "30", X264 SECOND "-bf 2") },
      .remake = with_two_bytes,
      .pieces = USUAL,
      .identical = USUALLY(3) },
    { .name = "lengths of one byte",
      .clips = { { .name = "tiny.mp4",
                   .seconds = 8,
                   .width = 96,
                   .height = 54,
                   .rate = "30",
                   .sound = SOUND,
                   .options = X264 SECOND "-bf 2 -bsf:v filter_units=remove_types=6 -x264-params "
                                          "slice-max-size=240" } },
      .remake = with_one_byte,
      .pieces = USUAL,
      .identical = USUALLY(3) },

    // ---- several sources
    { .name = "one format, five encoders",
      .clips = { CLIP("a.mp4", "30", X264 SECOND "-bf 0 -refs 1"),
                 CLIP("b.mkv", "30", X264 SECOND "-bf 3 -refs 5 -x264-params weightp=2"),
                 CLIP("c.ts", "30", X264 SECOND "-bf 2 -profile:v main"),
                 CLIP("d.mov", "30", X264 SECOND "-bf 2 -coder vlc -x264-params 8x8dct=0:qpmin=10"),
                 CLIP("e.mp4", "30", X264 SECOND "-profile:v baseline -refs 3") },
      .pieces = { { 0, 60, 45 },
                  { 1, 90, 45 },
                  { 2, 105, 45 },
                  { 3, 30, 45 },
                  { 4, 45, 45 },
                  { 1, 15, 45 },
                  { 0, 180, 45 } },
      .identical = 45 + 41 + 27 + 42 + 30 + 26 + 45 },
    { .name = "a majority and others, which are made to match",
      .clips = { CLIP("most-a.mp4", "30", X264 SECOND "-bf 2"),
                 CLIP("most-b.mkv", "30", X264 SECOND "-bf 3 -refs 4"),
                 { .name = "pal.mp4",
                   .seconds = 8,
                   .width = 256,
                   .height = 144,
                   .rate = "25",
                   .sound = PULSES("44100", "mono"),
                   .options = X264 },
                 { .name = "old.avi",
                   .seconds = 8,
                   .width = 320,
                   .height = 240,
                   .rate = "30",
                   .sound = PULSES("44100", "stereo"),
                   .options = "-c:v mpeg4 -q:v 2 -c:a pcm_s16le" } },
      .foreign = 1 << 2 | 1 << 3,
      .pieces = { { 0, 60, 60 }, { 2, 30, 45 }, { 1, 105, 60 }, { 3, 60, 45 }, { 0, 30, 45 } },
      .identical = 60 + 41 + 42 },

    // ---- what is not copied, and why
    { .name = "interlaced",
      .clips = { CLIP("fields.ts", "25",
                      "-c:v libx264 -preset veryfast -crf 18 -pix_fmt yuv420p -g "
                      "25 -flags +ildct+ilme -x264-params tff=1") },
      .rate = "25",
      .foreign = 1, // what is made of fields is no picture of the source
      .pieces = { { 0, 50, 50 } },
      .mode = "encode",
      .why = "it is interlaced" },
    { .name = "VP9 where H.264 was asked for",
      .clips = { CLIP("hidden.webm", "30",
                      VP9 "-pix_fmt yuv420p -auto-alt-ref 1 -lag-in-frames 16") },
      .job = "output = { encoder = \"libx264\"; };",
      .pieces = { { 0, 60, 60 } },
      .mode = "encode",
      .why = "another codec was asked for" },
    { .name = "4:4:4",
      .clips = { CLIP("444.mp4", "30",
                      "-c:v libx264 -preset veryfast -crf 20 -pix_fmt yuv444p " SECOND) },
      .pieces = { { 0, 60, 60 } },
      .mode = "encode",
      .why = "its profile is not one that can be encoded beside it" },
    { .name = "a new compression was asked for",
      .clips = { CLIP("bees.mp4", "30", X264 SECOND "-bf 2") },
      .job = "output = { mode = \"recompress\"; };",
      .pieces = { { 0, 60, 60 } },
      .mode = "encode" },
    { .name = "another size was asked for",
      .clips = { CLIP("bees.mp4", "30", X264 SECOND "-bf 2") },
      .job = "output = { resolution = \"480p\"; };",
      .pieces = { { 0, 60, 60 } },
      .mode = "encode",
      .why = "another size was asked for" },
};

// ---- picture for picture

struct film {
    unsigned char *pictures; // grey, in the order shown
    size_t count;
};

static void load_film(const struct render_batch *batch, const char *path, struct film *ret_film)
{
    struct stat status;
    char *grey = render_batch_path(batch, "grey");
    ck_assert_int_eq(PROGRAM_RUN(NULL, "ffmpeg", "-nostdin", "-v", "error", "-y", "-noautorotate",
                                 "-i", path, "-map", "0:v:0", "-fps_mode", "passthrough", "-vf",
                                 "scale=160:90:flags=area,format=gray", "-f", "rawvideo", grey),
                     0);
    int fd = open(grey, O_RDONLY | O_CLOEXEC);
    ck_assert_int_eq(fstat(fd, &status), 0);
    ret_film->count = (size_t)status.st_size / PICTURE;
    ret_film->pictures = xcalloc(ret_film->count + 1, PICTURE);
    ck_assert_int_eq(read(fd, ret_film->pictures, (size_t)status.st_size), status.st_size);
    close_fd(&fd);
    (void)unlink(grey);
    free(grey);
}

static long distance(const struct film *a, size_t i, const struct film *b, size_t j)
{
    const unsigned char *x = a->pictures + i * PICTURE, *y = b->pictures + j * PICTURE;
    long sum = 0;
    for (size_t n = 0; n < PICTURE; n++)
        sum += labs((long)x[n] - y[n]);
    return sum;
}

// The piece is in the reel from picture `at` on: each is nearer to its original than to its
// neighbours.
static void compare_piece(const struct piece *piece, const struct film *reel, size_t at,
                          const struct film *source)
{
    for (int n = 0; n < piece->count; n++) {
        size_t from = (size_t)(piece->first + n);
        ck_assert_uint_lt(at + (size_t)n, reel->count);
        ck_assert_uint_lt(from, source->count);
        long here = distance(reel, at + (size_t)n, source, from);
        for (size_t other = from > 0 ? from - 1 : 1; other <= from + 1; other += 2)
            ck_assert_msg(other >= source->count ||
                              here < distance(reel, at + (size_t)n, source, other),
                          "picture %zu of the reel is not picture %zu of source %d (nearer to %zu)",
                          at + (size_t)n, from, piece->source, other);
    }
}

static void compare_pictures(const struct row *row, const struct render_batch *batch)
{
    struct film films[SOURCES] = { { 0 } }, reel;
    char *final = render_batch_path(batch, BATCH_FINAL);
    size_t at = 0;
    load_film(batch, final, &reel);
    for (size_t i = 0; i < PIECES && row->pieces[i].count > 0; i++) {
        const struct piece *piece = &row->pieces[i];
        bool is_foreign = row->foreign >> piece->source & 1;
        if (!is_foreign && !films[piece->source].pictures)
            load_film(batch, batch->paths[piece->source], &films[piece->source]);
        if (!is_foreign)
            compare_piece(piece, &reel, at, &films[piece->source]);
        at += (size_t)piece->count;
    }
    ck_assert_uint_eq(reel.count, at);
    for (size_t i = 0; i < SOURCES; i++)
        free(films[i].pictures);
    free(reel.pictures);
    free(final);
}

// ---- the judges

// reelcheck fits originals into the coded size of the reel, and knows nothing of a reel that is
// turned when it is shown: it is given all of them as they are coded.
static void hold_turned(const struct row *row, const struct render_batch *batch)
{
    char *final = render_batch_path(batch, BATCH_FINAL);
    char *upright = render_batch_path(batch, "upright.mp4"), *turn = NULL, *turn_of_source = NULL;
    const char *const paths[] = { media_clip(&row->clips[0]) };
    ck_assert_int_eq(PROGRAM_RUN(NULL, "ffmpeg", "-nostdin", "-v", "error", "-i", final, "-map",
                                 "0:v", "-map", "0:a", "-c", "copy", "-metadata:s:v:0", "rotate=0",
                                 upright),
                     0);
    render_batch_hold(batch, &(struct render_case){ .final = upright, .paths = paths });
    const char *asked[] = { final, batch->paths[0] };
    char **answers[] = { &turn, &turn_of_source };
    for (size_t i = 0; i < ARRAY_LEN(asked); i++)
        ck_assert_int_eq(PROGRAM_RUN(answers[i], "ffprobe", "-v", "error", "-select_streams", "v:0",
                                     "-show_entries", "stream_side_data=displaymatrix,rotation",
                                     "-of", "csv=p=0", asked[i]),
                         0);
    ck_assert_str_eq(turn, turn_of_source);
    ck_assert_msg(strstr(turn, "90") != NULL, "%s", turn);
    free(turn);
    free(turn_of_source);
    free(upright);
    free(final);
}

static void hold(const struct row *row, const struct render_batch *batch)
{
    const char *paths[RENDER_SOURCES];
    if (row->is_turned) {
        hold_turned(row, batch);
        return;
    }
    for (size_t i = 0; i < batch->count; i++)
        paths[i] = render_batch_reference(batch->paths[i]);
    render_batch_hold(batch, &(struct render_case){ .paths = paths });
}

static void assert_untouched(const struct row *row, const struct render_batch *batch, int copied)
{
    struct render_untouched found;
    if (!render_batch_untouched(batch, &(struct render_case){ .final = NULL }, &found))
        return;
    ck_assert_msg(found.messages == 0 && found.misplaced == 0 && found.is_even, "%s", found.said);
    ck_assert_msg(found.identical >= row->identical && found.identical >= copied,
                  "%d wanted, %d copied: %s", row->identical, copied, found.said);
}

// ---- a row

static void plan_row(const struct row *row, const struct render_batch *batch)
{
    struct render_piece pieces[PIECES];
    int num = 30, den = 1;
    size_t count = 0;
    if (row->rate)
        ck_assert_int_ge(sscanf(row->rate, "%d/%d", &num, &den), 1);
    // To milliseconds, as plans are written.
    for (; count < PIECES && row->pieces[count].count > 0; count++) {
        const struct piece *piece = &row->pieces[count];
        double first = piece->first, end = first + piece->count;
        pieces[count] = (struct render_piece){ piece->source, round(first * den / num * 1e3) / 1e3,
                                               round(end * den / num * 1e3) / 1e3 };
    }
    render_batch_plan(batch, pieces, count);
}

static int assert_numbers(const struct row *row, const struct render_batch *batch)
{
    json_t *numbers = render_batch_numbers(batch);
    const char *why = render_batch_word(numbers, "fallback_reason");
    int copied = (int)json_integer_value(json_object_get(numbers, "frames_copied"));
    int encoded = (int)json_integer_value(json_object_get(numbers, "frames_encoded")), all = 0;
    for (size_t i = 0; i < PIECES; i++)
        all += row->pieces[i].count;
    ck_assert_msg(row->why ? strstr(why, row->why) != NULL : why[0] == '\0', "because %s", why);
    ck_assert_str_eq(render_batch_word(numbers, "render_mode"), row->mode ? row->mode : "smart");
    ck_assert_int_eq(copied + encoded, all);
    ck_assert_int_ge(copied, row->identical);
    json_decref(numbers);
    return copied;
}

START_TEST(what_can_be_copied_is_copied_and_nobody_can_tell)
{
    const struct row *row = &rows[_i];
    const char *paths[RENDER_SOURCES] = { 0 };
    struct render_batch batch;
    for (size_t i = 0; i < SOURCES && row->clips[i].name; i++) {
        paths[i] = media_clip(&row->clips[i]);
        if (row->remake)
            paths[i] = row->remake(paths[i]);
    }
    render_batch_make(&batch, paths, row->job);
    plan_row(row, &batch);
    render_batch_must_run(&batch, "render", NULL);
    int copied = assert_numbers(row, &batch);
    render_batch_decodes(&batch);
    compare_pictures(row, &batch);
    hold(row, &batch);
    if (copied > 0)
        assert_untouched(row, &batch, copied);
    render_batch_remove(&batch);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("smartcut");
    // A case a row: CK_RUN_CASE takes its name, and a failure says it.
    for (int i = 0; i < (int)ARRAY_LEN(rows); i++) {
        TCase *tcase = tcase_create(rows[i].name);
        tcase_set_timeout(tcase, 180);
        tcase_add_loop_test(tcase, what_can_be_copied_is_copied_and_nobody_can_tell, i, i + 1);
        suite_add_tcase(suite, tcase);
    }
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_ENV);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
