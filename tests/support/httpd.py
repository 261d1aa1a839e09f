#!/usr/bin/python3
"""A web server on loopback that misbehaves on demand; tests/support/httpd.h says how it is used.

What it does is in the query of the link, so that a test reads in one place what happens:

  size=N seed=S      the object: N bytes, byte i being pattern(S)[i % PERIOD]
  file=PATH          or this file
  etag=TEXT          its ETag is "TEXT"; weak=TEXT: W/"TEXT"; neither: no ETag
  modified=1         with Last-Modified an hour before Date
  rolling=1          at each request it is another: of size N + the number of the request, and so its ETag
  change=K           from request K on (the first is 1) the object is of seed S+1, size N+1, ETag "TEXT2"
  noranges=1         knows no parts: always 200 with the whole
  blind=1            answers 206 without looking at If-Range
  wrong=1            answers a Range with another part than asked for
  most=N             a part has at most N bytes
  break=N times=K    closes the connection after N bytes of a body, in the first K requests (1000)
  stall=N            says "stalled" after N bytes of a body and sends no more (times=K as above)
  drip=N             sends N bytes of body each tenth of a second
  chunked=1          without length, in chunks; endless=1: chunks without end
  length=N           claims this Content-Length
  status=N           answers with it and a short body (words=TEXT) (times=K as above, then the object)
  retry=TEXT         Retry-After; location=TEXT; disposition=TEXT; type=TEXT; encoding=TEXT
  hops=N             redirects N times to itself; loop=1: without end
  flood=1            fields without end; mute=1: accepts and never answers; rubbish=1: is no HTTP
  echo=1             the request as it came is the body
  hook=SECRET        is a webhook; says "hook N turn=K id=ID type=TYPE batch=ID signature=WORD at=SECONDS",
                     WORD being good or bad: the signature is made once more here, with whsec_SECRET
  save=PATH          puts the body of the request there; head=PATH: what came before it

A link below /script/PATH/, PATH percent-encoded, is answered as the JSON in that file says: a list of answers,
one for each request that comes, the last for all that come later.  Of each: status (200), head (an object of
fields), body (a text, or JSON), cut=N (closes after N bytes of it), mute (never answers).  The request as it came
is put into PATH.1, PATH.2, ...

Each event is a line on stdout: "accept N", "request N METHOD PATH range=R ifrange=V",
"sent N BYTES", "stalled N", "closed N".  It ends when stdin does.
"""
import base64, email.utils, hmac, json, os, socket, ssl, sys, threading, time, urllib.parse

PERIOD = 65521  # a prime: no piece that is missing or doubled goes unseen
say_lock = threading.Lock()
counts, patterns = {}, {}


def say(*words):
    with say_lock:
        try:
            sys.stdout.write(" ".join(str(w) for w in words) + "\n")
            sys.stdout.flush()
        except BrokenPipeError:  # the test has ended
            os._exit(0)


def pattern(seed):
    if seed not in patterns:
        patterns[seed] = bytes(((j * j * 31 + j * 7 + seed * 101) >> 3) & 255 for j in range(PERIOD)) * 9
    return patterns[seed]


def pieces(seed, begin, end):
    block = pattern(seed)
    while begin < end:
        at = begin % PERIOD
        size = min(end - begin, len(block) - at)
        yield block[at:at + size]
        begin += size


class Gone(Exception):
    pass


