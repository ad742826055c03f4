// Reads UI message streams with the AI SDK's own transport and reader, and prints what it assembled.

import { createInterface } from 'node:readline';
import { DefaultChatTransport, readUIMessageStream } from 'ai';

/** The parts of a message in the words of the check. */
function choice(message, finish) {
  const said = { text: '', reasoning: '', refusal: '', tool_calls: [], finish };
  for (const part of message?.parts ?? []) {
    if (part.type === 'text') said.text += part.text;
    else if (part.type === 'reasoning') said.reasoning += part.text;
    else if (part.type.startsWith('tool-')) {
      said.tool_calls.push({
        id: part.toolCallId,
        name: part.type.slice('tool-'.length),
        // What could not be parsed is kept apart.
        arguments: JSON.stringify(part.input ?? part.rawInput),
      });
    }
  }
  return said;
}

/** What the client makes of the stream at `url`. */
async function read(url) {
  const transport = new DefaultChatTransport({ api: url });
  const chunks = await transport.sendMessages({ chatId: 'c', messages: [], trigger: 'submit-message' });
  let finish = null;
  const tap = new TransformStream({
    transform(chunk, controller) {
      if (chunk.type === 'finish') finish = chunk.finishReason ?? null;
      controller.enqueue(chunk);
    },
  });
  let error = null;
  const onError = (failure) => { error ??= failure.message; };
  let message;
  for await (const state of readUIMessageStream({ stream: chunks.pipeThrough(tap), onError })) message = state;
  const counts = message?.metadata?.usage;
  const usage = counts ? [counts.inputTokens ?? null, counts.outputTokens ?? null] : null;
  return { choices: [choice(message, finish)], usage, error };
}

for await (const line of createInterface({ input: process.stdin })) {
  let said;
  try {
    said = await read(line.trim());
  } catch (failure) {
    said = { broke: String(failure) };
  }
  console.log(JSON.stringify(said));
}
