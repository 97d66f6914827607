// Holds sessions of the IVS Chat messaging SDK in pages of a browser, a page for each.
// Usage: node browser.mjs CHROMIUM PAGE
import { chromium } from 'playwright-core';
import { answer, report } from './lines.mjs';

const [executablePath, url] = process.argv.slice(2);
const timeout = 120_000; // milliseconds; only a failure takes so long
// Chromium has no sandbox for root, as whom tests may run; the page is ours.
const browser = await chromium.launch({ executablePath, args: ['--no-sandbox'], timeout });
const pages = new Map();

async function open() {
  const page = await browser.newPage(); // with a profile of its own
  page.setDefaultTimeout(timeout);
  page.on('console', (message) => console.error(message.text()));
  page.on('pageerror', (error) => console.error(error));
  await page.exposeFunction('report', (event) => report(...JSON.parse(event)));
  await page.goto(url);
  return page;
}

async function perform(call, args) {
  const { session } = args;
  if (!pages.has(session)) pages.set(session, open());
  const page = await pages.get(session);
  const outcome = await page.evaluate(([call, args]) => window.perform(call, args), [call, args]);
  const { result, error } = JSON.parse(outcome);
  if (error) throw error;
  return result;
}

answer(perform, (error) => error, () => browser.close());
