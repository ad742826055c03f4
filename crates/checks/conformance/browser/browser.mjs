// A page in a real Chromium, and what went wrong on it.

import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { chromium } from 'playwright-core';

const executablePath = process.env.CHROMIUM;
const PICTURES = process.env.PICTURES;

/** Opens `url`; `options` are those of a browser context. */
export async function open(t, url, options = {}) {
  // A container has no other sandbox, and loopback is all that the browser sees.
  const browser = await chromium.launch({ executablePath, args: ['--no-sandbox'] });
  t.after(() => browser.close());
  const page = await browser.newPage(options);
  const errors = [];
  page.on('pageerror', (error) => errors.push(String(error)));
  page.on('console', (message) => {
    // A request that failed while the server was gone is no fault of the page.
    const isNetwork = /net::ERR_(CONNECTION|INCOMPLETE|EMPTY|NETWORK)/.test(message.text());
    if (message.type() === 'error' && !isNetwork) errors.push(message.text());
  });
  await page.goto(url);
  return {
    page,
    errors,
    async picture(name) {
      await mkdir(PICTURES, { recursive: true });
      await page.screenshot({ path: join(PICTURES, `${name}.png`), fullPage: true });
    },
  };
}
