// The whole path, last step: a person opens the one-time link and finds what just happened. Run by `e2e once`.
//
// Environment: SEAWALL_URL, SEAWALL_LOGIN, SEAWALL_SCREENSHOTS (folder), SEAWALL_EXPECT_ALERT (1 with a sensor).
// Keeps a screenshot of each page, light and dark, and fails on serious accessibility findings.
import { mkdir } from "node:fs/promises";
import { join } from "node:path";
import { AxeBuilder } from "@axe-core/playwright";
import { chromium } from "playwright-core";

const { SEAWALL_URL: url, SEAWALL_LOGIN: login, SEAWALL_SCREENSHOTS: folder } = process.env;
if (!url || !login || !folder) throw new Error("SEAWALL_URL, SEAWALL_LOGIN and SEAWALL_SCREENSHOTS are needed");
const expectAlert = process.env.SEAWALL_EXPECT_ALERT === "1";
await mkdir(folder, { recursive: true });

// What a page must show before it counts as seen.
const pages = [
  { name: "overview", path: "/", shows: "Overview" },
  ...(expectAlert
    ? [
        { name: "alerts", path: "/alerts", shows: "seawall-once" },
        { name: "incidents", path: "/incidents", shows: "seawall-once" },
      ]
    : []),
  { name: "images", path: "/images", shows: "app:1" },
  { name: "workloads", path: "/workloads", shows: "Workloads" },
  { name: "nodes", path: "/nodes", shows: "Nodes" },
  { name: "coverage", path: "/coverage", shows: "Coverage" },
];

const browser = await chromium.launch({
  executablePath: process.env.SEAWALL_CHROMIUM ?? "/usr/bin/chromium",
  // Root in a container has no user namespaces to sandbox with; the rest keeps the browser from calling home.
  args: ["--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking", "--disable-component-update", "--disable-sync"],
});
const problems = [];
try {
  const context = await browser.newContext({ viewport: { width: 1440, height: 900 } });
  const page = await context.newPage();
  page.on("pageerror", (error) => problems.push(`script error: ${error.message}`));
  page.on("console", (message) => {
    if (message.type() === "error") problems.push(`console error on ${page.url()}: ${message.text()}`);
  });
  await page.goto(login);
  await page.getByRole("heading", { name: "Overview" }).first().waitFor({ timeout: 30_000 });

  for (const scheme of ["light", "dark"]) {
    await page.emulateMedia({ colorScheme: scheme });
    for (const { name, path, shows } of pages) {
      await page.goto(`${url}${path}`);
      await page.getByText(shows).first().waitFor({ timeout: 30_000 });
      await shoot(page, `${name}-${scheme}`);
      await check(page, `${name} (${scheme})`);
    }
    for (const [name, list, link] of details()) {
      await page.goto(`${url}${list}`);
      await page.getByRole("link", { name: link }).first().click();
      await page.getByRole("heading", { level: 1 }).first().waitFor({ timeout: 30_000 });
      await page.waitForLoadState("networkidle").catch(() => {});
      await shoot(page, `${name}-${scheme}`);
      await check(page, `${name} (${scheme})`);
    }
  }
} finally {
  await browser.close();
}
if (problems.length > 0) {
  console.error([...new Set(problems)].join("\n"));
  process.exit(1);
}
console.log(`${pages.length + details().length} pages, light and dark, no serious accessibility findings`);

// Pages that are reached by a click on a row.
function details() {
  const image = ["image", "/images", /app:1/];
  return expectAlert ? [["alert", "/alerts?q=seawall-once", /.+/], ["incident", "/incidents", /.+/], image].map(narrow) : [image];
}

// Rows' links come after the navigation's: their names are titles of alerts.
function narrow([name, list, link]) {
  return [name, list, link.source === ".+" ? /password/i : link];
}

async function shoot(page, name) {
  await page.screenshot({ path: join(folder, `${name}.png`) });
}

async function check(page, name) {
  const { violations } = await new AxeBuilder({ page }).analyze();
  for (const { id, impact, help, nodes } of violations) {
    if (impact === "serious" || impact === "critical") {
      problems.push(`${name}: ${impact} ${id}: ${help} (${nodes.map((node) => node.target.join(" ")).join("; ").slice(0, 300)})`);
    }
  }
}
