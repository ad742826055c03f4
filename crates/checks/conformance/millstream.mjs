// The real binary as a process, and what stands around it: a provider, and a line that breaks.
// What a test starts is gone when the test ends.

import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import { connect, createServer as createLine } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';

const BINARY = process.env.MILLSTREAM;
const RECORDING = new URL('../../millstream-server/testdata/chat.sse', import.meta.url).pathname;

/** Starts the binary and waits for the line that says where it listens. */
async function run(args) {
  const child = spawn(BINARY, args, { stdio: ['ignore', 'pipe', 'inherit'], env: { ...process.env, MILLSTREAM_LOG: 'error' } });
  const { value: line } = await createInterface({ input: child.stdout })[Symbol.asyncIterator]().next();
  const url = line?.match(/^listening on (.*)$/)?.[1];
  if (!url) throw new Error(`expected where it listens, found ${line}`);
  return { child, url };
}

async function killed(child) {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const ended = once(child, 'exit');
  child.kill('SIGKILL');
  await ended;
}

/** A server with a folder of its own, which keeps its address when it is started again. */
export class Server {
  #child;
  #folder;
  #args;

  /** `upstreams` are the addresses of providers that speak OpenAI's chat, by their names. */
  static async start(t, { upstreams = {} } = {}) {
    const server = new Server();
    server.#folder = await mkdtemp(join(tmpdir(), 'millstream-'));
    const config = join(server.#folder, 'millstream.toml');
    const entries = Object.entries(upstreams).map(([name, url]) => `[upstreams.${name}]\nurl = '${url}'\nformat = 'openai-chat'\n`);
    await writeFile(config, entries.join(''));
    server.#args = ['serve', '--dev', '--data', join(server.#folder, 'data'), '--config', config];
    t.after(async () => {
      await server.kill();
      await rm(server.#folder, { recursive: true });
    });
    await server.#serve('127.0.0.1:0');
    return server;
  }

  async #serve(address) {
    const { child, url } = await run([...this.#args, '--listen', address]);
    this.#child = child;
    this.url = url;
  }

  /** Ends it at once, whatever it is doing. */
  async kill() {
    if (this.#child) await killed(this.#child);
  }

  /** Starts it again where it was, with what it had. */
  async restart() {
    await this.#serve(new URL(this.url).host);
  }

  async publish(topic, data) {
    const headers = { 'content-type': 'application/json' };
    const response = await fetch(`${this.url}/topics/${topic}`, { method: 'POST', headers, body: JSON.stringify(data) });
    if (!response.ok) throw new Error(await response.text());
  }
}

/** A provider that sends a recording as fast as it is read. */
export async function replay(t) {
  const { child, url } = await run(['replay', RECORDING, '--listen', '127.0.0.1:0', '--interval', '0ms']);
  t.after(() => killed(child));
  return { url: `${url}/` };
}

/** A provider that says what it is told to, when it is told. */
export class Provider {
  #server;
  #answer;

  static async start(t) {
    const provider = new Provider();
    const { promise, resolve } = Promise.withResolvers();
    /** Done when somebody asks. */
    provider.asked = promise;
    provider.#server = createServer((request, response) => {
      request.resume();
      response.writeHead(200, { 'content-type': 'text/event-stream' });
      response.flushHeaders();
      provider.#answer = response;
      resolve();
    });
    t.after(() => {
      provider.#server.close();
      provider.#server.closeAllConnections();
    });
    provider.#server.listen(0, '127.0.0.1');
    await once(provider.#server, 'listening');
    provider.url = `http://127.0.0.1:${provider.#server.address().port}/`;
    return provider;
  }

  #send(choice) {
    const chunk = { id: 'c', model: 'made-up', choices: [{ index: 0, ...choice }] };
    this.#answer.write(`data: ${JSON.stringify(chunk)}\n\n`);
  }

  say(content) {
    this.#send({ delta: { content } });
  }

  end() {
    this.#send({ delta: {}, finish_reason: 'stop' });
    this.#answer.end('data: [DONE]\n\n');
  }
}

/** A line to a server that breaks each connection after `bytes()` bytes of answers, and says so. */
export async function line(t, server, bytes, broken) {
  const sockets = new Set();
  const { port } = new URL(server.url);
  const listener = createLine((near) => {
    const far = connect(port, '127.0.0.1');
    let left = bytes();
    far.on('data', (chunk) => {
      near.write(chunk.subarray(0, left));
      left -= chunk.length;
      if (left > 0) return;
      far.destroy();
      near.destroySoon();
      broken();
    });
    near.pipe(far);
    for (const [socket, other] of [[near, far], [far, near]]) {
      sockets.add(socket);
      socket.on('error', () => {});
      socket.on('close', () => {
        sockets.delete(socket);
        other.destroySoon();
      });
    }
  });
  listener.listen(0, '127.0.0.1');
  await once(listener, 'listening');
  const hangUp = () => {
    for (const socket of sockets) socket.destroy();
  };
  t.after(() => {
    listener.close();
    hangUp();
  });
  return { url: `http://127.0.0.1:${listener.address().port}`, hangUp };
}

/** Numbers that a seed determines: xorshift of 32 bits. */
export function random(seed) {
  let state = seed;
  return (below) => {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    return (state >>> 0) % below;
  };
}
