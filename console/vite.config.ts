import react from "@vitejs/plugin-react";
import { defineConfig } from "vite";

// `npm run dev` shows a hub that runs on this machine; SEAWALL_API names another.
// The host stays as the browser wrote it: the hub refuses changes whose origin is another.
const hub = { target: process.env["SEAWALL_API"] ?? "http://127.0.0.1:8844", changeOrigin: false };

export default defineConfig({
  plugins: [react()],
  // Fonts stay files: the hub's content security policy allows no `data:` fonts.
  build: { assetsInlineLimit: 0, sourcemap: false, target: "es2023" },
  server: { proxy: { "/api": hub, "/login": hub, "/sign-in.js": hub, "/sign-in.css": hub } },
});
