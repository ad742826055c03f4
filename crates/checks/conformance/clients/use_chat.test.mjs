// `useChat` of the AI SDK against the real server: cut, resumed, reloaded, left.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { useChat } from '@ai-sdk/react';
import { DefaultChatTransport } from 'ai';
import { createElement } from 'react';
import { create } from 'react-test-renderer';
import { Provider, random, replay, Server } from '../millstream.mjs';

const CUTS = 40;

// The renderer says otherwise, for each page, that it is for tests of this kind alone.
globalThis.IS_REACT_NATIVE_TEST_ENVIRONMENT = true;

/** The transport that an application would configure; a relay is named after the chat. */
function transport(server, fetch) {
  const relay = (id) => `${server.url}/llm/${id}?format=ai-sdk`;
  return new DefaultChatTransport({
    fetch,
    prepareSendMessagesRequest: ({ id, messages }) => ({
      api: relay(id),
      body: { upstream: 'provider', request: { stream: true, messages } },
    }),
    prepareReconnectToStreamRequest: ({ id }) => ({ api: relay(id) }),
  });
}

/** A page that shows a chat. */
class Page {
  #waiting = [];
  #root;

  constructor(options) {
    const Chat = () => {
      this.chat = useChat({ ...options, onError: () => {} });
      queueMicrotask(() => this.#look());
      return null;
    };
    this.#root = create(createElement(Chat));
  }

  #look() {
    for (const { holds, done } of this.#waiting) if (holds(this.chat)) done();
  }

  /** Waits until the page shows what is asked for. */
  shows(holds) {
    return new Promise((done) => {
      this.#waiting.push({ holds, done });
      if (this.chat) this.#look();
    });
  }

  ends() {
    return this.shows(({ status, messages }) => status === 'ready' && messages.at(-1)?.role === 'assistant');
  }

  /** What the model said, without the ids that a client makes up. */
  get answer() {
    return this.chat.messages.at(-1).parts;
  }

  get text() {
    return this.chat.messages.at(-1)?.parts.map((part) => part.text ?? '').join('');
  }

  close() {
    this.#root.unmount();
  }
}

/** A fetch whose first answer breaks after so many bytes, as a lost network does. */
function breaking(bytes) {
  let isFirst = true;
  return async (...request) => {
    const response = await fetch(...request);
    if (!isFirst) return response;
    isFirst = false;
    let left = bytes;
    const cut = new TransformStream({
      transform(chunk, controller) {
        controller.enqueue(chunk.subarray(0, left));
        left -= chunk.length;
        if (left <= 0) controller.error(new TypeError('network error'));
      },
    });
    return new Response(response.body.pipeThrough(cut), response);
  };
}

/** How many bytes the server's answer has, and what a reader makes of it that nobody cuts. */
async function whole(server) {
  const page = new Page({ id: 'whole', transport: transport(server) });
  await page.shows(({ sendMessage }) => sendMessage);
  page.chat.sendMessage({ text: 'Hello' });
  await page.ends();
  const answer = page.answer;
  page.close();
  const body = await (await fetch(`${server.url}/llm/whole?format=ai-sdk`)).arrayBuffer();
  return { answer, bytes: body.byteLength };
}

test('a chat that is cut anywhere resumes and ends as the uncut one', async (t) => {
  const provider = await replay(t);
  const server = await Server.start(t, { upstreams: { provider: provider.url } });
  const { answer, bytes } = await whole(server);
  assert.ok(answer.some((part) => part.type === 'text'), JSON.stringify(answer));
  const next = random(1);
  for (let round = 0; round < CUTS; round += 1) {
    const at = 1 + next(bytes - 1);
    const page = new Page({ id: `cut-${round}`, transport: transport(server, breaking(at)) });
    await page.shows(({ sendMessage }) => sendMessage);
    page.chat.sendMessage({ text: 'Hello' });
    await page.shows(({ status }) => status === 'error');
    page.chat.resumeStream();
    await page.ends();
    assert.deepEqual(page.answer, answer, `cut after ${at} bytes`);
    assert.equal(page.chat.messages.length, 2, `cut after ${at} bytes`);
    page.close();
  }
});

test('a page that is loaded again in mid-answer goes on, and leaving stops nothing', async (t) => {
  const provider = await Provider.start(t);
  const server = await Server.start(t, { upstreams: { provider: provider.url } });
  const first = new Page({ id: 'reload', transport: transport(server) });
  await first.shows(({ sendMessage }) => sendMessage);
  first.chat.sendMessage({ text: 'Hello' });
  await provider.asked;
  provider.say('The mill ');
  await first.shows(() => first.text === 'The mill ');
  const [question] = first.chat.messages;
  first.chat.stop();
  first.close();
  provider.say('turns ');

  const second = new Page({ id: 'reload', messages: [question], resume: true, transport: transport(server) });
  await second.shows(() => second.text === 'The mill turns ');
  provider.say('on.');
  provider.end();
  await second.ends();
  assert.equal(second.text, 'The mill turns on.');
  second.close();
});
