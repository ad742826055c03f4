"""Reads streams of OpenAI Responses with OpenAI's own client, and prints what it assembled."""

import openai

import client

SDK = openai.OpenAI(api_key="none", base_url="http://unused", max_retries=0)


def choice(response):
    """The output of a response in the words of the check."""
    said = {"text": "", "reasoning": "", "refusal": "", "tool_calls": [], "finish": response.status}
    for item in response.output:
        if item.type == "message":
            for content in item.content:
                said["text"] += getattr(content, "text", None) or ""
                said["refusal"] += getattr(content, "refusal", None) or ""
        elif item.type == "reasoning":
            said["reasoning"] += "".join(part.text for part in item.summary)
        elif item.type == "function_call":
            call = {"id": item.call_id, "name": item.name, "arguments": item.arguments}
            said["tool_calls"].append(call)
    return said


def read(url):
    """What the client makes of the stream at `url`."""
    sdk = SDK.with_options(base_url=url)
    response, error = None, None
    with sdk.responses.stream(model="m", input="") as stream:
        try:
            for event in stream:
                if event.type == "error":
                    error = error or event.message
                elif event.type in ("response.completed", "response.incomplete", "response.failed"):
                    response = event.response
        except openai.APIError as failure:
            error = failure.message
    if response is None:
        return {"choices": [], "usage": None, "error": error}
    if response.error is not None:
        error = error or response.error.message
    usage = response.usage and [response.usage.input_tokens, response.usage.output_tokens]
    return {"choices": [choice(response)], "usage": usage, "error": error}


client.run(read)
