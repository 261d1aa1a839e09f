"""Model Studio: its native interface, its compatible mode, speech recognition as a task, and the temporary upload."""
import base64, hashlib, hmac, json, re, time, urllib.parse, uuid
from .media import Lens, Sound, Unreadable, Video, picture_size
from .question import Chat, Question, Shown, between, needs_the_word, whole
from .web import Answer, Refused, Unfetched, fetch, from_data

KEY = "sk-5f0e-key-of-dashscope"
OLD = Lens(factor=28, most_frames=512, total=65536, pixels=602112, seconds=(2, 600), listed=512)
MAX = Lens(most_frames=512, total=65536, pixels=786432, seconds=(2, 1200), listed=512)
PLUS = Lens(most_frames=512, total=65536, pixels=786432, seconds=(2, 600), listed=80)
LOOKERS = {"qwen3-vl-plus": Lens(), "qwen3-vl-flash": Lens(), "qwen-vl-max": MAX, "qwen-vl-plus": PLUS,
           "qwen2.5-vl-72b-instruct": OLD}
WRITERS = {"qwen-plus", "qwen3-max", "qwen-flash", "qwen-turbo"}
SCHEMATICS = {"qwen-plus", "qwen3-max", "qwen-flash"}
LISTENERS = {"paraformer-v2", "paraformer-v1", "fun-asr", "qwen3-asr-flash-filetrans"}
HEARERS = {"qwen3-asr-flash"}
BESIDE = {"fps", "min_pixels", "max_pixels", "total_pixels"}
PARAMETERS = set("""max_tokens temperature top_p top_k seed repetition_penalty presence_penalty stop n response_format
incremental_output enable_thinking thinking_budget vl_high_resolution_images vl_enable_image_hw_output result_format
asr_options enable_search""".split())
COMPATIBLE = set("""model messages max_tokens max_completion_tokens temperature top_p top_k seed presence_penalty
repetition_penalty stop n response_format stream stream_options enable_thinking thinking_budget vl_high_resolution_images
enable_search asr_options tools tool_choice modalities""".split())


def authorize(request, dialect):
    words = request.field("Authorization").split(" ")
    if words != ["Bearer", KEY]:
        raise Refused(401, "InvalidApiKey" if dialect == "native" else "invalid_api_key", "Invalid API-key provided.")


# ---- what is shown


class Sight:
    """Reads media of a request: how links are followed, and what the model takes."""

    def __init__(self, world, request, model, code):
        self.world, self.request, self.model, self.code = world, request, model, code
        self.lens = LOOKERS.get(model)

    def wrong(self, message):
        return Refused(400, self.code, message)

    def follow(self, link, limit):
        if not isinstance(link, str) or not link:
            raise self.wrong("the address of media is no text")
        try:
            if link.startswith("data:"):
                if len(link) >= limit:
                    raise self.wrong("Multimodal file size is too large")
                return from_data(link)
            if link.startswith("oss://"):
                return self.resolve(link)
            if not re.match("https?://", link) or urllib.parse.quote(link, safe="%/:?#[]@!$&'()*+,;=-._~") != link:
                raise self.wrong("The provided URL does not appear to be valid. Ensure it is correctly formatted.")
            return fetch(link)
        except Unfetched as error:
            raise Refused(400, "InvalidParameter.DataInspection" if self.code == "InvalidParameter" else self.code,
                          "Unable to download the media resource during the data inspection process.") from error

    def resolve(self, link):
        if self.request.field("X-DashScope-OssResourceResolve") != "enable":
            raise self.wrong("The provided URL does not appear to be valid. Ensure it is correctly formatted.")
        model, data = self.world.uploads.get(link.removeprefix("oss://"), (None, None))
        if model != self.model:
            raise Unfetched("no such upload of this model")
        return data

    def beside(self, part, name):
        extra = {k: v for k, v in part.items() if k not in (name, "type")}
        if set(extra) - BESIDE:
            raise self.wrong(f"unknown {sorted(set(extra) - BESIDE)} beside {name}")
        between(extra.get("fps"), 0.1, 10, "fps", self.code)
        least = 4 * self.lens.factor ** 2
        for key in ("min_pixels", "max_pixels"):
            highest = 16777216 if name.startswith("image") else self.lens.pixels
            whole(extra.get(key), least, highest, key, self.code)
        whole(extra.get("total_pixels"), least, self.lens.total_pixels, "total_pixels", self.code)
        return extra

    def see(self, kind, links, beside):
        if self.lens is None:
            raise self.wrong("the model does not look at anything")
        limit = 10 << 20 if kind == "video" or "qwen3" not in self.model else 20 << 20
        if kind == "list" and not 4 <= len(links) <= self.lens.listed:
            raise self.wrong(f"The video modality input does not meet the requirements because: the number of frames should be "
                             f"4 to {self.lens.listed}.")
        shown = Shown(kind, [self.follow(link, limit) for link in links], beside)
        try:
            self.weigh(shown)
        except Unreadable as error:
            raise self.wrong(f"The video or picture cannot be opened: {error}") from error
        return shown

    def weigh(self, shown):
        beside, lens = shown.beside, self.lens
        if shown.kind == "video":
            video = Video(shown.pieces[0])
            if not video.frames or not lens.seconds[0] <= video.duration <= lens.seconds[1]:
                raise self.wrong(f"The video file is too short or too long: {video.duration:g} s of {lens.seconds}")
            shown.seconds = video.duration
            shown.tokens = lens.video(video.width, video.height, video.frames, video.duration, beside.get("fps", 2.0),
                                      beside.get("max_pixels"))
            return
        sizes = [picture_size(p) for p in shown.pieces]
        if shown.kind == "list":
            shown.seconds = len(sizes) / beside.get("fps", 2.0)
            shown.tokens = lens.listed_frames(sizes, beside.get("max_pixels"))
        else:
            shown.tokens = lens.picture(*sizes[0], beside.get("max_pixels"))

    def hear(self, link):
        data = self.follow(link, 10 << 20)
        shown = Shown("audio", [data])
        shown.seconds = Sound(data).duration
        shown.tokens = int(25 * shown.seconds)
        return shown


