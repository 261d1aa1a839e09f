#!/usr/bin/python3
"""The object storage service OSS on loopback, as far as this project asks it; everything in memory.

usage: ossd.py [clock=SECONDS]      its clock goes wrong by so much

It knows one bucket, "reels", at http://127.0.0.1:PORT/reels/KEY and http://reels.localhost:PORT/KEY, and
two keys: "LTAI-test" with the secret "secret-of-test", and "LTAI-sts", which wants the token "token-of-test".
Signatures (V4 and V1, header and link) are computed from the service's documentation, in another language and
by another hand than what is tested; region "cn-test".

Answers to path /~/... are for tests alone and are not signed:
  POST /~/fault      body: lines "DO METHOD SUBSTRING TIMES ARGUMENT..."; the first TIMES requests with this method
                     (* for any) and SUBSTRING (- for any) in their target behave as told:
                       status N CODE [RETRY]  is refused so; RETRY is Retry-After; 3xx leads to /~/requests
                       break N                the connection ends after N bytes of its body were read or sent
                       lost                   it is done, and the connection ends without an answer
                       crc                    the CRC of the answer is another one
                       body TEXT              status 200 and this body, \\n for line ends
                       stall                  says "stalled" and never answers
                       late SECONDS           is done so much later
  POST /~/uploads    body: "AGE KEY" a line: uploads that were begun AGE seconds ago are under way
  GET /~/uploads     the keys of the uploads that are under way, a line each
  GET /~/requests    "METHOD TARGET" of all requests so far, a line each

It prints "port N", and ends when its input does.
"""
import base64, ctypes, email.utils, hashlib, hmac, http.server, os, re, socket, sys, threading, time, urllib.parse
import xml.etree.ElementTree
from xml.sax.saxutils import escape

BUCKET, REGION = "reels", "cn-test"
KEYS = {"LTAI-test": ("secret-of-test", None), "LTAI-sts": ("secret-of-sts", "token-of-test")}
CLOCK = sum(float(a[6:]) for a in sys.argv[1:] if a.startswith("clock="))
SUBRESOURCES = set("""acl append bucketInfo callback callback-var cloudboxes comp continuation-token cors delete endTime
lifecycle live location logging objectMeta partNumber position qos referer regionList restore security-token sequential
startTime stat status symlink tagging uploadId uploads versionId versioning versions vod website""".split())
liblzma = ctypes.CDLL("liblzma.so.5")
liblzma.lzma_crc64.restype = ctypes.c_uint64
liblzma.lzma_crc64.argtypes = [ctypes.c_char_p, ctypes.c_size_t, ctypes.c_uint64]
lock = threading.RLock()
objects, uploads, faults, requests = {}, {}, [], []


def now():
    return time.time() + CLOCK


def crc64(data):
    return str(liblzma.lzma_crc64(data, len(data), 0))


def enc(text, safe=""):
    return urllib.parse.quote(text, safe=safe + "-._~")


def say(*words):
    with lock:
        print(*words, flush=True)


class Refused(Exception):
    def __init__(self, status, code, message="as the documentation says", extra=""):
        self.status, self.code, self.message, self.extra = status, code, message, extra


class Gone(Exception):
    pass


# ---- signatures


def secret_of(key_id, token):
    if key_id not in KEYS:
        raise Refused(403, "InvalidAccessKeyId", "The OSS Access Key Id you provided does not exist in our records.")
    secret, wanted = KEYS[key_id]
    if token != wanted:
        raise Refused(403, "InvalidSecurityToken" if token else "AccessDenied", "The token is not the right one.")
    return secret


def compare(expected, given, text):
    if not hmac.compare_digest(expected, given):
        raise Refused(403, "SignatureDoesNotMatch", "The request signature we calculated does not match.",
                      f"<StringToSign>{escape(text)}</StringToSign>")


def check_skew(stamp):
    if abs(stamp - now()) > 900:
        raise Refused(403, "RequestTimeTooSkewed", "The difference between the request time and the current time is too large.")


def stamp_of(text):
    try:
        return time.mktime(time.strptime(text, "%Y%m%dT%H%M%SZ")) - time.timezone
    except ValueError:
        raise Refused(403, "AccessDenied", "Invalid date.") from None


