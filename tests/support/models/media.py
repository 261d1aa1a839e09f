"""What was shown: pictures, videos and sound, looked into as far as a service has to for its answer and its bill."""
import math, struct, wave, io


class Unreadable(Exception):
    pass


# ---- pictures


def picture_size(data):
    """Width and height of a whole JPEG or a PNG."""
    if data[:8] == b"\x89PNG\r\n\x1a\n":
        return struct.unpack(">II", data[16:24])
    if data[:2] != b"\xff\xd8" or data.rstrip(b"\0")[-2:] != b"\xff\xd9":
        raise Unreadable("neither a whole JPEG nor a PNG")
    at = 2
    while at + 9 < len(data):
        marker, length = data[at + 1], struct.unpack(">H", data[at + 2:at + 4])[0]
        if data[at] != 0xFF:
            break
        if 0xC0 <= marker <= 0xCF and marker not in (0xC4, 0xC8, 0xCC):
            height, width = struct.unpack(">HH", data[at + 5:at + 9])
            return width, height
        at += 2 + length
    raise Unreadable("a JPEG without a frame")


# ---- videos


def boxes(data, begin, end):
    """The boxes of an MP4 from begin to end: type, begin and end of what is in them."""
    while begin + 8 <= end:
        size, kind = struct.unpack(">I4s", data[begin:begin + 8])
        inner = begin + 8
        if size == 1:
            size, inner = struct.unpack(">Q", data[inner:inner + 8])[0], inner + 8
        size = size or end - begin
        if size < 8 or begin + size > end:
            raise Unreadable("a box that ends behind its file")
        yield kind, inner, begin + size
        begin += size


def find(data, path, begin=0, end=None):
    """All boxes at a path as b"moov/trak"."""
    first, _, rest = path.partition(b"/")
    for kind, inner, close in boxes(data, begin, len(data) if end is None else end):
        if kind == first:
            if rest:
                yield from find(data, rest, inner, close)
            else:
                yield inner, close


def one(data, path, span):
    for found in find(data, path, *span):
        return found
    raise Unreadable(f"an MP4 without {path.decode()}")


class Video:
    """Of an MP4: width, height, frames, duration in seconds; has_sound."""

    def __init__(self, data):
        self.width = self.height = self.frames = 0
        self.duration, self.has_sound = 0.0, False
        try:
            for span in find(data, b"moov/trak"):
                self.take_track(data, span)
        except struct.error as error:
            raise Unreadable("an MP4 that is cut") from error
        if not self.frames and not self.has_sound:
            raise Unreadable("no MP4 with pictures or sound")

    def take_track(self, data, span):
        kind = data[one(data, b"mdia/hdlr", span)[0] + 8:][:4]
        begin, _ = one(data, b"mdia/mdhd", span)
        if data[begin] == 0:
            scale, length = struct.unpack(">II", data[begin + 12:begin + 20])
        else:
            scale, length = struct.unpack(">IQ", data[begin + 20:begin + 32])
        if kind == b"soun":
            self.has_sound, self.duration = True, self.duration or length / scale
        if kind == b"vide":
            entry, _ = one(data, b"mdia/minf/stbl/stsd", span)
            self.width, self.height = struct.unpack(">HH", data[entry + 8 + 32:entry + 8 + 36])
            sizes, _ = one(data, b"mdia/minf/stbl/stsz", span)
            self.frames = struct.unpack(">I", data[sizes + 8:sizes + 12])[0]
            self.duration = length / scale


# ---- sound


class Sound:
    """Duration, and where it is loud: (start, end) in seconds.  Of what is no WAV only the duration is known."""

    def __init__(self, data):
        if data[:4] != b"RIFF":
            self.duration, self.rate = Video(data).duration, 44100
            self.loud = [(0.0, self.duration)]
            return
        with wave.open(io.BytesIO(data)) as file:
            self.rate, channels, width = file.getframerate(), file.getnchannels(), file.getsampwidth()
            pcm = file.readframes(file.getnframes())
            self.duration = file.getnframes() / self.rate
        if width != 2:
            raise Unreadable("a WAV that is not of 16 bits")
        samples = struct.unpack(f"<{len(pcm) // 2}h", pcm)[::channels]
        step, self.loud = max(1, self.rate // 20), []
        for i in range(0, len(samples) - step + 1, step):
            part = samples[i:i + step]
            if math.sqrt(sum(s * s for s in part) / step) > 300:
                start, end = i / self.rate, (i + step) / self.rate
                if self.loud and start - self.loud[-1][1] < 0.3 and end - self.loud[-1][0] < 6:
                    self.loud[-1] = (self.loud[-1][0], end)
                else:
                    self.loud.append((start, end))


# ---- what a look is billed as


class Lens:
    """How a model looks: the squares that it counts, and its limits."""

    def __init__(self, factor=32, most_frames=2000, total=131072, pixels=2048000, seconds=(2, 3600), listed=2000):
        self.factor, self.most_frames, self.total_pixels = factor, most_frames, total * factor * factor
        self.pixels, self.seconds, self.listed = pixels, seconds, listed

    def grid(self, width, height, cap, least):
        factor = self.factor
        h, w = (max(factor, round(side / factor) * factor) for side in (height, width))
        if h * w > cap:
            shrink = math.sqrt(height * width / cap)
            h, w = (max(factor, math.floor(side / shrink / factor) * factor) for side in (height, width))
        elif h * w < least:
            grow = math.sqrt(least / (height * width))
            h, w = (math.ceil(side * grow / factor) * factor for side in (height, width))
        return h // factor * (w // factor)

    def video(self, width, height, frames, duration, fps=2.0, max_pixels=None):
        least = 4 * self.factor ** 2
        rate = frames / duration
        highest = min(self.most_frames, frames) // 2 * 2
        usable = math.ceil(duration * rate) if duration % 1 > 1 / fps else math.ceil(math.floor(duration) * rate)
        n = max(1, int(min(max(usable / rate * fps, 4), highest, usable)))
        cap = max(min(max_pixels or 640 * self.factor ** 2, 2 * self.total_pixels / n), int(1.05 * least))
        return math.ceil(n / 2) * self.grid(width, height, cap, least) + 2

    def listed_frames(self, sizes, max_pixels=None):
        least = 4 * self.factor ** 2
        cap = max_pixels or 640 * self.factor ** 2
        return math.ceil(len(sizes) / 2) * self.grid(*sizes[0], cap, least) + 2

    def picture(self, width, height, max_pixels=None):
        return self.grid(width, height, max_pixels or 2560 * self.factor ** 2, 4 * self.factor ** 2) + 2
