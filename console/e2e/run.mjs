// Drives the console in Debian's Chromium against a real hub: every route in light and dark, axe on each, the keyboard,
// a change that a person makes, live changes. Nothing is mocked.
//
//   SEAWALL_LOGIN   one-time link (`seawall-server login-link`); the hub's address is in it
//   SEAWALL_SHOTS   folder for the pictures (default: ../out/console)
//   CHROMIUM        the browser (default: /usr/bin/chromium)
//
// What a route shows depends on what the hub has: with no alert, incident, image or node the detail pages of those are
// not visited, and the last line says so. SEAWALL_EXPECT=alerts,incidents,images,nodes makes an absence a failure.
import { mkdir } from "node:fs/promises";
import AxeBuilder from "@axe-core/playwright";
import { chromium } from "playwright-core";

const login = process.env.SEAWALL_LOGIN;
if (!login) {
  console.error("error: SEAWALL_LOGIN is not set\nhint: SEAWALL_LOGIN=$(seawall-server login-link) npm run e2e");
  process.exit(2);
}
const origin = new URL(login).origin;
const shots = process.env.SEAWALL_SHOTS ?? new URL("../../out/console", import.meta.url).pathname;
const expected = (process.env.SEAWALL_EXPECT ?? "").split(",").filter(Boolean);
const failures = [];
const skipped = [];

const check = (holds, text) => {
  if (!holds) failures.push(text);
};

/** Axe's impacts that fail the run. */
const SERIOUS = new Set(["serious", "critical"]);

async function settle(page) {
  // The frame too: a hub that was built without the console answers with a page that has a heading.
  await page.waitForSelector(".shell main h1");
  await page.waitForFunction(() => !document.querySelector("main .loading[role=status]"));
  await page.evaluate(() => document.fonts.ready);
}

async function examine(page, name, theme) {
  const { violations } = await new AxeBuilder({ page }).analyze();
  for (const violation of violations.filter(({ impact }) => SERIOUS.has(impact))) {
    const where = violation.nodes.slice(0, 3).map((node) => node.target.join(" ")).join("; ");
    failures.push(`${name} (${theme}): axe ${violation.id}: ${violation.help}: ${where}`);
  }
  await page.screenshot({ path: `${shots}/${name}-${theme}.png` });
}

async function visit(page, theme, name, path) {
  await page.goto(`${origin}${path}`);
  await settle(page);
  await examine(page, name, theme);
}

/** Opens the first row of a list by keyboard alone; the address of what it leads to, or null for an empty list. */
async function firstOf(page, list) {
  await page.goto(`${origin}/${list}`);
  await settle(page);
  const rows = await page.locator("tr.row td a").count();
  if (rows === 0) {
    skipped.push(list);
    check(!expected.includes(list), `${list}: the hub has none`);
    return null;
  }
  await page.locator(".table-scroll").focus();
  await page.keyboard.press("j");
  await page.keyboard.press("Enter");
  await page.waitForFunction((from) => location.pathname !== from, `/${list}`);
  await settle(page);
  return new URL(page.url()).pathname;
}

async function keyboard(page) {
  await page.goto(`${origin}/alerts`);
  await settle(page);
  await page.keyboard.press("/");
  check(await page.evaluate(() => document.activeElement?.matches("[data-search]")), "/ does not reach the search");
  await page.keyboard.type("no alert says this");
  await page.waitForSelector("text=No alert");
  check(page.url().includes("q=no"), "the search is not part of the address");
  await page.locator("main").focus();
  for (const [key, path] of [["n", "/nodes"], ["c", "/coverage"], ["o", "/"]]) {
    await page.keyboard.press("g");
    await page.keyboard.press(key);
    await page.waitForFunction((to) => location.pathname === to, path);
  }
  await page.keyboard.press("?");
  await page.waitForSelector("dialog[open]");
  await page.keyboard.press("Escape");
  await page.waitForSelector("dialog[open]", { state: "detached" });
}