# ---- chats


def check_model(model, known, code):
    if not isinstance(model, str) or not model:
        raise Refused(400, code, "Model is required")
    if model not in LOOKERS and model not in WRITERS and model not in LISTENERS and model not in HEARERS:
        raise Refused(404, "ModelNotFound" if code == "InvalidParameter" else "model_not_found",
                      f"The model `{model}` does not exist or you do not have access to it.")
    if model not in known:
        raise Refused(400, code, "url error, please check url！")


def check_limits(of, code):
    whole(of.get("max_tokens"), 1, 65536, "max_tokens", code)
    between(of.get("temperature"), 0, 1.999, "temperature", code)
    between(of.get("top_p"), 0, 1, "top_p", code)


def check_format(model, wanted, texts, code):
    kind = (wanted or {"type": "text"}).get("type")
    if kind not in ("text", "json_object", "json_schema"):
        raise Refused(400, code, "response_format.type should be text, json_object or json_schema")
    if kind == "json_schema":
        inner = wanted.get("json_schema")
        if model not in SCHEMATICS:
            raise Refused(400, code, f"'response_format' of type 'json_schema' is not supported by {model}")
        if not isinstance(inner, dict) or not inner.get("name") or not isinstance(inner.get("schema"), dict):
            raise Refused(400, code, "'response_format.json_schema' needs name and schema")
    needs_the_word(wanted, texts, code)


def details(chat, output):
    return {"video_tokens": chat.parts["video"], "image_tokens": chat.parts["image"], "text_tokens": chat.parts["text"],
            "audio_tokens": chat.parts["audio"], "cached_tokens": 0}, {"text_tokens": output, "reasoning_tokens": 0}


def say_native(chat, text, finish):
    """The answer of multimodal-generation, and of text-generation."""
    if finish == "filter":
        raise Refused(400, "DataInspectionFailed", "Output data may contain inappropriate content.")
    output = chat.output(text)
    usage = {"input_tokens": chat.tokens, "output_tokens": output}
    content = text
    if chat.many:
        content = [{"text": text}] if text else []
        parts, said = details(chat, output)
        usage |= {"total_tokens": chat.tokens + output, "input_tokens_details": {k: v for k, v in parts.items() if v},
                  "output_tokens_details": said, "prompt_tokens_details": {"cached_tokens": 0}}
        usage |= {f"{kind}_tokens": n for kind, n in chat.parts.items() if n and kind != "text"}
    finish = "stop" if finish == "refusal" else finish
    output = {"choices": [{"message": {"role": "assistant", "content": content}, "finish_reason": finish}]}
    if not chat.many and not chat.as_message:
        output = {"text": text, "finish_reason": finish}
    return Answer(200, {"output": output, "usage": usage, "request_id": str(uuid.uuid4())},
                  [("X-Request-ID", str(uuid.uuid4())), ("x-dashscope-finished", "true")])


