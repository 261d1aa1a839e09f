"""OpenAI, and the manners of servers of one's own that speak like it: Ollama, llama.cpp, vLLM."""
import re, time, uuid
from .dashscope import check_messages
from .media import Lens, Sound, Unreadable, Video, picture_size
from .question import Chat, Question, Shown, between, needs_the_word, whole
from .web import Answer, Refused, Unfetched, fetch, from_data

KEY = "sk-7d1c-key-of-openai"
CODE = "invalid_request_error"
SQUARES = Lens()
MODELS = {"openai": {"gpt-4o-mini", "gpt-4o", "gpt-5-mini", "whisper-1", "gpt-4o-transcribe"},
          "ollama": {"qwen2.5vl:7b", "llama3.2"}, "llama": {"qwen2.5-vl"}, "vllm": {"Qwen/Qwen3-VL-8B-Instruct", "whisper-large"}}
HEARERS = {"whisper-1", "gpt-4o-transcribe", "whisper-large"}
MEMBERS = set("""model messages max_completion_tokens max_tokens temperature top_p seed stop n response_format stream
stream_options presence_penalty frequency_penalty logprobs top_logprobs logit_bias user store metadata reasoning_effort
service_tier tools tool_choice parallel_tool_calls modalities audio prediction verbosity""".split())
OWN = MEMBERS | {"top_k", "min_p", "repeat_penalty", "repetition_penalty", "mm_processor_kwargs", "guided_json", "cache_prompt"}
SOUNDS = ("flac", "mp3", "mp4", "mpeg", "mpga", "m4a", "ogg", "wav", "webm")


def authorize(request, server):
    if server == "openai" and request.field("Authorization") != f"Bearer {KEY}":
        raise Refused(401, "invalid_api_key", "Incorrect API key provided: sk-*****. You can find your API key at the usual place.")


def check_model(model, server):
    if not isinstance(model, str) or not model:
        raise Refused(400, None, "you must provide a model parameter")
    if model not in MODELS[server]:
        raise Refused(404, "model_not_found", f"The model `{model}` does not exist or you do not have access to it.")


# ---- chats


def wrong(message, code=None):
    return Refused(400, code, message)


def follow(server, link):
    if not isinstance(link, str):
        raise wrong("an address is a text")
    try:
        if link.startswith("data:"):
            return from_data(link)
        if re.match("https?://", link) and server != "ollama":
            return fetch(link)
    except Unfetched as error:
        raise wrong(f"Error while downloading: {error}", "invalid_image_url") from error
    raise wrong("Invalid image_url: it should be a data: or http(s) address", "invalid_image_url")


def take_part(server, part, texts, shown):
    kind = part.get("type") if isinstance(part, dict) else None
    if kind == "text" and isinstance(part.get("text"), str) and set(part) == {"type", "text"}:
        texts.append(part["text"])
        return
    takes = {"image_url"} | ({"video_url"} if server == "vllm" else set())
    if kind not in takes:
        raise wrong(f"Invalid value: '{kind}'. Supported values are: {sorted(takes | {'text'})}", "invalid_value")
    link = part.get(kind)
    if set(part) != {"type", kind} or not isinstance(link, dict) or set(link) - {"url", "detail"}:
        raise wrong(f"Unknown parameter beside {kind}", "unknown_parameter")
    if link.get("detail", "auto") not in ("auto", "low", "high") or (server == "vllm" and "detail" in link):
        raise wrong("Invalid detail", "invalid_value")
    one = Shown(kind.removesuffix("_url"), [follow(server, link.get("url"))])
    try:
        if one.kind == "video":
            video = Video(one.pieces[0])
            one.seconds, one.tokens = video.duration, SQUARES.video(video.width, video.height, video.frames, video.duration)
        else:
            size = picture_size(one.pieces[0])
            one.tokens = 85 if link.get("detail") == "low" else SQUARES.picture(*size) if server != "openai" else 765
    except Unreadable as error:
        raise wrong(f"You uploaded an unsupported image: {error}", "invalid_image_format") from error
    shown.append(one)


def check_strict(schema, where="schema"):
    """Strict schemas name every property as required and allow no others."""
    if not isinstance(schema, dict):
        return
    if "properties" in schema:
        missing = set(schema["properties"]) - set(schema.get("required", ()))
        if missing or schema.get("additionalProperties") is not False:
            raise wrong(f"Invalid schema for response_format: In {where}, 'required' has to name every property (missing: "
                        f"{sorted(missing)}) and 'additionalProperties' has to be false.")
        for name, inner in schema["properties"].items():
            check_strict(inner, f"{where}.{name}")
    check_strict(schema.get("items"), f"{where}[]")


def check_format(server, wanted, texts):
    if wanted is None:
        return
    kind = wanted.get("type") if isinstance(wanted, dict) else None
    if kind not in ("text", "json_object", "json_schema"):
        raise wrong("Invalid value for response_format.type", "invalid_value")
    if kind == "json_schema":
        inner = wanted.get("json_schema")
        if not isinstance(inner, dict) or not isinstance(inner.get("schema"), dict):
            raise wrong("Missing required parameter: 'response_format.json_schema'.", "missing_required_parameter")
        if not re.fullmatch("[A-Za-z0-9_-]{1,64}", inner.get("name", "")):
            raise wrong("Invalid 'response_format.json_schema.name'", "invalid_value")
        if server == "openai" and inner.get("strict") is True:
            check_strict(inner["schema"])
    if server == "openai":
        needs_the_word(wanted, texts, None)


