"""A question to a model once it is understood, whatever its dialect: what it means, what it is billed as, what is answered."""
import hashlib, json, math
from . import mind
from .web import Refused


class Shown:
    """Something to look at or listen to: its kind ("video", "list", "image", "audio"), its bytes, and what is said beside it."""

    def __init__(self, kind, pieces, beside=()):
        self.kind, self.pieces, self.beside = kind, pieces, dict(beside)
        self.tokens, self.seconds = 0, None

    def digest(self):
        return [self.kind, [hashlib.sha256(p).hexdigest() for p in self.pieces]]


class Question:
    """route: by which rules name it; paid: whether asking it twice costs twice; answer(manner): gives an Answer."""

    def __init__(self, route, model=None, meaning=None, paid=False, answer=None):
        self.route, self.model, self.paid, self.answer = route, model, paid, answer
        self.key = hashlib.sha256(json.dumps(meaning).encode()).hexdigest() if meaning is not None else None
        self.tokens, self.count, self.format = 0, 0, None


class Chat(Question):
    """texts: of all messages; shown: a list of Shown; render(chat, text, finish): the Answer of a dialect."""

    def __init__(self, model, texts, shown, response_format, max_tokens, render):
        looked = [s for s in shown if s.kind != "audio"]
        seen = mind.lasts(texts) or looked[0].seconds or 10.0 if looked else None
        schema = (response_format or {}).get("json_schema", {}).get("schema")
        self.prompt = mind.Prompt(texts, schema, seen)
        self.heard = [s for s in shown if s.kind == "audio"]
        super().__init__("hear" if self.heard else self.prompt.kind, model, [model, texts, [s.digest() for s in shown]], True)
        self.shown, self.max_tokens, self.render = shown, max_tokens, render
        self.format = (response_format or {}).get("type", "text")
        self.parts = {"video": 0, "image": 0, "audio": 0}
        for one in shown:
            self.parts["video" if one.kind == "list" else one.kind] += one.tokens
        self.parts["text"] = sum(math.ceil(len(t.encode()) / 3.5) for t in texts)
        self.tokens, self.count = sum(self.parts.values()), sum(len(s.pieces) for s in shown)
        self.answer = self.speak

    def speak(self, manner="plain"):
        if self.heard:
            return self.render(self, "good morning", "stop")
        if manner in ("refusal", "filter"):
            return self.render(self, "I'm sorry, I can't help with that." if manner == "refusal" else "", manner)
        text, finish = self.prompt.answer(manner)
        if self.max_tokens and len(text) / 3.5 > self.max_tokens and manner != "long":
            text, finish = text[:int(self.max_tokens * 3.5)], "length"
        return self.render(self, text, finish)

    def output(self, text):
        return math.ceil(len(text.encode()) / 3.5) if len(text) < 100000 else self.max_tokens or 4096


def needs_the_word(response_format, texts, code):
    """json_object, and json nowhere in the messages: services insist."""
    if (response_format or {}).get("type") == "json_object" and not any("json" in t.lower() for t in texts):
        raise Refused(400, code, "'messages' must contain the word 'json' in some form, to use 'response_format' of type "
                      "'json_object'.")


def whole(value, low, high, name, code):
    if value is not None and (isinstance(value, bool) or not isinstance(value, int) or not low <= value <= high):
        raise Refused(400, code, f"Range of {name} should be [{low}, {high}]")
    return value


def between(value, low, high, name, code):
    if value is not None and (isinstance(value, bool) or not isinstance(value, (int, float)) or not low <= value <= high):
        raise Refused(400, code, f"Range of {name} should be [{low}, {high}]")
    return value
