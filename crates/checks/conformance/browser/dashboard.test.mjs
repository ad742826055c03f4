// The dashboard in a real browser: live topics, a live LLM stream, and a server that comes back.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Provider, Server } from '../millstream.mjs';
import { open } from './browser.mjs';

const PHONE = { viewport: { width: 390, height: 844 }, deviceScaleFactor: 2, hasTouch: true };

/** Has the server call the provider. */
async function generate(server, provider, id) {
  const body = JSON.stringify({ upstream: 'provider', request: { stream: true } });
  const asked = fetch(`${server.url}/llm/${id}`, { method: 'POST', headers: { 'content-type': 'application/json' }, body });
  await provider.asked;
  assert.equal((await asked).status, 201);
}

test('topics are shown as they live, through a restart of the server', async (t) => {
  const server = await Server.start(t);
  for (let n = 0; n < 40; n += 1) await server.publish(n % 3 ? 'orders.eu' : 'orders.us', { n, amount: n * 7 });
  const browser = await open(t, server.url);
  const { page } = browser;
  await page.getByRole('status').first().getByText('live').waitFor();
  await page.getByRole('button', { name: 'orders.eu' }).click();
  const events = page.locator('#events li');
  await events.filter({ hasText: '"n":38' }).waitFor();
  await server.publish('orders.eu', { n: 'while it is shown' });
  await events.filter({ hasText: 'while it is shown' }).waitFor();

  await page.getByLabel('Only with').fill('"n":1');
  await page.waitForFunction(() => [...document.querySelectorAll('#events li')].every((item) => item.hidden === !item.textContent.includes('"n":1')));
  await page.getByLabel('Only with').fill('');
  await page.getByRole('button', { name: 'Pause' }).click();
  await server.publish('orders.eu', { n: 'while it is paused' });
  await page.locator('#tail-state').getByText('1 waiting').waitFor();
  assert.equal(await events.filter({ hasText: 'while it is paused' }).count(), 0);
  await page.getByRole('button', { name: 'Go on' }).click();
  await events.filter({ hasText: 'while it is paused' }).waitFor();
  await page.locator('#published').filter({ hasNotText: '–' }).waitFor();
  // What is told of the disk: how long it syncs, and how much at once.
  await page.locator('#sync').filter({ hasNotText: '–' }).waitFor();
  assert.ok(Number(await page.locator('#group').textContent()) >= 1);
  await page.locator('#storage').getByText('log segment').waitFor();
  const lag = page.getByRole('row').filter({ hasText: 'orders.eu' }).getByRole('cell').last();
  await lag.getByText('0', { exact: true }).waitFor();
  await browser.picture('topics');

  await server.kill();
  await page.getByText('the server is gone; trying again').waitFor();
  await browser.picture('server-gone');
  await server.restart();
  await server.publish('orders.eu', { n: 'after the restart' });
  await events.filter({ hasText: 'after the restart' }).waitFor();
  await page.getByRole('status').first().getByText('live', { exact: true }).waitFor();
  assert.equal(await events.filter({ hasText: 'while it is shown' }).count(), 1);
  assert.deepEqual(browser.errors, []);
});

test('an LLM stream is shown as it comes, cut and resumed by hand', async (t) => {
  const provider = await Provider.start(t);
  const server = await Server.start(t, { upstreams: { provider: provider.url } });
  await generate(server, provider, 'chat-1');
  provider.say('The brook drives the wheel, ');
  const browser = await open(t, server.url);
  const { page } = browser;
  await page.getByRole('button', { name: 'chat-1' }).click();
  const text = page.locator('#text');
  await text.getByText('The brook drives the wheel,').waitFor();
  await page.getByRole('button', { name: 'Cut' }).click();
  provider.say('the wheel drives the stone, ');
  await page.getByRole('button', { name: 'Resume' }).click();
  await text.getByText('the wheel drives the stone,').waitFor();
  await browser.picture('llm');
  provider.say('and nothing is lost on the way. 🌊');
  provider.end();
  await page.getByText('ended: complete').waitFor();
  // What the server measured, not what this page saw.
  await page.getByText(/first token after .* ms · about .* tokens · .* a second/).waitFor();
  assert.equal(await text.textContent(), 'The brook drives the wheel, the wheel drives the stone, and nothing is lost on the way. 🌊');
  assert.deepEqual(browser.errors, []);
});

test('a running generation that the server took with it is shown as ended, with what had come', async (t) => {
  const provider = await Provider.start(t);
  const server = await Server.start(t, { upstreams: { provider: provider.url } });
  await generate(server, provider, 'chat-2');
  provider.say('half of it');
  const browser = await open(t, `${server.url}/#llm=chat-2`);
  const { page } = browser;
  await page.locator('#text').getByText('half of it').waitFor();
  await server.kill();
  await page.getByText('the server is gone; trying again').waitFor();
  await server.restart();
  await page.getByText(/ended: incomplete/).waitFor();
  assert.equal(await page.locator('#text').textContent(), 'half of it');
  assert.deepEqual(browser.errors, []);
});

for (const colorScheme of ['light', 'dark']) {
  test(`it is readable on a phone and works by keyboard: ${colorScheme}`, async (t) => {
    const server = await Server.start(t);
    for (let n = 0; n < 12; n += 1) await server.publish('a.topic.with.a.rather.long.name.that.goes.on', { n });
    const browser = await open(t, server.url, { ...PHONE, colorScheme });
    const { page } = browser;
    const topic = page.getByRole('button', { name: 'a.topic.with' });
    await topic.waitFor();
    await topic.focus();
    await page.keyboard.press('Enter');
    await page.locator('#events li').filter({ hasText: '"n":11' }).waitFor();
    const overflow = await page.evaluate(() => document.documentElement.scrollWidth - innerWidth);
    assert.ok(overflow <= 0, `${overflow} pixels too wide`);
    await browser.picture(`phone-${colorScheme}`);
    assert.deepEqual(browser.errors, []);
  });
}
