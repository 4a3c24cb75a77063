// One look at the console as a person takes it: the newest alert, its incident, an image and the nodes are on the screen.
//
//   SEAWALL_URL           the console          SEAWALL_LOGIN         a one-time link
//   SEAWALL_SCREENSHOTS   folder for pictures  SEAWALL_EXPECT_ALERT  "1" when a sensor watches this machine
import { mkdir } from "node:fs/promises";
import { chromium } from "playwright-core";

const { SEAWALL_URL: base, SEAWALL_LOGIN: login, SEAWALL_SCREENSHOTS: shots = "../out/console", SEAWALL_EXPECT_ALERT: alert } = process.env;
if (!base || !login) {
  console.error("error: SEAWALL_URL and SEAWALL_LOGIN must be set");
  process.exit(2);
}

const browser = await chromium.launch({
  executablePath: process.env.CHROMIUM ?? "/usr/bin/chromium",
  args: ["--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking", "--disable-component-update", "--disable-sync"],
});
try {
  await mkdir(shots, { recursive: true });
  const page = await browser.newPage({ viewport: { width: 1440, height: 900 }, colorScheme: "light", reducedMotion: "reduce" });
  await page.goto(login);
  await page.waitForSelector(".shell main h1");
  const lists = alert === "1" ? ["alerts", "incidents", "images", "nodes"] : ["images"];
  for (const list of lists) {
    await page.goto(new URL(`/${list}`, base).href);
    await page.locator("tr.row td a").first().click();
    await page.waitForSelector(".page-head .crumbs");
    await page.waitForFunction(() => !document.querySelector("main .loading[role=status]"));
    await page.screenshot({ path: `${shots}/${list.replace(/s$/, "")}.png` });
  }
  await page.goto(new URL("/", base).href);
  await page.waitForSelector(".tiles");
  await page.screenshot({ path: `${shots}/overview.png` });
  console.log(`${lists.join(", ")} are on the screen; pictures in ${shots}`);
} finally {
  await browser.close();
}
