"""What a model would say: an answer to a prompt that points at moments of what was shown, in the form that was asked for.

The form is a JSON Schema, in the request or in the words; what a property means says its name.  Where none is found,
it is {summary, tags, scenes, moments} for what is seen, {theme} or {clips} for words.  Times are read in the words.
"""
import json, re

SPAN = {"type": "object", "properties": {n: {"type": t} for n, t in
        (("start", "number"), ("end", "number"), ("reason", "string"), ("score", "number"))}}
CLIP = {"type": "object", "properties": {n: {"type": t} for n, t in (
    ("video_index", "integer"), ("start", "number"), ("end", "number"), ("reason", "string"), ("priority", "integer"))}}


def of(**properties):
    return {"type": "object", "properties": properties}


LOOK = of(summary={"type": "string"}, tags={"type": "array", "items": {"type": "string"}},
          scenes={"type": "array", "items": SPAN}, moments={"type": "array", "items": SPAN})
THEME = of(theme={"type": "string"}, summary={"type": "string"})
CLIPS = of(clips={"type": "array", "items": CLIP})


KNOWN = {"summary", "scenes", "moments", "theme", "outline", "clips", "segments"}


def values(text):
    """All JSON objects in a text, the outermost ones, in order."""
    decoder, at = json.JSONDecoder(), text.find("{")
    while at >= 0:
        try:
            value, end = decoder.raw_decode(text, at)
            yield value
        except ValueError:
            end = at + 1
        at = text.find("{", end)


def shape(value):
    """The schema of which a value is an example."""
    if isinstance(value, dict):
        return of(**{key: shape(inner) for key, inner in value.items()})
    if isinstance(value, list):
        return {"type": "array", "items": shape(value[0]) if value else {"type": "string"}}
    kinds = {bool: "boolean", int: "integer", float: "number", str: "string"}
    return {"type": kinds.get(type(value), "string")}


NUMBER = r"(\d+(?:\.\d+)?)"
SPAN_WORDS = re.compile(r"(\d+\.\d+)\s*s?\s*[-–—]\s*(\d+\.\d+)")
VIDEO = re.compile(r"^\W*(?:video_index|video|source|视频)\W{0,4}(\d+)", re.IGNORECASE)
LENGTH = re.compile(rf"^\W*(?:video|视频)\W{{0,2}}(\d+).*?{NUMBER} s\b", re.IGNORECASE)
TARGET = re.compile(rf"(?:target|about|约|大约|目标)\D{{0,12}}{NUMBER}\s*(?:s\b|seconds|秒)", re.IGNORECASE)
BOUNDS = re.compile(rf"{NUMBER}\s*(?:to|到|至)\s*{NUMBER}\s*(?:seconds|秒)", re.IGNORECASE)
DURATION = re.compile(rf"(?:duration|lasts|long|时长)\D{{0,20}}{NUMBER}", re.IGNORECASE)


def lasts(texts):
    """How long the words say that what is shown lasts, or None."""
    said = DURATION.search("\n".join(texts))
    return float(said[1]) if said else None