def say(chat, text, finish):
    message = {"role": "assistant", "content": text}
    if chat.server == "openai":
        message |= {"refusal": None}
        if finish == "refusal":
            message = {"role": "assistant", "content": None, "refusal": text}
    finish = {"filter": "content_filter", "refusal": "stop"}.get(finish, finish)
    output = chat.output(text)
    body = {"id": f"chatcmpl-{uuid.uuid4()}", "object": "chat.completion", "created": int(time.time()), "model": chat.model,
            "choices": [{"index": 0, "finish_reason": finish, "message": message}]}
    if chat.server != "llama":  # answers without a bill have to be taken, too
        body["usage"] = {"prompt_tokens": chat.tokens, "completion_tokens": output, "total_tokens": chat.tokens + output,
                         "prompt_tokens_details": {"cached_tokens": 0, "audio_tokens": 0},
                         "completion_tokens_details": {"reasoning_tokens": 0}}
    return Answer(200, body, [("x-request-id", f"req_{uuid.uuid4().hex}")])


def chat(world, request, server):
    authorize(request, server)
    body = request.json(None)
    model = body.get("model")
    check_model(model, server)
    unknown = set(body) - (MEMBERS if server == "openai" else OWN)
    if unknown:
        raise wrong(f"Unrecognized request argument supplied: {', '.join(sorted(unknown))}", "unknown_parameter")
    if model.startswith("gpt-5") and "max_tokens" in body:
        raise wrong("Unsupported parameter: 'max_tokens' is not supported with this model. Use 'max_completion_tokens' instead.",
                    "unsupported_parameter")
    if {"max_tokens", "max_completion_tokens"} <= set(body):
        raise wrong("one of max_tokens and max_completion_tokens")
    texts, shown = [], []
    for message in check_messages(body.get("messages"), None):
        if isinstance(message["content"], str):
            texts.append(message["content"])
            continue
        for part in message["content"]:
            take_part(server, part, texts, shown)
    most = body.get("max_tokens", body.get("max_completion_tokens"))
    whole(most, 1, 128000, "max_completion_tokens", None)
    between(body.get("temperature"), 0, 2, "temperature", None)
    check_format(server, body.get("response_format"), texts)
    if server == "llama" and (body.get("response_format") or {}).get("type") == "json_schema":
        world.note("json_schema in the nesting of OpenAI")
    asked = Chat(model, texts, shown, body.get("response_format"), most, say)
    asked.server = server
    return asked


# ---- transcriptions


def transcribe(world, request, server):
    authorize(request, server)
    parts = request.form()
    if len(request.body) > 25 << 20:
        raise Refused(413, None, "413: Maximum content size limit (26214400) exceeded")
    fields, asked = {}, []
    for name, _, data in parts:
        if name == "timestamp_granularities[]":
            asked.append(data.decode())
        elif name in fields or name not in ("file", "model", "language", "prompt", "temperature", "response_format"):
            raise wrong(f"Unknown or doubled field {name}", "unknown_parameter")
        else:
            fields[name] = data
    file = next(((name, data) for part, name, data in parts if part == "file"), (None, None))
    if file[0] is None or file[0].rpartition(".")[2].lower() not in SOUNDS:
        raise wrong(f"Invalid file format. Supported formats: {SOUNDS}")
    model, wanted = fields.get("model", b"").decode(), fields.get("response_format", b"json").decode()
    check_model(model, server)
    if model not in HEARERS:
        raise wrong(f"{model} does not transcribe")
    if model == "gpt-4o-transcribe" and (wanted != "json" or asked):
        raise wrong(f"response_format '{wanted}' is not compatible with model '{model}'. Use 'json' instead.", "unsupported_value")
    if asked and wanted != "verbose_json" or set(asked) - {"word", "segment"}:
        raise wrong("timestamp_granularities needs verbose_json")
    try:
        sound = Sound(file[1])
    except (Unreadable, EOFError) as error:
        raise wrong(f"The audio file could not be decoded: {error}") from error
    told = {k: v.decode() for k, v in fields.items() if k != "file"}
    if "language" in told and re.fullmatch("[a-z]{2,3}", told["language"]) is None:
        raise wrong("language is a code of ISO 639-1")
    world.write(event="spoken", language=told.get("language", ""))
    return Question("transcribe", model, [model, Shown("audio", [file[1]]).digest(), told, asked], True,
                    lambda manner: Answer(200, transcript(sound, wanted, asked)))


def transcript(sound, wanted, asked):
    said, segments, words = ["This", "is", "what", "they", "say."], [], []
    for i, (start, end) in enumerate(sound.loud):
        step = (end - start) / len(said)
        words += [{"word": w.strip("."), "start": round(start + k * step, 3), "end": round(start + (k + 1) * step, 3)}
                  for k, w in enumerate(said)]
        segments.append({"id": i, "seek": 0, "start": round(start, 2), "end": round(end, 2), "text": " " + " ".join(said),
                         "tokens": [50364], "temperature": 0.0, "avg_logprob": -0.21, "compression_ratio": 1.1,
                         "no_speech_prob": 0.01})
    text = " ".join(s["text"].strip() for s in segments)
    usage = {"type": "duration", "seconds": round(sound.duration)}
    if wanted == "json":
        return {"text": text, "usage": usage}
    body = {"task": "transcribe", "language": "english", "duration": round(sound.duration, 2), "text": text, "usage": usage}
    if not asked or "segment" in asked:
        body["segments"] = segments
    return body | ({"words": words} if "word" in asked else {})


def models(world, request, server):
    authorize(request, server)
    listed = [{"id": m, "object": "model", "created": 1763195400, "owned_by": "system"} for m in sorted(MODELS[server])]
    return Question("models", None, None, False, lambda manner: Answer(200, {"object": "list", "data": listed}))
