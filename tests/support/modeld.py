#!/usr/bin/python3
"""Services of models on loopback, written from what is known of their protocols, and misbehaving on demand.

usage: modeld.py LOG

  /api/v1/...              Model Studio (DashScope), native; key in models/dashscope.py
  /compatible-mode/v1/...  the same in OpenAI's way
  /v1/...                  OpenAI; key in models/openai.py
  /ollama/v1/... /llama/v1/... /vllm/v1/...   servers of one's own, without a key

Another port is the store of temporary uploads and of results.  What a service refuses, this refuses: keys, types of content,
fields that are missing or unknown, models, ranges, media that cannot be read.  What is shown is fetched and looked into;
answers point at moments of it (models/mind.py) and are billed by the documented formula (models/media.py).

POST /control takes lines "DO ROUTE TIMES ARGUMENT...": the first TIMES (* for all) requests of that route behave so.
  Routes: look, theme, clips, hear (chats), chat (all of them), submit, poll, transcribe, policy, form, models, quotas, tasks, *
    status N CODE [FIELD:VALUE]   is refused so, in the dialect that is spoken (_ for a blank in VALUE and CODE)
    hidden CODE                   an error in a body under status 200
    event CODE                    an error as an event under status 200, the status in its comment
    page N                        status N and a page of some proxy
    mute                          never answers; stall N: stops after N bytes of the body; cut N: ends there
    expired                       the permission to upload is over
    lost                          the work is done and billed, and the connection ends without an answer
    late A B                      answers A to B ms later
    partial                       half of the answer, and the field that says so
    zipped, untyped, chunked      the answer compressed, without Content-Type, in chunks
    say MANNER                    words of an answer as mind.py can say them; or refusal, filter
    strict TYPE                   refuses response_format of that type (json_schema), or of any (any)
    task WORD [CODE]              a poll tells UNKNOWN, or FAILED with that code
    bill F                        bills F times the tokens; free: says no usage
  A line "clear" forgets all others.  GET /control answers when no request is under way any more, and says what was noted.

LOG has two lines of JSON for each request: "asked" when it came and was understood (or "refused"), "answered" when its answer
was sent.  `key` is what the question means: model, words and what is behind its links, not the links; `taken` is when the client
had read all of the answer, null if it did not (clock: monotonic seconds).  It prints "port N store M", and ends when its input does.
"""
import fcntl, gzip, json, os, random, re, socket, struct, sys, termios, threading, time

sys.dont_write_bytecode = True
from models import dashscope, openai  # noqa: E402
from models.web import DIALECTS, Answer, Gone, Refused, Request  # noqa: E402

PATIENCE = 30
lock = threading.RLock()
idle = threading.Condition(lock)


def now():
    return time.clock_gettime(time.CLOCK_MONOTONIC)


# ---- what the services know


class World:
    def __init__(self, log):
        self.log = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
        self.uploads, self.folders, self.results, self.notes, self.rules = {}, {}, {}, [], []
        self.count = self.running = 0
        self.tasks, self.store_address = dashscope.Tasks(self), None

    def write(self, **event):
        os.write(self.log, (json.dumps(event) + "\n").encode())

    def note(self, text):
        with lock:
            self.notes.append(text)

    def keep_upload(self, key, model, data, status):
        self.uploads[key] = (model, data)
        return Answer(status, b"", kind=None)

    def keep_result(self, result):
        with lock:
            name = f"/results/{len(self.results)}.json"
            self.results[name] = result
        return self.store_address + name + "?Expires=1763281800&Signature=abc%3D"

    def control(self, text):
        with lock:
            for line in filter(None, map(str.strip, text.split("\n"))):
                if line == "clear":
                    self.rules.clear()
                    continue
                do, route, times, *arguments = line.split(" ")
                if do not in DOINGS and do not in MEANWHILE:
                    raise Refused(400, "control", f"{do} is nothing that can be done")
                self.rules.append([do, route, 1 << 30 if times == "*" else int(times), arguments])

    def doings(self, question):
        """The rules that hold for this request; each is used up by one, and nothing comes behind one that ends it."""
        names, found = {question.route, "*"}, []
        if question.route in ("look", "theme", "clips", "hear"):
            names.add("chat")
        with lock:
            for rule in self.rules:
                if rule[1] not in names or rule[2] < 1 or any(rule[0] == do for do, _ in found):
                    continue
                if rule[0] == "strict" and question.format not in (rule[3][0], *FORMS.get(rule[3][0], ())):
                    continue
                rule[2] -= 1
                found.append((rule[0], rule[3]))
                if rule[0] in ("status", "hidden", "event", "page", "mute", "lost", "expired", "strict"):
                    break
        return found


