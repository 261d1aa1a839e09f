"""HTTP as the services of models see it: requests, answers, refusals in each dialect, links that are fetched."""
import base64, binascii, email, email.policy, json, urllib.error, urllib.parse, urllib.request, uuid
from xml.sax.saxutils import escape


class Gone(Exception):
    """The client has left, or is to be left."""


class Refused(Exception):
    def __init__(self, status, code, message="as the documentation says", fields=(), kind=None):
        super().__init__(message)
        self.status, self.code, self.message, self.fields, self.kind = status, code, message, list(fields), kind


class Answer:
    def __init__(self, status=200, body=b"", fields=(), kind="application/json"):
        self.status, self.fields, self.kind = status, list(fields), kind
        self.body = body if isinstance(body, bytes) else json.dumps(body).encode()


class Request:
    def __init__(self, head, body):
        lines = head.decode("latin-1").split("\r\n")
        self.method, self.target = lines[0].split(" ")[:2]
        self.fields = {}
        for line in lines[1:]:
            name, _, value = line.partition(":")
            self.fields[name.strip().lower()] = value.strip()
        self.path, _, query = self.target.partition("?")
        self.query = dict(urllib.parse.parse_qsl(query, keep_blank_values=True))
        self.body = body

    def field(self, name):
        return self.fields.get(name.lower(), "")

    def json(self, code):
        """The body, which has to say that it is JSON and to be an object."""
        if self.field("Content-Type").partition(";")[0].strip().lower() != "application/json":
            raise Refused(400, code, "Content-Type must be application/json")
        try:
            value = json.loads(self.body, parse_constant=lambda word: 1 / 0)
        except (ValueError, ZeroDivisionError) as error:
            raise Refused(400, code, "Required body invalid, please check the request body format.") from error
        if not isinstance(value, dict):
            raise Refused(400, code, "the body is no object")
        return value

    def form(self):
        """The parts of multipart/form-data in order: (name, file name or None, bytes)."""
        if not self.field("Content-Type").startswith("multipart/form-data; boundary="):
            raise Refused(400, "InvalidArgument", "the body is no multipart/form-data")
        text = b"Content-Type: " + self.field("Content-Type").encode() + b"\r\n\r\n" + self.body
        if not self.body.rstrip(b"\r\n").endswith(b"--"):
            raise Refused(400, "MalformedPOSTRequest", "the last boundary is missing")
        parts = email.message_from_bytes(text, policy=email.policy.HTTP).iter_parts()
        return [(p.get_param("name", header="content-disposition"), p.get_filename(), p.get_payload(decode=True)) for p in parts]


# ---- refusals, as each dialect writes them


def refuse_native(refused):
    return {"code": refused.code, "message": refused.message, "request_id": str(uuid.uuid4())}


def refuse_compatible(refused):
    return {"error": {"code": refused.code, "param": None, "message": f"<{refused.status}> {refused.message}",
                      "type": refused.kind or "invalid_request_error"},
            "id": f"chatcmpl-{uuid.uuid4()}", "request_id": str(uuid.uuid4())}


def refuse_openai(refused):
    kinds = {"insufficient_quota": "insufficient_quota", "rate_limit_exceeded": "requests"}
    kind = refused.kind or kinds.get(refused.code) or ("server_error" if refused.status >= 500 else "invalid_request_error")
    return {"error": {"message": refused.message, "type": kind, "param": None, "code": refused.code}}


def refuse_oss(refused):
    return (f'<?xml version="1.0" encoding="UTF-8"?>\n<Error><Code>{escape(refused.code)}</Code><Message>'
            f"{escape(refused.message)}</Message><RequestId>{uuid.uuid4().hex}</RequestId></Error>").encode()


DIALECTS = {"native": refuse_native, "compatible": refuse_compatible, "openai": refuse_openai, "oss": refuse_oss}


# ---- what links lead to


class Unfetched(Exception):
    pass


OPENER = urllib.request.build_opener(urllib.request.ProxyHandler({}))


def from_data(link):
    head, _, text = link.partition(",")
    if not head.endswith(";base64"):
        raise Unfetched("a data: link that is not of base64")
    try:
        return base64.b64decode(text, validate=True)
    except binascii.Error as error:
        raise Unfetched("a data: link that is no base64") from error


def fetch(link):
    """As a service fetches media: the place has to say its length and type."""
    try:
        with OPENER.open(link, timeout=20) as answer:
            if not answer.headers.get("Content-Length") or not answer.headers.get("Content-Type"):
                raise Unfetched("missing Content-Length or Content-Type")
            return answer.read()
    except (urllib.error.URLError, ValueError, OSError) as error:
        raise Unfetched(str(error)) from error
