"""Reads streams of OpenAI chat chunks with OpenAI's own client, and prints what it assembled."""

import openai

import client

SDK = openai.OpenAI(api_key="none", base_url="http://unused", max_retries=0)


def choice(own):
    """One choice of a completion in the words of the check."""
    message = own.message
    calls = [
        {"id": call.id, "name": call.function.name, "arguments": call.function.arguments}
        for call in message.tool_calls or []
    ]
    return {
        "text": message.content or "",
        "reasoning": getattr(message, "reasoning_content", None) or "",
        "refusal": message.refusal or "",
        "tool_calls": calls,
        "finish": own.finish_reason,
    }


def read(url):
    """What the client makes of the stream at `url`."""
    sdk = SDK.with_options(base_url=url)
    completion, error = None, None
    with sdk.chat.completions.stream(model="m", messages=[]) as stream:
        try:
            for _ in stream:
                completion = stream.current_completion_snapshot
        except openai.APIError as failure:
            error = failure.message
    if completion is None:
        return {"choices": [], "usage": None, "error": error}
    usage = completion.usage and [completion.usage.prompt_tokens, completion.usage.completion_tokens]
    return {"choices": [choice(own) for own in completion.choices], "usage": usage, "error": error}


client.run(read)