FORMS = {"any": ("json_object", "json_schema")}


# ---- how they misbehave


def words(text):
    return text.replace("_", " ")


def do_status(exchange, answer, status, code, *fields):
    raise Refused(int(status), code, MESSAGES.get(code, "The request failed: " + code),
                  [tuple(words(f).split(":", 1)) for f in fields])


def do_hidden(exchange, answer, code):
    return Answer(200, exchange.refusal(Refused(200, code, MESSAGES.get(code, "The request failed: " + code))))


def do_event(exchange, answer, code):
    body = json.dumps({"code": code, "message": MESSAGES.get(code, "failed"), "request_id": "a1c0561c"})
    return Answer(200, f"id:1\nevent:error\n:HTTP_STATUS/400\ndata:{body}\n\n".encode(), kind="text/event-stream")


def do_page(exchange, answer, status):
    return Answer(int(status), b"<html><head><title>Bad gateway</title></head><body>nginx</body></html>", kind="text/html")


def do_mute(exchange, answer):
    exchange.wait_for_end()


def do_expired(exchange, answer):
    raise Refused(403, "AccessDenied", "Invalid according to Policy: Policy expired.")


def do_lost(exchange, answer):
    raise Gone


def do_late(exchange, answer, low, high):
    time.sleep(random.uniform(float(low), float(high)) / 1000)
    return answer