class Exchange:
    def __init__(self, stream, number, request):
        head = request.decode("latin-1").split("\r\n")
        self.stream, self.number, self.request = stream, number, request
        self.method, self.target = head[0].split(" ")[:2]
        self.fields = {f.split(":", 1)[0].lower(): f.split(":", 1)[1].strip() for f in head[1:] if ":" in f}
        query = urllib.parse.urlsplit(self.target).query
        self.wish = dict(urllib.parse.parse_qsl(query, keep_blank_values=True))
        with say_lock:
            self.turn = counts[self.target] = counts.get(self.target, 0) + 1
        self.sent = 0
        say("request", number, self.method, self.target, "range=" + self.fields.get("range", "-"),
            "ifrange=" + self.fields.get("if-range", "-"))

    def take_body(self):
        """What is told to a receiver of webhooks."""
        head, body = self.request.split(b"\r\n\r\n", 1)
        for key, part in (("save", body), ("head", head)):
            if key in self.wish:
                with open(self.wish[key], "wb") as file:
                    file.write(part)
        if "hook" not in self.wish:
            return
        id, when = self.fields.get("webhook-id", ""), self.fields.get("webhook-timestamp", "")
        key = base64.b64decode(self.wish["hook"])
        due = "v1," + base64.b64encode(hmac.digest(key, f"{id}.{when}.".encode() + body, "sha256")).decode()
        fresh = when.isdigit() and abs(time.time() - int(when)) < 300
        good = fresh and self.method == "POST" and due == self.fields.get("webhook-signature")
        told = json.loads(body) if good else {}
        say("hook", self.number, f"turn={self.turn}", "id=" + id, f"type={told.get('type')}", f"batch={told.get('id')}",
            "signature=" + ("good" if good else "bad"), f"at={time.monotonic():.3f}")

    def number_of(self, name, default=None):
        return int(self.wish[name]) if name in self.wish else default

    def in_time(self):
        return self.turn <= self.number_of("times", 1000)

    def send(self, data):
        try:
            self.stream.sendall(data)
        except OSError as error:
            raise Gone from error

    def head(self, status, *fields):
        lines = [f"HTTP/1.1 {status} X", "Date: " + email.utils.formatdate(usegmt=True)]
        for name, key in (("Retry-After", "retry"), ("Location", "location"), ("Content-Type", "type"),
                          ("Content-Disposition", "disposition"), ("Content-Encoding", "encoding")):
            if key in self.wish:
                lines.append(f"{name}: {self.wish[key]}")
        self.send("\r\n".join([*lines, *fields, "", ""]).encode("latin-1"))

    def wait_for_end(self):
        say("stalled", self.number)
        try:
            while self.stream.recv(65536):
                pass
        except OSError:
            pass
        raise Gone

    def body(self, data, chunked=False):
        """Sends a piece of the body; breaks, stalls and drips happen in here."""
        stop = self.number_of("break", self.number_of("stall")) if self.in_time() else None
        if stop is not None:
            data = data[:max(0, stop - self.sent)]
        step = self.number_of("drip", len(data)) or 1
        for at in range(0, len(data), step):
            part = data[at:at + step]
            self.send(b"%x\r\n%s\r\n" % (len(part), part) if chunked else part)
            self.sent += len(part)
            if "drip" in self.wish and at + step < len(data):
                time.sleep(0.1)
        if stop is not None and self.sent >= stop:
            if "stall" in self.wish:
                self.wait_for_end()
            raise Gone

    def short(self, status, text):
        self.head(status, f"Content-Length: {len(text)}")
        self.send(text)

    def special(self):
        """Answers that have nothing to do with an object.  Returns whether it was one."""
        wish = self.wish
        if "mute" in wish:
            self.wait_for_end()
        if "rubbish" in wish:
            self.send(b"SSH-2.0-OpenSSH_9.2\r\n" + b"x" * 1000)
            raise Gone
        if "flood" in wish:
            self.send(b"HTTP/1.1 200 OK\r\n")
            while True:
                self.send(b"X-Flood: " + b"y" * 1000 + b"\r\n")
        if "loop" in wish or self.number_of("hops", 0) > 0:
            parts = urllib.parse.urlsplit(self.target)
            if "hops" in wish:
                wish["hops"] = str(int(wish["hops"]) - 1)
            wish["location"] = parts.path + "?" + urllib.parse.urlencode(wish)
            self.short(302, b"moved")
        elif "location" in wish:
            self.short(self.number_of("status", 302), b"moved")
        elif "status" in wish and self.in_time():
            self.short(self.number_of("status"), wish.get("words", "<Error>as told</Error>").encode())
        elif "echo" in wish:
            self.short(200, self.request)
        else:
            return False
        return True

    def scripted(self):
        path = urllib.parse.unquote(self.target.split("/")[2])
        with say_lock:
            turn = counts[path] = counts.get(path, 0) + 1
        with open(f"{path}.{turn}", "wb") as file:
            file.write(self.request)
        with open(path, encoding="utf-8") as file:
            script = json.load(file)
        answer = script[min(turn, len(script)) - 1]
        if answer.get("mute"):
            self.wait_for_end()
        body = answer.get("body", "")
        body = (body if isinstance(body, str) else json.dumps(body)).encode()
        self.head(answer.get("status", 200), *(f"{k}: {v}" for k, v in answer.get("head", {}).items()),
                  f"Content-Length: {len(body)}")
        self.send(body[:answer.get("cut", len(body))])
        self.sent += len(body[:answer.get("cut", len(body))])
        if "cut" in answer:
            raise Gone

    def describe(self):
        """Sets size, seed and the fields that say which object it is."""
        changed = self.turn if "rolling" in self.wish else int(self.turn >= self.number_of("change", 1 << 30))
        self.size = self.number_of("size", 1000) + changed
        self.seed = self.number_of("seed", 1) + changed
        self.tag, about = None, []
        if "file" in self.wish:
            self.size = os.path.getsize(self.wish["file"])
        if "etag" in self.wish:
            self.tag = '"%s%s"' % (self.wish["etag"], changed + 1 if changed else "")
        elif "weak" in self.wish:
            self.tag = 'W/"%s"' % self.wish["weak"]
        if self.tag:
            about.append("ETag: " + self.tag)
        self.modified = email.utils.formatdate(1763195400 + changed, usegmt=True)
        if "modified" in self.wish:
            about.append("Last-Modified: " + self.modified)
        return about

    def part(self):
        """Where the asked for part begins, or None for the whole."""
        asked, condition = self.fields.get("range"), self.fields.get("if-range")
        if not asked or "noranges" in self.wish:
            return None
        if condition and condition not in (self.tag, self.modified) and "blind" not in self.wish:
            return None
        return int(asked.removeprefix("bytes=").rstrip("-"))

    def send_object(self, begin, end):
        if "file" in self.wish:
            with open(self.wish["file"], "rb") as file:
                if self.wish.keys() & {"break", "stall", "drip"}:
                    file.seek(begin)
                    self.body(file.read(end - begin))
                    return
                self.stream.sendfile(file, begin, end - begin)
            self.sent += end - begin
            return
        for piece in pieces(self.seed, begin, end):
            self.body(piece)

    def send_chunks(self, about, begin):
        self.head(200, *about, "Transfer-Encoding: chunked")
        end = 1 << 60 if "endless" in self.wish else self.size
        for piece in pieces(self.seed, begin, end):
            self.body(piece, chunked=True)
        self.send(b"0\r\n\r\n")

    def answer(self):
        if self.target.startswith("/script/"):
            self.scripted()
            return
        self.take_body()
        if self.special():
            return
        about = self.describe()
        begin = self.part()
        if "chunked" in self.wish or "endless" in self.wish:
            self.send_chunks(about, 0)
            return
        if begin is None:
            self.head(200, *about, f"Content-Length: {self.number_of('length', self.size)}", "Accept-Ranges: bytes")
            self.send_object(0, self.size)
            if self.number_of("length", self.size) != self.size:
                raise Gone
            return
        if begin >= self.size:
            self.head(416, *about, f"Content-Range: bytes */{self.size}", "Content-Length: 0")
            return
        if "wrong" in self.wish:
            begin -= 1
        end = min(self.size, begin + self.number_of("most", self.size))
        self.head(206, *about, f"Content-Length: {end - begin}", f"Content-Range: bytes {begin}-{end - 1}/{self.size}")
        self.send_object(begin, end)


