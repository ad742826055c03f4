// The browser's own `EventSource`: it reconnects by itself, and misses nothing.

import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { line, random, Server } from '../millstream.mjs';
import { open } from './browser.mjs';

const EVENTS = 300;
const numbers = (count) => Array.from({ length: count }, (_, place) => place);

/** Has the page collect the numbers that come from `path`. */
function collect(page, path) {
  return page.evaluate((path) => {
    globalThis.seen = [];
    globalThis.lost = 0;
    const source = new EventSource(path);
    source.onmessage = ({ data }) => {
      // On a connection of many topics an event names its own.
      const event = JSON.parse(data);
      globalThis.seen.push((event.data ?? event).n);
    };
    source.onerror = () => { globalThis.lost += 1; };
  }, path);
}

/** The numbers, when as many have come. */
async function seen(page, count) {
  await page.waitForFunction((count) => globalThis.seen.length >= count, count, { polling: 50, timeout: 120_000 });
  return page.evaluate(() => globalThis.seen);
}

test('it goes on where it was when the server was killed and started again', async (t) => {
  const server = await Server.start(t);
  const browser = await open(t, server.url);
  await collect(browser.page, '/topics/orders?from=earliest');
  for (const n of numbers(EVENTS / 2)) await server.publish('orders', { n });
  assert.deepEqual(await seen(browser.page, EVENTS / 2), numbers(EVENTS / 2));
  await server.kill();
  await server.restart();
  for (const n of numbers(EVENTS / 2)) await server.publish('orders', { n: n + EVENTS / 2 });
  assert.deepEqual(await seen(browser.page, EVENTS), numbers(EVENTS));
  assert.ok(await browser.page.evaluate(() => globalThis.lost) > 0);
  assert.deepEqual(browser.errors, []);
});

// The browser waits before it comes back: they wait side by side.
describe('on a line that breaks it misses nothing', { concurrency: true }, () => {
  for (const path of ['/topics/orders?from=earliest', '/topics/*?from=earliest', '/events?topic=orders&from=earliest']) {
    test(path, async (t) => {
      const server = await Server.start(t);
      for (const n of numbers(EVENTS)) await server.publish('orders', { n });
      const next = random(7);
      let cuts = 0;
      // The page itself comes whole.
      let breaks = false;
      const broken = await line(t, server, () => (breaks && cuts < 4 ? 500 + next(4000) : Infinity), () => { cuts += 1; });
      const browser = await open(t, `${broken.url}/healthz`);
      breaks = true;
      broken.hangUp();
      await collect(browser.page, path);
      assert.deepEqual(await seen(browser.page, EVENTS), numbers(EVENTS));
      assert.equal(cuts, 4);
      assert.deepEqual(browser.errors, []);
    });
  }
});

test('a finished stream ends the reconnecting', async (t) => {
  const server = await Server.start(t);
  const recording = 'data: {"choices":[{"delta":{"content":"Hi"},"finish_reason":"stop"}]}\n\ndata: [DONE]\n\n';
  await fetch(`${server.url}/llm/chat?provider=openai-chat`, { method: 'POST', body: recording });
  const browser = await open(t, `${server.url}/healthz`);
  const events = await browser.page.evaluate(() => new Promise((done) => {
    const events = [];
    const source = new EventSource('/llm/chat');
    for (const name of ['start', 'delta', 'end']) source.addEventListener(name, () => events.push(name));
    source.onerror = () => {
      // Not `CONNECTING`: the server said that there is nothing more.
      if (source.readyState === EventSource.CLOSED) done(events);
    };
  }));
  assert.deepEqual(events, ['start', 'delta', 'end']);
});