def do_partial(exchange, answer):
    body = json.loads(answer.body)
    choice = (body.get("output") or body)["choices"][0]
    content = choice["message"]["content"]
    half = content[0]["text"] if isinstance(content, list) else content
    half = half[:len(half) // 2]
    choice["message"]["content"] = [{"text": half}] if isinstance(content, list) else half
    return Answer(200, body, [*answer.fields, ("x-dashscope-partialresponse", "true")])


def do_zipped(exchange, answer):
    if "gzip" in exchange.request.field("Accept-Encoding"):
        answer.body, answer.fields = gzip.compress(answer.body), [*answer.fields, ("Content-Encoding", "gzip")]
    return answer


def do_untyped(exchange, answer):
    answer.kind = None
    return answer


def do_strict(exchange, answer, kind):
    code = {"native": "InvalidParameter", "compatible": "invalid_parameter_error"}.get(exchange.dialect)
    raise Refused(400, code, "'response_format' of type 'json_schema' is not supported with this model." if kind != "any" else
                  "Invalid parameter: 'response_format' is not supported with this model.")


def do_task(exchange, answer, word, code=None):
    return exchange.world.tasks.tell(exchange.request.path.rpartition("/")[2], word if word == "UNKNOWN" else code)


def do_bill(exchange, answer, factor):
    body = json.loads(answer.body)
    for key, value in body.get("usage", {}).items():
        if isinstance(value, int):
            body["usage"][key] = int(value * float(factor))
    answer.body = json.dumps(body).encode()
    return answer


def do_free(exchange, answer):
    body = json.loads(answer.body)
    body.pop("usage", None)
    answer.body = json.dumps(body).encode()
    return answer


DOINGS = {name[3:]: value for name, value in globals().items() if name.startswith("do_")}
MEANWHILE = {"stall", "cut", "chunked", "say"}  # while an answer is made or sent
MESSAGES = {
    "Throttling.RateQuota": "Requests rate limit exceeded, please try again later.",
    "Throttling.AllocationQuota": "Allocated quota exceeded, please increase your quota limit.",
    "Throttling.BurstRate": "Request rate increased too quickly.",
    "limit_requests": "You have exceeded your current requests list.",
    "insufficient_quota": "You exceeded your current quota, please check your plan and billing details.",
    "rate_limit_exceeded": "Rate limit reached for requests per min (RPM): Limit 3, Used 3. Please try again in 1s.",
    "Arrearage": "Access denied, please make sure your account is in good standing.",
    "DataInspectionFailed": "Input data may contain inappropriate content.",
    "InvalidApiKey": "Invalid API-key provided.",
}


# ---- a request and its answer

ROUTES = [(method, re.compile(path), dialect, handler) for method, path, dialect, handler in (
    ("POST", "/api/v1/services/aigc/multimodal-generation/generation", "native", lambda w, r: dashscope.native(w, r, True)),
    ("POST", "/api/v1/services/aigc/text-generation/generation", "native", lambda w, r: dashscope.native(w, r, False)),
    ("POST", "/api/v1/services/audio/asr/transcription", "native", dashscope.submit),
    ("GET", "/api/v1/tasks/[0-9A-Za-z-]+", "native", lambda w, r: w.tasks.poll(w, r)),
    ("GET", "/api/v1/tasks", "native", dashscope.list_tasks),
    ("GET", "/api/v1/uploads", "native", dashscope.get_policy),
    ("GET", "/api/v1/(quotas|models/limits)", "native", dashscope.quotas),
    ("POST", "/compatible-mode/v1/chat/completions", "compatible", dashscope.compatible),
    ("GET", "/compatible-mode/v1/models", "compatible", dashscope.models),
    *((method, place + path, "openai", lambda w, r, f=function, s=server: f(w, r, s))
      for place, server in (("/v1", "openai"), ("/ollama/v1", "ollama"), ("/llama/v1", "llama"), ("/vllm/v1", "vllm"))
      for method, path, function in (("POST", "/chat/completions", openai.chat), ("GET", "/models", openai.models),
                                     ("POST", "/audio/transcriptions", openai.transcribe))))]


class Exchange:
    def __init__(self, world, stream, request, is_store):
        self.world, self.stream, self.request, self.is_store = world, stream, request, is_store
        self.dialect = "oss" if is_store else "compatible" if request.path.startswith("/compat") else \
            "native" if request.path.startswith("/api") else "openai"
        with lock:
            self.number = world.count = world.count + 1
            world.running += 1
        self.question, self.doings, self.sent = None, [], 0

    def refusal(self, refused):
        return DIALECTS[self.dialect](refused)

    def understand(self):
        if self.is_store:
            return dashscope.take_form(self.world, self.request)
        found = [h for m, path, _, h in ROUTES if m == self.request.method and path.fullmatch(self.request.path)]
        if not found:
            raise Refused(404, "NotFound", f"no {self.request.method} {self.request.path}")
        return found[0](self.world, self.request)

    def log(self, refused=None):
        q = self.question
        about = {"route": q.route, "model": q.model, "key": q.key, "paid": q.paid, "tokens": q.tokens, "shown": q.count,
                 "format": q.format, "does": [do for do, _ in self.doings]} if q else {"route": None}
        if refused:
            about["refused"] = f"{refused.status} {refused.code}: {refused.message}"
        self.world.write(event="asked", number=self.number, at=now(), method=self.request.method, path=self.request.path, **about)

    def make(self):
        """The answer, and whether it is one that is worth its price."""
        try:
            try:
                self.question = self.understand()
                self.doings = self.world.doings(self.question)
            except Refused as refused:
                self.log(refused)
                raise
            self.log()
            manner = next((a[0] for do, a in self.doings if do == "say"), "plain")
            answer = self.question.answer(manner)
            for do, arguments in self.doings:
                if do in DOINGS:
                    answer = DOINGS[do](self, answer, *arguments)
            spoilt = {"hidden", "event", "page", "partial", "cut", "stall"} & {do for do, _ in self.doings}
            return answer, not spoilt
        except Refused as refused:
            body = self.refusal(refused)
            kind = "application/xml" if self.dialect == "oss" else "application/json"
            return Answer(refused.status, body, refused.fields, kind), False

    def run(self):
        whole, taken, status, good = False, None, None, False
        try:
            answer, good = self.make()
            status = answer.status
            self.send(answer)
            whole = True
            taken = self.wait_until_taken()
        finally:
            self.world.write(event="answered", number=self.number, at=now(), status=status, good=good and whole, taken=taken)
            with idle:
                self.world.running -= 1
                idle.notify_all()

    def send(self, answer):
        chunked = any(do == "chunked" for do, _ in self.doings)
        fields = list(answer.fields)
        if answer.kind:
            fields.append(("Content-Type", answer.kind))
        fields.append(("Transfer-Encoding", "chunked") if chunked else ("Content-Length", len(answer.body)))
        head = f"HTTP/1.1 {answer.status} X\r\n" + "".join(f"{name}: {value}\r\n" for name, value in fields) + "\r\n"
        body = answer.body
        for do, arguments in self.doings:
            if do in ("stall", "cut"):
                self.put(head.encode() + body[:int(arguments[0])])
                if do == "stall":
                    self.wait_for_end()
                raise Gone
        if chunked:
            half = len(body) // 2
            body = b"".join(b"%x\r\n%s\r\n" % (len(p), p) for p in (body[:half], body[half:]) if p) + b"0\r\n\r\n"
        self.put(head.encode() + body)

    def put(self, data):
        try:
            self.stream.sendall(data)
        except OSError as error:
            raise Gone from error

    def wait_for_end(self):
        try:
            while self.stream.recv(65536):
                pass
        except OSError:
            pass
        raise Gone

    def wait_until_taken(self):
        """When the client's program had read everything, or None if it ended before."""
        end = now() + PATIENCE
        while now() < end:
            left = struct.unpack("i", fcntl.ioctl(self.stream, termios.TIOCOUTQ, b"\0" * 4))[0]
            try:
                waiting = unread_by(self.stream.getpeername(), self.stream.getsockname())
            except OSError:
                return None
            if left == 0 and waiting == 0:
                return now()
            if waiting is None:  # its end is closed: in good order only if all was read
                try:
                    return now() if self.stream.recv(1, socket.MSG_PEEK) == b"" else None
                except OSError:
                    return None
            time.sleep(0.001)
        return None


def unread_by(client, server):
    """Bytes that lie unread in a client's end of a connection of this machine; None if that end is not open any more."""
    def name(address):
        return f"{struct.unpack('<I', socket.inet_aton(address[0]))[0]:08X}:{address[1]:04X}"
    wanted = [name(client), name(server)]
    with open("/proc/net/tcp", encoding="ascii") as table:
        for line in table:
            fields = line.split()
            if fields[1:3] == wanted:
                return int(fields[4].partition(":")[2], 16) if fields[3] in ("01", "08") else None
    return None


# ---- connections


def read_more(stream, data, size):
    while len(data) < size:
        more = stream.recv(1 << 20)
        if not more:
            raise Gone
        data += more
    return data


def read_chunks(stream, rest):
    body = b""
    while True:
        while b"\r\n" not in rest:
            rest = read_more(stream, rest, len(rest) + 1)
        size, _, rest = rest.partition(b"\r\n")
        size = int(size.partition(b";")[0], 16)
        rest = read_more(stream, rest, size + 2)
        body, rest = body + rest[:size], rest[size + 2:]
        if size == 0:
            return body, rest


def read_request(stream, data):
    """A request and what came behind it, or None at the end."""
    while b"\r\n\r\n" not in data:
        more = stream.recv(65536)
        if not more:
            return None, b""
        data += more
    head, _, rest = data.partition(b"\r\n\r\n")
    request = Request(head, b"")
    if request.field("Expect").lower() == "100-continue":
        stream.sendall(b"HTTP/1.1 100 Continue\r\n\r\n")
    if request.field("Transfer-Encoding").lower() == "chunked":
        request.body, rest = read_chunks(stream, rest)
        return request, rest
    length = int(request.field("Content-Length") or 0)
    rest = read_more(stream, bytearray(rest), length)
    request.body = bytes(rest[:length])
    return request, bytes(rest[length:])


def for_tests(world, stream, request):
    try:
        if request.method == "POST":
            world.control(request.body.decode())
        else:
            with idle:
                idle.wait_for(lambda: world.running == 0, PATIENCE)
        status, body = 200, "\n".join(world.notes).encode()
    except Refused as refused:
        status, body = 400, refused.message.encode()
    stream.sendall(b"HTTP/1.1 %d X\r\nContent-Length: %d\r\n\r\n%s" % (status, len(body), body))


def give_result(world, stream, request):
    """A link that is signed: whoever says who he is besides is refused."""
    result = world.results.get(request.path)
    refused = None
    if request.field("Authorization"):
        refused = Refused(400, "InvalidArgument", "Only one auth mechanism allowed")
    elif result is None or "Signature" not in request.query:
        refused = Refused(403, "AccessDenied", "no such result")
    status, body = (refused.status, DIALECTS["oss"](refused)) if refused else (200, json.dumps(result).encode())
    world.write(event="result", at=now(), path=request.path, status=status)
    stream.sendall(b"HTTP/1.1 %d X\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n%s" % (status, len(body), body))


def serve(world, stream, is_store):
    rest = b""
    try:
        stream.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        while True:
            request, rest = read_request(stream, rest)
            if request is None:
                break
            if request.path == "/control":
                for_tests(world, stream, request)
            elif is_store and request.method == "GET":
                give_result(world, stream, request)
            else:
                Exchange(world, stream, request, is_store).run()
    except (Gone, OSError):
        pass
    finally:
        stream.close()


def accept(world, listener, is_store):
    while True:
        stream, _ = listener.accept()
        threading.Thread(target=serve, args=(world, stream, is_store), daemon=True).start()


def main():
    world = World(sys.argv[1])
    threading.Thread(target=lambda: (sys.stdin.read(), os._exit(0)), daemon=True).start()
    services, store = (socket.create_server(("127.0.0.1", 0), backlog=64) for _ in range(2))
    world.store_address = f"http://127.0.0.1:{store.getsockname()[1]}"
    threading.Thread(target=accept, args=(world, store, True), daemon=True).start()
    print("port", services.getsockname()[1], "store", store.getsockname()[1], flush=True)
    accept(world, services, False)


main()