def native(world, request, many):
    """multimodal-generation (`many` parts in a content) and text-generation (a text)."""
    authorize(request, "native")
    code = "InvalidParameter"
    body = request.json(code)
    if set(body) != {"model", "input", "parameters"} or not isinstance(body["parameters"], dict):
        raise Refused(400, code, "a body has model, input and parameters (at least {}), and nothing else")
    model, parameters = body["model"], body["parameters"]
    check_model(model, LOOKERS.keys() | HEARERS if many else WRITERS, code)
    if set(parameters) - PARAMETERS:
        raise Refused(400, code, f"unknown parameters {sorted(set(parameters) - PARAMETERS)}")
    messages = body["input"].get("messages") if isinstance(body["input"], dict) else None
    sight, texts, shown = Sight(world, request, model, code), [], []
    for message in check_messages(messages, code):
        if many:
            for part in message["content"] if isinstance(message["content"], list) else [None]:
                take_native(sight, part, texts, shown)
        elif isinstance(message["content"], str):
            texts.append(message["content"])
        else:
            raise Refused(400, code, "Input should be a valid string: input.messages.content")
    check_limits(parameters, code)
    check_format(model, parameters.get("response_format"), texts, code)
    chat = Chat(model, texts, shown, parameters.get("response_format"), parameters.get("max_tokens"), say_native)
    chat.many, chat.as_message = many, parameters.get("result_format") == "message"
    return chat


def check_messages(messages, code):
    if not isinstance(messages, list) or not messages:
        raise Refused(400, code, "messages is missing or empty")
    for message in messages:
        if not isinstance(message, dict) or message.get("role") not in ("system", "user", "assistant") or "content" not in message:
            raise Refused(400, code, "a message has a role and a content")
    if messages[-1]["role"] != "user":
        raise Refused(400, code, "the last message is the user's")
    return messages


def take_native(sight, part, texts, shown):
    names = {"text", "image", "video", "audio"} & set(part) if isinstance(part, dict) else ()
    if len(names) != 1:
        raise sight.wrong("each part of content is an object with one of text, image, video, audio")
    name, = names
    if name == "text":
        if len(part) != 1 or not isinstance(part["text"], str):
            raise sight.wrong("text is a text, with nothing beside it")
        texts.append(part["text"])
    elif name == "audio":
        if sight.model not in HEARERS:
            raise sight.wrong("the model hears nothing")
        shown.append(sight.hear(part["audio"]))
    else:
        value = part[name]
        kind = "list" if isinstance(value, list) else name
        shown.append(sight.see(kind, value if kind == "list" else [value], sight.beside(part, name)))


def say_compatible(chat, text, finish):
    if finish == "filter":
        raise Refused(400, "data_inspection_failed", "Output data may contain inappropriate content.")
    output = chat.output(text)
    parts, said = details(chat, output)
    return Answer(200, {
        "choices": [{"message": {"role": "assistant", "content": text}, "index": 0, "logprobs": None,
                     "finish_reason": "stop" if finish == "refusal" else finish}],
        "object": "chat.completion", "created": int(time.time()), "model": chat.model, "id": f"chatcmpl-{uuid.uuid4()}",
        "system_fingerprint": None,
        "usage": {"prompt_tokens": chat.tokens, "completion_tokens": output, "total_tokens": chat.tokens + output,
                  "prompt_tokens_details": parts, "completion_tokens_details": said}})