class Prompt:
    """texts: those of the messages in order; schema: of the request, or None; seen: seconds of what is shown, or None."""

    def __init__(self, texts, schema, seen):
        self.text, self.seen = "\n".join(texts), seen
        found = list(values(self.text))
        schemas = [v for v in found if isinstance(v.get("properties"), dict)]
        self.examples = [v for v in found if "properties" not in v and set(v) & KNOWN]
        shown = schemas[-1] if schemas else shape(self.examples[-1]) if self.examples else None
        self.schema = schema or shown or self.default()
        self.kind = self.guess()

    def default(self):
        if self.seen is not None:
            return LOOK
        return CLIPS if re.search(r"clips|video_index", self.text) else THEME

    def guess(self):
        if self.seen is not None:
            return "look"
        return "clips" if re.search(r'"(clips|segments|video_index)"', json.dumps(self.schema)) else "theme"

    def spans(self):
        """(video, start, end) of all that the words tell about, moments if there are any, else the whole of what is shown."""
        found, moments, index = [], [], 0
        for line in self.text.split("\n"):
            named = VIDEO.search(line)
            index = int(named[1]) if named else index
            here = [(index, float(a), float(b)) for a, b in SPAN_WORDS.findall(line) if float(b) - float(a) > 0.2]
            found += here
            moments += here if line.strip().startswith(("moment", "时刻", "片段")) else []
        if self.seen is not None:
            return [(0, a, b) for _, a, b in found if b <= self.seen + 0.05] or self.pieces(self.seen)
        lengths = [float(d) for d in DURATION.findall(self.text)]
        return moments or found or self.pieces(max(lengths, default=10.0))

    @staticmethod
    def pieces(seconds):
        count = max(1, min(6, int(seconds / 3)))
        return [(0, round(i * seconds / count, 2), round((i + 1) * seconds / count, 2)) for i in range(count)]

    def clips(self):
        """Different spans of all videos in turn, until the target is reached."""
        target, bounds = TARGET.search(self.text), BOUNDS.search(self.text)
        low, high = (float(b) for b in bounds.groups()) if bounds else (2.0, 8.0)
        lasts = {int(v): float(d) for v, d in filter(None, (m and m.groups() for m in map(LENGTH.search, self.text.split("\n"))))}
        left, chosen = float(target[1]) if target else 30.0, []
        spans = sorted(set(self.spans()), key=lambda s: (-min(s[2] - s[1], high), s))
        for video, start, end in spans:
            end = min(max(end, start + low), start + max(low, min(left, high)), lasts.get(video, 1e9))
            if left <= 0 or end <= start or any(v == video and start < e and s < end for v, s, e in chosen):
                continue
            chosen.append((video, start, round(end, 3)))
            left -= end - start
        return chosen or spans[:1]

    # ---- filling in a form

    def fill(self, schema, name="", span=None, rank=1):
        kind = schema.get("type")
        kind = next((k for k in kind if k != "null"), "null") if isinstance(kind, list) else kind
        for way in ("anyOf", "oneOf"):
            if way in schema:
                return self.fill(next(s for s in schema[way] if s.get("type") != "null"), name, span, rank)
        if "enum" in schema:
            return schema["enum"][0]
        if "properties" in schema:
            return {key: self.fill(inner, key, span, rank) for key, inner in schema["properties"].items()}
        if kind == "array":
            return self.fill_list(schema, name)
        if kind in ("number", "integer"):
            number = self.number(name, span, rank, kind)
            number = max(schema.get("minimum", number), min(schema.get("maximum", number), number))
            return int(number) if kind == "integer" else number
        return True if kind == "boolean" else self.words(name, span)

    def fill_list(self, schema, name):
        items = schema.get("items", {"type": "string"})
        if "start" not in json.dumps(items):
            return [self.fill(items, name) for _ in range(1)] if items.get("type") != "string" else ["outside", "people", "test"]
        spans = self.clips() if self.kind == "clips" else self.spans()[:schema.get("maxItems", 8)]
        return [self.fill(items, name, span, i + 1) for i, span in enumerate(spans)]

    @staticmethod
    def number(name, span, rank, kind):
        video, start, end = span or (0, 0.0, 1.0)
        if re.search("start|begin|from", name):
            return start
        if re.search("end|until", name):
            return end
        if re.search("video|source|index", name):
            return video
        return rank if kind == "integer" else round(1 / rank, 2)

    @staticmethod
    def words(name, span):
        if span:
            return f"something happens from {span[1]:g} s on"
        return {"title": "A day", "theme": "a day outside", "language": "en"}.get(name, "people do things outside")

    # ---- and doing it badly

    def answer(self, manner="plain"):
        """The words of the answer, and why it ended."""
        good = self.fill(self.schema)
        manners = {
            "plain": lambda: json.dumps(good),
            "fences": lambda: "Here is the JSON you asked for:\n\n```json\n" + json.dumps(good, indent=2) + "\n```\nEnjoy!",
            "prose": lambda: "Well, I think " + json.dumps(good) + " is what you want.",
            "thoughts": lambda: "<think>They want {times}, [maybe]</think>\n" + json.dumps(good),
            "twice": lambda: json.dumps(json.dumps(good)),
            "keys": lambda: json.dumps(renamed(good, {"start": "time_stamp", "end": "end_time"})),
            "clock": lambda: json.dumps(changed(good, lambda t: f"{int(t // 60):02d}:{t % 60:05.2f}")),
            "texts": lambda: json.dumps(changed(good, lambda t: f"{t:g} seconds")),
            "milliseconds": lambda: json.dumps(changed(good, lambda t: round(t * 1000))),
            "nan": lambda: json.dumps(changed(good, lambda t: float("nan"))),
            "huge": lambda: json.dumps(changed(good, lambda t: 1e300)),
            "outside": lambda: json.dumps(changed(good, lambda t: t + 1e6)),
            "long": lambda: json.dumps(good) + " " * (3 << 20),
            "chat": lambda: "I have watched it with pleasure. It is a nice video about people.",
            "wrong": lambda: json.dumps({"ok": True}),
            "empty": lambda: "",
            "example": lambda: json.dumps(self.examples[-1] if self.examples else good),
            "length": lambda: json.dumps(good)[:len(json.dumps(good)) * 2 // 3],
        }
        return manners[manner](), "length" if manner == "length" else "stop"


TIME = re.compile("^(start|end|begin|from|to)")


def renamed(value, names):
    if isinstance(value, dict):
        return {names.get(k, k): renamed(v, names) for k, v in value.items()}
    return [renamed(v, names) for v in value] if isinstance(value, list) else value


def changed(value, change, key=""):
    if isinstance(value, dict):
        return {k: changed(v, change, k) for k, v in value.items()}
    if isinstance(value, list):
        return [changed(v, change, key) for v in value]
    return change(value) if TIME.match(key) and isinstance(value, (int, float)) else value
