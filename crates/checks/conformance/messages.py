"""Reads streams of Anthropic Messages with Anthropic's own client, and prints what it assembled."""

import json

import anthropic

import client

SDK = anthropic.Anthropic(api_key="none", base_url="http://unused", max_retries=0)


def choice(message):
    """A message in the words of the check."""
    said = {"text": "", "reasoning": "", "refusal": "", "tool_calls": []}
    said["finish"] = message.stop_reason
    for block in message.content:
        if block.type == "text":
            said["text"] += block.text
        elif block.type == "thinking":
            said["reasoning"] += block.thinking
        elif block.type.endswith("tool_use"):
            call = {"id": block.id, "name": block.name, "arguments": json.dumps(block.input)}
            said["tool_calls"].append(call)
    return said


def read(url):
    """What the client makes of the stream at `url`."""
    sdk = SDK.with_options(base_url=url)
    message, error = None, None
    with sdk.messages.stream(model="m", max_tokens=1, messages=[]) as stream:
        try:
            for _ in stream:
                message = stream.current_message_snapshot
            message = stream.get_final_message()
        except anthropic.APIStatusError as failure:
            error = failure.body["error"]["message"]
    if message is None:
        return {"choices": [], "usage": None, "error": error}
    own = message.usage
    cached = (own.cache_creation_input_tokens or 0) + (own.cache_read_input_tokens or 0)
    usage = [own.input_tokens + cached, own.output_tokens]
    return {"choices": [choice(message)], "usage": usage, "error": error}


client.run(read)