def compatible(world, request):
    authorize(request, "compatible")
    code = "invalid_parameter_error"
    body = request.json(code)
    model = body.get("model")
    check_model(model, LOOKERS.keys() | WRITERS | HEARERS, code)
    if set(body) - COMPATIBLE:
        raise Refused(400, code, f"unknown {sorted(set(body) - COMPATIBLE)}")
    if "max_completion_tokens" in body:
        raise Refused(400, code, "max_completion_tokens is not supported by this model")
    sight, texts, shown = Sight(world, request, model, code), [], []
    for message in check_messages(body.get("messages"), code):
        if isinstance(message["content"], str):
            texts.append(message["content"])
            continue
        for part in message["content"]:
            take_compatible(sight, part, texts, shown)
    check_limits(body, code)
    check_format(model, body.get("response_format"), texts, code)
    return Chat(model, texts, shown, body.get("response_format"), body.get("max_tokens"), say_compatible)


def take_compatible(sight, part, texts, shown):
    kind = part.get("type") if isinstance(part, dict) else None
    if kind == "text" and isinstance(part.get("text"), str):
        texts.append(part["text"])
    elif kind in ("image_url", "video_url"):
        link = part.get(kind)
        if not isinstance(link, dict) or set(link) - {"url", "detail"}:
            raise sight.wrong(f"{kind} is an object with url; fps and pixels stand beside it")
        shown.append(sight.see(kind.removesuffix("_url"), [link.get("url")], sight.beside(part, kind)))
    elif kind == "video":
        if not isinstance(part.get("video"), list):
            raise sight.wrong("video is an array of addresses")
        shown.append(sight.see("list", part["video"], sight.beside(part, "video")))
    elif kind == "input_audio":
        shown.append(sight.hear(part.get("input_audio", {}).get("data")))
    else:
        raise sight.wrong(f"a part of the type {kind} is not known")


# ---- speech recognition


def submit(world, request):
    authorize(request, "native")
    code = "InvalidParameter"
    body = request.json(code)
    if request.field("X-DashScope-Async") != "enable":
        raise Refused(403, "AccessDenied", "current user api does not support synchronous calls.")
    model = body.get("model")
    check_model(model, LISTENERS, code)
    wanted, parameters = body.get("input"), body.get("parameters")
    single = model.startswith("qwen3")
    link = wanted.get("file_url") if single and isinstance(wanted, dict) else (wanted or {}).get("file_urls")
    links = [link] if single else link
    if not isinstance(links, list) or len(links) != 1:
        raise Refused(400, code, "input." + ("file_url is a text" if single else "file_urls is a list of one"))
    if isinstance(parameters, dict) and "language_hints" in parameters and model != "paraformer-v2":
        raise Refused(400, code, "language_hints is for paraformer-v2 only")
    if isinstance(parameters, dict):
        hints = parameters.get("language_hints", []) + ([parameters["language"]] if "language" in parameters else [])
        if any(re.fullmatch("[a-z]{2,3}", hint) is None for hint in hints) or "language" in parameters and not single:
            raise Refused(400, code, "no such language")
        world.write(event="spoken", language=" ".join(hints))
    try:
        data, problem = Sight(world, request, model, code).follow(links[0], 10 << 20), None
    except Refused as refused:
        if refused.code == code:
            raise
        data, problem = b"", "FILE_DOWNLOAD_FAILED"
    if not isinstance(parameters, dict):
        problem = "InvalidParameter"
    return Question("submit", model, [model, hashlib.sha256(data).hexdigest(), parameters], True,
                    lambda manner: world.tasks.begin(model, links[0], data, parameters or {}, problem))


def spoken(sound, zero, words_wanted):
    """The sentences of a sound in milliseconds."""
    said, sentences = ["This", "is", "what", "they", "say"], []
    for number, (start, end) in enumerate(sound.loud):
        step = (end - start) / len(said)
        words = [{"begin_time": int((start + i * step) * 1000), "end_time": int((start + (i + 1) * step) * 1000),
                  "text": w + ("" if i + 1 == len(said) else " "), "punctuation": "." if i + 1 == len(said) else ""}
                 for i, w in enumerate(said)]
        sentence = {"begin_time": int(start * 1000), "end_time": int(end * 1000), "text": " ".join(said) + ".",
                    "sentence_id": number + zero}
        sentences.append(sentence | ({"words": words} if words_wanted else {}))
    return sentences