def v4(request, scope, stamp, additional, signature):
    key_id, day, region, service, end = (scope.split("/") + [""] * 5)[:5]
    if (region, service, end) != (REGION, "oss", "aliyun_v4_request") or not stamp.startswith(day):
        raise Refused(403, "AccessDenied", "Invalid scope.")
    token = request.headers.get("x-oss-security-token") or request.query.get("x-oss-security-token")
    secret = secret_of(key_id, token)
    path = "/" + BUCKET + "/" + enc(request.key, "/")
    pairs = sorted((enc(k), enc(v)) for k, v in request.query.items() if k != "x-oss-signature")
    query = "&".join(k + ("=" + v if v else "") for k, v in pairs)
    lines = ""
    for name in sorted(request.headers):
        if name in ("content-type", "content-md5") or name.startswith("x-oss-") or name in additional:
            lines += f"{name}:{request.headers[name].strip()}\n"
    payload = request.headers.get("x-oss-content-sha256", "UNSIGNED-PAYLOAD")
    canonical = "\n".join([request.command, path, query, lines, ";".join(additional), payload])
    text = "\n".join(["OSS4-HMAC-SHA256", stamp, scope.split("/", 1)[1], hashlib.sha256(canonical.encode()).hexdigest()])
    key = ("aliyun_v4" + secret).encode()
    for step in (day, region, service, end):
        key = hmac.new(key, step.encode(), hashlib.sha256).digest()
    compare(hmac.new(key, text.encode(), hashlib.sha256).hexdigest(), signature, canonical)


def check_v4_header(request, authorization):
    fields = dict(f.strip().split("=", 1) for f in authorization.split(" ", 1)[1].split(","))
    stamp = request.headers.get("x-oss-date", "")
    if request.headers.get("x-oss-content-sha256") != "UNSIGNED-PAYLOAD":
        raise Refused(400, "InvalidArgument", "x-oss-content-sha256 must be UNSIGNED-PAYLOAD.")
    check_skew(stamp_of(stamp))
    additional = [n for n in fields.get("AdditionalHeaders", "").split(";") if n]
    v4(request, fields["Credential"], stamp, additional, fields["Signature"])


def check_v4_link(request):
    stamp, seconds = request.query.get("x-oss-date", ""), int(request.query.get("x-oss-expires", "0"))
    begin = stamp_of(stamp)
    if not 1 <= seconds <= 604800 or begin > now() + 900:
        raise Refused(403, "AccessDenied", "Invalid expires.")
    if now() > begin + seconds:
        raise Refused(403, "AccessDenied", "Request has expired.")
    additional = [n for n in request.query.get("x-oss-additional-headers", "").split(";") if n]
    if "x-oss-additional-headers" in request.query and not additional:
        raise Refused(400, "InvalidArgument", "The list of additional headers is empty.")
    v4(request, request.query.get("x-oss-credential", ""), stamp, additional, request.query["x-oss-signature"])


def v1(request, key_id, date, token, signature):
    secret = secret_of(key_id, token)
    lines = "".join(f"{n}:{request.headers[n].strip()}\n" for n in sorted(request.headers) if n.startswith("x-oss-"))
    signed = sorted((k, v) for k, v in request.query.items()
                    if k in SUBRESOURCES or k.startswith("response-") or k.startswith("x-oss-"))
    query = "&".join(k + ("=" + v if v else "") for k, v in signed)
    text = "\n".join([request.command, request.headers.get("content-md5", ""), request.headers.get("content-type", ""),
                      date, lines + f"/{BUCKET}/{request.key}" + ("?" + query if query else "")])
    compare(base64.b64encode(hmac.new(secret.encode(), text.encode(), hashlib.sha1).digest()).decode(), signature, text)


def check_v1_header(request, authorization):
    key_id, signature = authorization[4:].split(":", 1)
    date = request.headers.get("x-oss-date") or request.headers.get("date", "")
    parsed = email.utils.parsedate_to_datetime(date)
    check_skew(parsed.timestamp())
    v1(request, key_id, date, request.headers.get("x-oss-security-token"), signature)


def check_v1_link(request):
    expires = request.query.get("Expires", "0")
    if now() > int(expires):
        raise Refused(403, "AccessDenied", "Request has expired.")
    v1(request, request.query["OSSAccessKeyId"], expires, request.query.get("security-token"), request.query["Signature"])


