#!/usr/bin/python3
"""A model on loopback that says what it is told to; tests/support/chatd.h says how it is used.

usage: chatd.py FOLDER

The N-th question (from 1) is answered with the file FOLDER/say.N, or the last there is: the status, a line feed, and what is
said, or with another status than 200 the body.  Beside it the question is put as ask.N, before it is answered.
"""
import http.server, json, os, sys, threading

folder, lock, count = sys.argv[1], threading.Lock(), 0


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_POST(self):
        global count
        body = self.rfile.read(int(self.headers["Content-Length"]))
        with lock:
            count += 1
            number = count
            with open(f"{folder}/ask.{number}.new", "wb") as file:
                file.write(body)
            os.rename(f"{folder}/ask.{number}.new", f"{folder}/ask.{number}")
        while not os.path.exists(f"{folder}/say.{number}"):
            number -= 1
        with open(f"{folder}/say.{number}", encoding="utf-8", errors="surrogateescape") as file:
            status, said = file.read().split("\n", 1)
        answer = said
        if status == "200":
            answer = json.dumps({"id": "chat-1", "object": "chat.completion", "model": "m",
                                 "choices": [{"index": 0, "finish_reason": "stop",
                                              "message": {"role": "assistant", "content": said}}],
                                 "usage": {"prompt_tokens": 100, "completion_tokens": 20, "total_tokens": 120}})
        data = answer.encode("utf-8", "surrogateescape")
        self.send_response(int(status))
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    def log_message(self, *_):
        pass


server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
server.daemon_threads = True
threading.Thread(target=server.serve_forever, daemon=True).start()
print("port", server.server_address[1], flush=True)
sys.stdin.read()