class Tasks:
    """Jobs of speech recognition: PENDING when submitted, RUNNING when asked for the first time, then done."""

    def __init__(self, world):
        self.world, self.all = world, {}

    def begin(self, model, link, data, parameters, problem):
        name = str(uuid.uuid4())
        self.all[name] = [model, link, data, parameters, problem, 0]
        return Answer(200, {"output": {"task_status": "PENDING", "task_id": name}, "request_id": str(uuid.uuid4())})

    def poll(self, world, request):
        authorize(request, "native")
        name = request.path.rpartition("/")[2]
        return Question("poll", None, [name], False, lambda manner: self.tell(name))

    def tell(self, name, forced=None):
        about = {"task_id": name}
        if name not in self.all or forced == "UNKNOWN":
            return Answer(200, {"request_id": str(uuid.uuid4()), "output": about | {"task_status": "UNKNOWN"}})
        task = self.all[name]
        task[5] += 1
        about |= {"submit_time": "2025-11-15 16:30:00.104", "scheduled_time": "2025-11-15 16:30:00.150"}
        if task[5] == 1 and forced is None:
            about |= {"task_status": "RUNNING", "task_metrics": {"TOTAL": 1, "SUCCEEDED": 0, "FAILED": 0}}
            return Answer(200, {"request_id": str(uuid.uuid4()), "output": about})
        return Answer(200, self.done(task, about | {"end_time": "2025-11-15 16:30:05.150"}, forced))

    def done(self, task, about, forced):
        model, link, data, parameters, problem, _ = task
        usage = {}
        try:
            sound = Sound(data) if not problem and not forced else None
        except (Unreadable, EOFError) as error:
            sound, problem = None, "InvalidFile.DecodeFailed" if str(error) else "InvalidFile"
        if sound is None:
            code = forced or problem
            about |= {"task_status": "FAILED", "code": code, "message": "the job did not end well",
                      "task_metrics": {"TOTAL": 1, "SUCCEEDED": 0, "FAILED": 1},
                      "results": [{"file_url": link, "code": code, "message": "as above", "subtask_status": "FAILED"}]}
            return {"request_id": str(uuid.uuid4()), "output": about}
        about |= {"task_status": "SUCCEEDED", "task_metrics": {"TOTAL": 1, "SUCCEEDED": 1, "FAILED": 0}}
        result = self.world.keep_result(self.result(model, link, sound, parameters))
        if model.startswith("qwen3"):
            about["result"], usage = {"transcription_url": result}, {"seconds": round(sound.duration)}
        else:
            about["results"] = [{"file_url": link, "transcription_url": result, "subtask_status": "SUCCEEDED"}]
            usage = {"duration": round(sound.duration)}
        return {"request_id": str(uuid.uuid4()), "output": about, "usage": usage}

    @staticmethod
    def result(model, link, sound, parameters):
        if model.startswith("qwen3"):
            sentences = spoken(sound, 0, parameters.get("enable_words") is True)
            head = {"file_url": link, "audio_info": {"format": "wav", "sample_rate": sound.rate}}
            sentences = [s | {"language": "en", "emotion": "neutral"} for s in sentences]
        else:
            sentences = spoken(sound, 1, True)
            head = {"file_url": link, "properties": {
                "audio_format": "pcm_s16le", "channels": [0], "original_sampling_rate": sound.rate,
                "original_duration_in_milliseconds": int(sound.duration * 1000)}}
        return head | {"transcripts": [{"channel_id": 0, "text": " ".join(s["text"] for s in sentences), "sentences": sentences,
                                        "content_duration_in_milliseconds": int(1000 * sum(e - s for s, e in sound.loud))}]}


# ---- the temporary upload

STORE_ID, STORE_SECRET = "LTAI-of-uploads", b"secret-of-uploads"
FORM = ["OSSAccessKeyId", "Signature", "policy", "key", "x-oss-object-acl", "x-oss-forbid-overwrite", "success_action_status"]


def get_policy(world, request):
    authorize(request, "native")
    if request.query.get("action") != "getPolicy":
        raise Refused(400, "InvalidParameter", "action should be getPolicy")
    model = request.query.get("model")
    check_model(model, LOOKERS.keys() | LISTENERS | HEARERS, "InvalidParameter")
    return Question("policy", model, [model], False, lambda manner: Answer(200, {"data": make_policy(world, model),
                                                                                 "request_id": str(uuid.uuid4())}))