def check_signature(request):
    authorization = request.headers.get("authorization", "")
    if authorization.startswith("OSS4-HMAC-SHA256 "):
        check_v4_header(request, authorization)
    elif authorization.startswith("OSS "):
        check_v1_header(request, authorization)
    elif "x-oss-signature" in request.query:
        check_v4_link(request)
    elif "Signature" in request.query:
        check_v1_link(request)
    else:
        raise Refused(403, "AccessDenied", "You have no right to access this object because of bucket acl.")


# ---- what is kept


class Object:
    def __init__(self, data, headers, tag=None):
        self.data, self.crc = data, crc64(data)
        self.tag = tag or hashlib.md5(data).hexdigest().upper()
        self.modified = now()
        self.headers = {n: v for n, v in headers.items() if n == "content-type" or n.startswith("x-oss-meta-")}


def iso(when):
    return time.strftime("%Y-%m-%dT%H:%M:%S.000Z", time.gmtime(when))


def list_objects(query):
    prefix, most = query.get("prefix", ""), min(int(query.get("max-keys", "100")), 1000)
    after = base64.b64decode(query.get("continuation-token", "")).decode()
    code = (lambda t: enc(t, "/")) if query.get("encoding-type") == "url" else escape
    keys = sorted(k for k in objects if k.startswith(prefix) and k > after)
    page, more = keys[:most], len(keys) > most
    token = base64.b64encode(page[-1].encode()).decode() if more else ""
    entries = "".join(f"<Contents><Key>{code(k)}</Key><LastModified>{iso(objects[k].modified)}</LastModified>"
                      f"<ETag>\"{objects[k].tag}\"</ETag><Type>Normal</Type><Size>{len(objects[k].data)}</Size>"
                      "<StorageClass>Standard</StorageClass></Contents>" for k in page)
    return ("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n"
            f"<ListBucketResult><Name>{BUCKET}</Name><Prefix>{code(prefix)}</Prefix><MaxKeys>{most}</MaxKeys>"
            + ("<EncodingType>url</EncodingType>" if "encoding-type" in query else "")
            + f"<IsTruncated>{str(more).lower()}</IsTruncated>"
            + (f"<NextContinuationToken>{token}</NextContinuationToken>" if more else "")
            + f"<KeyCount>{len(page)}</KeyCount>{entries}</ListBucketResult>")


def list_uploads(query):
    most, prefix = min(int(query.get("max-uploads", "1000")), 1000), query.get("prefix", "")
    code = (lambda t: enc(t, "/")) if query.get("encoding-type") == "url" else escape
    found = [(name, u) for name, u in uploads.items() if u["key"].startswith(prefix)]
    return ("<ListMultipartUploadsResult>" + ("<EncodingType>url</EncodingType>" if "encoding-type" in query else "")
            + f"<IsTruncated>{str(len(found) > most).lower()}</IsTruncated>"
            + "".join(f"<Upload><Key>{code(u['key'])}</Key><UploadId>{name}</UploadId><Initiated>{iso(u['begun'])}</Initiated>"
                      "</Upload>" for name, u in found[:most]) + "</ListMultipartUploadsResult>")


def complete(upload, body):
    wanted = [(int(p.findtext("PartNumber")), p.findtext("ETag").strip('"'))
              for p in xml.etree.ElementTree.fromstring(body).iter("Part")]
    if [n for n, _ in wanted] != sorted({n for n, _ in wanted}) or not wanted:
        raise Refused(400, "InvalidPartOrder")
    for number, tag in wanted:
        if number not in upload["parts"] or upload["parts"][number][1] != tag:
            raise Refused(400, "InvalidPart")
        if len(upload["parts"][number][0]) < 102400 and number != wanted[-1][0]:
            raise Refused(400, "EntityTooSmall")
    tags = hashlib.md5("".join(t for _, t in wanted).encode()).hexdigest().upper()
    return Object(b"".join(upload["parts"][n][0] for n, _ in wanted), upload["headers"], f"{tags}-{len(wanted)}")


# ---- requests


