// The published client of the Durable Streams protocol against the real server.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { DurableStream, IdempotentProducer, stream } from '@durable-streams/client';
import { Server } from '../millstream.mjs';

const EVENTS = 500;
const numbers = (from, to) => Array.from({ length: to - from }, (_, place) => ({ n: from + place }));

/** Reads `count` events of a stream as they come; a lost connection is taken up where it was left. */
async function follow(url, live, count, begun) {
  const events = [];
  let offset = '-1';
  while (events.length < count) {
    const { promise, resolve } = Promise.withResolvers();
    try {
      const response = await stream({ url, live, offset });
      response.subscribeJson(async (batch) => {
        events.push(...batch.items);
        offset = batch.offset;
        begun(events);
        if (events.length >= count) resolve();
      });
      await Promise.race([promise, response.closed]);
      response.cancel();
    } catch (error) {
      // What a lost connection is to this client.
      assert.equal(error.message, 'terminated');
    }
  }
  return events;
}

for (const live of ['sse', 'long-poll']) {
  test(`what it writes it reads, once and in order, while the server is killed: ${live}`, async (t) => {
    const server = await Server.start(t);
    const url = `${server.url}/v1/stream/orders/${live}`;
    const handle = await DurableStream.create({ url, contentType: 'application/json' });
    const failures = [];
    const producer = new IdempotentProducer(handle, 'p', { autoClaim: true, onError: (error) => failures.push(error) });

    const half = Promise.withResolvers();
    const reading = follow(url, live, EVENTS, (events) => events.length >= EVENTS / 2 && half.resolve());
    for (const event of numbers(0, EVENTS / 2)) producer.append(JSON.stringify(event));
    await producer.flush();
    await half.promise;
    // A producer would be told that its batch failed, and give it up: it waits.
    await server.kill();
    await server.restart();
    for (const event of numbers(EVENTS / 2, EVENTS)) producer.append(JSON.stringify(event));
    await producer.flush();
    assert.deepEqual(failures, []);
    assert.deepEqual(await reading, numbers(0, EVENTS));

    await producer.close();
    const late = await stream({ url, live: false, offset: '-1' });
    assert.deepEqual(await late.json(), numbers(0, EVENTS));
  });
}

test('text and bytes come back as they were', async (t) => {
  const server = await Server.start(t);
  const bytes = Uint8Array.from({ length: 1024 }, (_, place) => place % 251);
  for (const [name, contentType] of [['text', 'text/plain'], ['bytes', 'application/octet-stream']]) {
    const handle = await DurableStream.create({ url: `${server.url}/v1/stream/${name}`, contentType });
    const body = contentType === 'text/plain' ? new TextEncoder().encode('水は流れ続ける 🌊') : bytes;
    await handle.append(body);
    const response = await handle.stream({ live: false, offset: '-1' });
    assert.deepEqual(new Uint8Array(await response.body()), body);
    await handle.delete();
    assert.equal((await handle.head()).exists, false);
  }
});