def make_policy(world, model):
    folder = f"dashscope-instant/52af/2025-11-15/{uuid.uuid4()}"
    world.folders[folder] = model
    until = time.strftime("%Y-%m-%dT%H:%M:%S.000Z", time.gmtime(time.time() + 300))
    policy = base64.b64encode(json.dumps({"expiration": until, "conditions": [
        ["content-length-range", 0, 1 << 30], ["starts-with", "$key", folder], {"bucket": "dashscope-file-mgr"}]}).encode())
    return {"policy": policy.decode(), "signature": sign(policy), "upload_dir": folder, "upload_host": world.store_address,
            "expire_in_seconds": 300, "max_file_size_mb": 1024, "capacity_limit_mb": 999999999, "oss_access_key_id": STORE_ID,
            "x_oss_object_acl": "private", "x_oss_forbid_overwrite": "true"}


def sign(policy):
    return base64.b64encode(hmac.digest(STORE_SECRET, policy, "sha1")).decode()


def take_form(world, request):
    """What the store of uploads makes of a form."""
    if request.field("Authorization"):
        raise Refused(400, "InvalidArgument", "Only one auth mechanism allowed")
    parts = request.form()
    names = [name for name, _, _ in parts]
    fields = {name: data.decode("utf-8", "replace") for name, _, data in parts[:-1]}
    if names[-1:] != ["file"] or parts[-1][1] is None:
        raise Refused(400, "InvalidArgument", "the last field of the form has to be file, with a file name")
    if [n for n in names[:-1] if n != "x-oss-content-type"] != FORM:
        raise Refused(400, "InvalidArgument", f"the fields of the form are {names}")
    if fields["OSSAccessKeyId"] != STORE_ID:
        raise Refused(403, "InvalidAccessKeyId", "no such key")
    if not hmac.compare_digest(fields["Signature"], sign(fields["policy"].encode())):
        raise Refused(403, "SignatureDoesNotMatch", "The request signature we calculated does not match the signature you provided.")
    policy = json.loads(base64.b64decode(fields["policy"]))
    if policy["expiration"] < time.strftime("%Y-%m-%dT%H:%M:%S.000Z", time.gmtime()):
        raise Refused(403, "AccessDenied", "Invalid according to Policy: Policy expired.")
    folder, _, name = fields["key"].rpartition("/")
    if folder not in world.folders or not name or policy["conditions"][1][2] != folder:
        raise Refused(403, "AccessDenied", 'Invalid according to Policy: Policy Condition failed: ["starts-with", "$key"]')
    if fields["x-oss-object-acl"] != "private" or fields["x-oss-forbid-overwrite"] != "true":
        raise Refused(403, "AccessDenied", "acl and overwriting are not as the policy said")
    if fields["key"] in world.uploads:
        raise Refused(409, "FileAlreadyExists", "The object you specified already exists and can not be overwritten.")
    status = int(fields["success_action_status"]) if fields["success_action_status"] in ("200", "201") else 204
    data = parts[-1][2]
    return Question("form", world.folders[folder], [hashlib.sha256(data).hexdigest()], False,
                    lambda manner: world.keep_upload(fields["key"], world.folders[folder], data, status))


# ---- what else is asked


def quotas(world, request):
    authorize(request, "native")
    model = request.query.get("model", "qwen-plus")
    limit = {"request_limit": 1200, "request_limit_period": 60, "usage_limit": 1000000, "usage_limit_field": "total_tokens",
             "usage_limit_period": 60}
    return Question("quotas", model, None, False, lambda manner: Answer(200, {
        "output": {"quotas": [{"model": model, "workspace_id": "ws-test", "model_limit": limit}]}, "request_id": str(uuid.uuid4())}))


def list_tasks(world, request):
    authorize(request, "native")
    return Question("tasks", None, None, False, lambda manner: Answer(200, {
        "total": 0, "data": [], "total_page": 0, "page_no": 1, "page_size": 1, "request_id": str(uuid.uuid4())}))


def models(world, request):
    authorize(request, "compatible")
    listed = [{"id": m, "object": "model", "created": 1763195400, "owned_by": "system"} for m in sorted(LOOKERS.keys() | WRITERS)]
    return Question("models", None, None, False, lambda manner: Answer(200, {"object": "list", "data": listed}))