class Request(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True

    def log_message(self, *_):
        pass

    def date_time_string(self, timestamp=None):
        return email.utils.formatdate(now() if timestamp is None else timestamp, usegmt=True)

    def parse(self):
        target = urllib.parse.urlsplit(self.path)
        self.headers = {n.lower(): v for n, v in self.headers.items()}
        pairs = [p.partition("=") for p in target.query.split("&") if p]
        self.query = {urllib.parse.unquote(k): urllib.parse.unquote(v) for k, _, v in pairs}
        host = self.headers.get("host", "").split(":")[0]
        path = urllib.parse.unquote(target.path)
        if host.endswith(".localhost"):
            bucket, self.key = host[:-10], path[1:]
        else:
            bucket, _, self.key = path[1:].partition("/")
        if bucket not in (BUCKET, "~"):
            raise Refused(404, "NoSuchBucket", "The specified bucket does not exist.")
        self.is_for_tests = bucket == "~"

    def choose_fault(self):
        with lock:
            for fault in faults:
                if fault[1] in ("*", self.command) and (fault[2] == "-" or fault[2] in self.path) and fault[3] > 0:
                    fault[3] -= 1
                    return fault
        return [None]

    def read_body(self):
        """All of the body; breaks as the fault says."""
        left, data = int(self.headers.get("content-length", "0")), []
        most = int(self.fault[4]) if self.fault[0] == "break" and left > 0 else None
        while left > 0:
            piece = self.rfile.read(min(left, 65536) if most is None else min(left, 65536, most))
            if not piece:
                raise Gone
            data.append(piece)
            left -= len(piece)
            if most is not None:
                most -= len(piece)
                if most <= 0:
                    raise Gone
        return b"".join(data)

    def answer(self, status, body=b"", fields=(), length=None):
        if self.fault[0] == "lost":
            raise Gone
        self.send_response(status)
        self.send_header("x-oss-request-id", "5C3D9778CC1C2AEDF85B****")
        for name, value in fields:
            wrong = self.fault[0] == "crc" and name == "x-oss-hash-crc64ecma"
            self.send_header(name, str(int(value) ^ 1) if wrong else value)
        if status != 204:
            self.send_header("Content-Length", str(len(body) if length is None else length))
        self.end_headers()
        if self.fault[0] == "break" and self.command == "GET":
            self.wfile.write(body[:int(self.fault[4])])
            raise Gone
        self.wfile.write(body)

    def answer_xml(self, text, fields=()):
        self.answer(200, text.encode(), [("Content-Type", "application/xml"), *fields])

    def refuse(self, error, retry=None):
        text = (f"<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<Error><Code>{error.code}</Code><Message>{escape(error.message)}"
                f"</Message><RequestId>5C3D9778CC1C2AEDF85B****</RequestId>{error.extra}</Error>").encode()
        fields = [("Content-Type", "application/xml"), *([("Retry-After", retry)] if retry else []),
                  *([("Location", "/~/requests")] if error.status < 400 else [])]
        if self.command == "HEAD":
            self.answer(error.status, b"", [*fields, ("x-oss-err", base64.b64encode(text).decode())])
        else:
            self.answer(error.status, text, fields)

    def serve(self):
        self.fault = [None]
        try:
            try:
                self.parse()
                if self.is_for_tests:
                    self.serve_test(self.read_body())
                    return
                with lock:
                    requests.append(f"{self.command} {self.path}")
                self.fault = self.choose_fault()
                self.serve_signed()
            except Refused as error:
                if self.command in ("PUT", "POST") and not self.is_read:
                    self.read_body()
                self.refuse(error)
        except (Gone, OSError):
            self.close_connection = True
            try:
                self.connection.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass

    is_read = False

    def serve_signed(self):
        self.is_read = False
        check_signature(self)
        body = self.read_body()
        self.is_read = True
        if self.fault[0] == "stall":
            say("stalled")
            self.connection.recv(1)
            raise Gone
        if self.fault[0] == "late":
            time.sleep(float(self.fault[4]))
        if self.fault[0] == "status":
            self.refuse(Refused(int(self.fault[4]), self.fault[5]), *self.fault[6:7])
        elif self.fault[0] == "body":
            self.answer_xml(" ".join(self.fault[4:]).replace("\\n", "\n"))
        else:
            with lock:
                getattr(self, "do_signed_" + self.command)(body)

    do_GET = do_PUT = do_POST = do_HEAD = do_DELETE = serve

    def serve_test(self, body):
        with lock:
            if self.key == "fault":
                faults[:] = [[int(w) if i == 3 else w for i, w in enumerate(line.split(" "))]
                             for line in body.decode().splitlines()]
                self.answer(200)
            elif self.key == "uploads" and self.command == "POST":
                for line in body.decode().splitlines():
                    age, key = line.split(" ", 1)
                    uploads[os.urandom(16).hex()] = {"key": key, "headers": {}, "parts": {}, "begun": now() - int(age)}
                self.answer(200)
            elif self.key == "uploads":
                self.answer(200, "".join(u["key"] + "\n" for u in uploads.values()).encode())
            else:
                self.answer(200, "".join(r + "\n" for r in requests).encode())

    def find_upload(self):
        upload = uploads.get(self.query["uploadId"])
        if upload is None or upload["key"] != self.key:
            raise Refused(404, "NoSuchUpload", "The specified upload does not exist.")
        return upload

    def find_object(self):
        if self.key not in objects:
            raise Refused(404, "NoSuchKey", "The specified key does not exist.")
        return objects[self.key]

    def do_signed_PUT(self, body):
        if "uploadId" in self.query:
            tag = hashlib.md5(body).hexdigest().upper()
            self.find_upload()["parts"][int(self.query["partNumber"])] = (body, tag)
            crc = crc64(body)
        else:
            objects[self.key] = Object(body, self.headers)
            tag, crc = objects[self.key].tag, objects[self.key].crc
        self.answer(200, b"", [("ETag", f'"{tag}"'), ("x-oss-hash-crc64ecma", crc)])

    def do_signed_POST(self, body):
        if "uploads" in self.query:
            name = os.urandom(16).hex().upper()
            uploads[name] = {"key": self.key, "headers": dict(self.headers), "parts": {}, "begun": now()}
            self.answer_xml(f"<InitiateMultipartUploadResult><Bucket>{BUCKET}</Bucket><Key>{escape(self.key)}</Key>"
                            f"<UploadId>{name}</UploadId></InitiateMultipartUploadResult>")
            return
        objects[self.key] = made = complete(self.find_upload(), body)
        del uploads[self.query["uploadId"]]
        self.answer_xml(f"<CompleteMultipartUploadResult><Bucket>{BUCKET}</Bucket><Key>{escape(self.key)}</Key>"
                        f"<ETag>\"{made.tag}\"</ETag></CompleteMultipartUploadResult>", [("x-oss-hash-crc64ecma", made.crc)])

    def do_signed_DELETE(self, _):
        if "uploadId" in self.query:
            self.find_upload()
            del uploads[self.query["uploadId"]]
        else:
            objects.pop(self.key, None)
        self.answer(204)

    def describe(self, found):
        return [("ETag", f'"{found.tag}"'), ("x-oss-hash-crc64ecma", found.crc), ("Accept-Ranges", "bytes"),
                ("Last-Modified", self.date_time_string(found.modified)), *found.headers.items()]

    def do_signed_HEAD(self, _):
        found = self.find_object()
        self.answer(200, b"", self.describe(found), len(found.data))

    def do_signed_GET(self, _):
        if not self.key:
            self.answer_xml(list_uploads(self.query) if "uploads" in self.query else list_objects(self.query))
            return
        found = self.find_object()
        part = re.fullmatch(r"bytes=(\d+)-(\d*)", self.headers.get("range", ""))
        condition = self.headers.get("if-range")
        if part is None or condition not in (None, f'"{found.tag}"'):
            self.answer(200, found.data, self.describe(found))
            return
        begin, end = int(part[1]), min(int(part[2] or len(found.data)), len(found.data) - 1)
        if begin >= len(found.data):
            raise Refused(416, "InvalidRange")
        self.answer(206, found.data[begin:end + 1],
                    [*self.describe(found), ("Content-Range", f"bytes {begin}-{end}/{len(found.data)}")])


class Server(http.server.ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 64

    def handle_error(self, request, client_address):
        if not isinstance(sys.exc_info()[1], OSError):
            super().handle_error(request, client_address)


def main():
    os.environ["TZ"] = "UTC"
    time.tzset()
    server = Server(("127.0.0.1", 0), Request)
    threading.Thread(target=lambda: (sys.stdin.read(), os._exit(0)), daemon=True).start()
    say("port", server.server_port)
    server.serve_forever()


main()