def read_request(stream):
    """A request's head and body, or None at the end."""
    data = b""
    while b"\r\n\r\n" not in data:
        more = stream.recv(65536)
        if not more:
            return None
        data += more
    head, rest = data.split(b"\r\n\r\n", 1)
    length = 0
    for line in head.split(b"\r\n"):
        if line.lower().startswith(b"content-length:"):
            length = int(line.split(b":")[1])
    while len(rest) < length:
        rest += stream.recv(65536)
    return head + b"\r\n\r\n" + rest


def serve(stream, number, context):
    try:
        if context:
            stream = context.wrap_socket(stream, server_side=True)
        stream.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        while (request := read_request(stream)) is not None:
            exchange = Exchange(stream, number, request)
            try:
                exchange.answer()
            finally:
                say("sent", number, exchange.sent)
    except (Gone, OSError):
        pass
    finally:
        stream.close()
        say("closed", number)


def accept(listener, context):
    while True:
        stream, _ = listener.accept()
        with say_lock:
            number = counts["connections"] = counts.get("connections", 0) + 1
        say("accept", number)
        threading.Thread(target=serve, args=(stream, number, context), daemon=True).start()


def main():
    context = None
    if len(sys.argv) > 1:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(sys.argv[1])
    listener = socket.create_server(("127.0.0.1", 0), backlog=64)
    threading.Thread(target=lambda: (sys.stdin.read(), os._exit(0)), daemon=True).start()
    say("port", listener.getsockname()[1])
    try:
        six = socket.create_server(("::1", listener.getsockname()[1]), family=socket.AF_INET6, backlog=64)
        threading.Thread(target=accept, args=(six, context), daemon=True).start()
    except OSError:
        pass
    accept(listener, context)


main()