async function decide(page, path) {
  await page.goto(`${origin}${path}`);
  await settle(page);
  const remark = `Looked at by the browser test, ${Date.now()}`;
  await page.getByLabel("Remark").fill(remark);
  await page.getByRole("button", { name: "Save to the timeline" }).click();
  await page.waitForSelector(`.timeline >> text=${remark}`);
  await page.getByLabel("Status").selectOption("active");
  await page.waitForSelector(".page-head .tag >> text=Active");
}

async function themes(page) {
  await page.goto(`${origin}/`);
  await settle(page);
  const background = () => page.evaluate(() => getComputedStyle(document.body).backgroundColor);
  const before = await background();
  const choose = async (theme) => {
    await page.getByRole("button", { name: /^Theme:/ }).click();
    await page.waitForFunction((wanted) => document.documentElement.dataset.theme === wanted, theme);
    // With reduced motion every change is a transition of a hundredth of a millisecond: the frame after it counts.
    await page.evaluate(() => new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done))));
    return background();
  };
  const light = await choose("light");
  const dark = await choose("dark");
  check(light !== dark, `the theme does not change: ${before}, ${light}, ${dark}`);
  await page.reload();
  await settle(page);
  check((await background()) === dark, "the theme is forgotten");
  await page.evaluate(() => localStorage.clear());
}

/** A job made over the API appears on an open page without a reload. */
async function live(page) {
  await page.goto(`${origin}/images`);
  await settle(page);
  await page.waitForSelector('.live[data-state="live"]');
  const reference = `localhost:1/browser-test:${Date.now()}`;
  await page.evaluate(async (name) => {
    const response = await fetch("/api/v1/images", {
      method: "POST",
      headers: { "content-type": "application/json" },
      body: JSON.stringify({ reference: name }),
    });
    if (!response.ok) throw new Error(await response.text());
  }, reference);
  const begun = performance.now();
  await page.waitForSelector(`text=${reference}`);
  return performance.now() - begun;
}

async function main() {
  await mkdir(shots, { recursive: true });
  const browser = await chromium.launch({
    executablePath: process.env.CHROMIUM ?? "/usr/bin/chromium",
    args: ["--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking", "--disable-component-update", "--disable-sync"],
  });
  try {
    // Axe is put into the page by the test; nothing else may go around the policy, and every breach of it is a failure.
    const context = await browser.newContext({ viewport: { width: 1440, height: 900 }, colorScheme: "light", reducedMotion: "reduce" });
    const page = await context.newPage();
    page.on("pageerror", (error) => failures.push(`${page.url()}: ${error.message}`));
    page.on("console", (message) => {
      if (message.text().includes("Content Security Policy")) failures.push(`${page.url()}: ${message.text()}`);
    });
    await page.goto(login);
    await page.waitForURL(`${origin}/`);
    await settle(page);

    const details = [];
    for (const list of ["alerts", "incidents", "images", "nodes"]) {
      const path = await firstOf(page, list);
      if (path) details.push([list.replace(/s$/, ""), path]);
    }
    const routes = [["overview", "/"], ...["alerts", "incidents", "images", "workloads", "nodes", "coverage"].map((name) => [name, `/${name}`])];
    for (const [name, path] of details) {
      routes.push([name, path]);
      if (name === "image") for (const tab of ["packages", "coverage", "details"]) routes.push([`image-${tab}`, `${path}?tab=${tab}`]);
    }
    routes.push(["not-found", "/no/such/page"]);
    for (const theme of ["light", "dark"]) {
      await page.emulateMedia({ colorScheme: theme });
      for (const [name, path] of routes) await visit(page, theme, name, path);
    }
    await page.emulateMedia({ colorScheme: "light" });
    await keyboard(page);
    await themes(page);
    const incident = details.find(([name]) => name === "incident");
    if (incident) await decide(page, incident[1]);
    const waited = await live(page);
    console.log(`${routes.length} routes in two themes; a change was on the screen after ${waited.toFixed(0)} ms`);
  } finally {
    await browser.close();
  }
  if (skipped.length > 0) console.log(`not visited, because the hub has none: details of ${skipped.join(", ")}`);
  for (const failure of failures) console.error(`failed: ${failure}`);
  console.log(`pictures: ${shots}`);
  process.exitCode = failures.length > 0 ? 1 : 0;
}

await main();
