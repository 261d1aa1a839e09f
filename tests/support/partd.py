#!/usr/bin/python3
"""A service of S3 that checks each part of an upload by its CRC-32C, on loopback, and knows nothing else.

usage: partd.py MODE       good     as documented for AWS: "Checking object integrity for data uploads"
                           noise    the first time, a byte of part 2 is another one on its way
                           silent   begins as documented, and then says nothing of parts
                           deaf     has never heard of checksums

Signatures are not looked at.  GET answers with the MD5 of the object that has been put together, or 404.
It prints "port N", and ends when its input does.
"""
import base64, hashlib, http.server, os, re, sys, threading
import xml.etree.ElementTree

MODE = sys.argv[1]
parts, done, noisy = {}, [], [MODE == "noise"]
TABLE = []
for byte in range(256):
    for _ in range(8):
        byte = byte >> 1 ^ (0x82F63B78 if byte & 1 else 0)
    TABLE.append(byte)


def crc32c(data):
    crc, table = 0xFFFFFFFF, TABLE
    for byte in data:
        crc = table[(crc ^ byte) & 255] ^ crc >> 8
    return base64.b64encode((crc ^ 0xFFFFFFFF).to_bytes(4, "big")).decode()


class Request(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def log_message(self, *_):
        pass

    def say(self, status, body="", **fields):
        self.send_response(status)
        for name, value in fields.items():
            self.send_header(name.replace("_", "-"), value)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body.encode())

    def body(self):
        return self.rfile.read(int(self.headers.get("Content-Length", 0)))

    def do_GET(self):
        self.say(200, done[0]) if done else self.say(404)

    def do_PUT(self):
        data = bytearray(self.body())
        number = int(re.search(r"partNumber=(\d+)", self.path)[1])
        if number == 2 and noisy[0]:
            noisy[0] = False
            data[1000] ^= 1
        said = self.headers.get("x-amz-checksum-crc32c")
        if MODE != "deaf" and said != crc32c(data):
            self.say(400, "<Error><Code>BadDigest</Code><Message>another checksum</Message></Error>")
            return
        parts[number] = (bytes(data), said)
        fields = {"x_amz_checksum_crc32c": said} if MODE in ("good", "noise") else {}
        self.say(200, ETag='"%s"' % hashlib.md5(data).hexdigest(), **fields)

    def do_POST(self):
        body = self.body()
        if "uploads" in self.path:
            asked = self.headers.get("x-amz-checksum-algorithm")
            fields = {"x_amz_checksum_algorithm": asked} if MODE != "deaf" and asked else {}
            self.say(200, "<InitiateMultipartUploadResult><UploadId>1</UploadId></InitiateMultipartUploadResult>", **fields)
            return
        named = [(int(part.find("PartNumber").text), part.findtext("ChecksumCRC32C"))
                 for part in xml.etree.ElementTree.fromstring(body)]
        if named != [(number, parts[number][1]) for number in sorted(parts)]:
            self.say(400, "<Error><Code>InvalidPart</Code><Message>not these parts</Message></Error>")
            return
        done[:] = [hashlib.md5(b"".join(parts[number][0] for number in sorted(parts))).hexdigest()]
        self.say(200, "<CompleteMultipartUploadResult/>")

    def do_DELETE(self):
        self.say(204)


server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Request)
server.daemon_threads = True
threading.Thread(target=lambda: (sys.stdin.read(), os._exit(0)), daemon=True).start()
print("port", server.server_port, flush=True)
server.serve_forever()
