import { defineConfig } from "vite";

/** Where `npm run dev` finds an agent: `make demo` starts one there. */
const agent = process.env.AGENT ?? "http://localhost:8000";

export default defineConfig({
  // Links are relative, so that the page works under any prefix.
  base: "./",
  build: {
    target: ["chrome123", "firefox120", "safari17.5"],
    // A data: address is one request less for an icon, but scripts and styles must be files: the policy wants it so.
    assetsInlineLimit: 2048,
    modulePreload: { polyfill: false },
    reportCompressedSize: false,
  },
  server: {
    port: 5173,
    proxy: Object.fromEntries(
      ["/api", "/openapi.json", "/status", "/count", "/healthz", "/readyz"].map(path => [path, agent]),
    ),
  },
  test: { include: ["test/**/*.test.ts"], environment: "node" },
} as import("vite").UserConfig);
