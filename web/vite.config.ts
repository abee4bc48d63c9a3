import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { brotliCompressSync, gzipSync } from "node:zlib";
import { defineConfig, type Plugin } from "vite";

/** URL of an agent for `npm run dev`; `make demo` starts one there. */
const agent = process.env.AGENT ?? "http://localhost:8000";

/** Writes gzip and Brotli forms beside each file, as the agent serves them. */
const compressed = (): Plugin => ({
  name: "compressed",
  apply: "build",
  writeBundle({ dir = "" }, bundle) {
    for (const file of Object.values(bundle)) {
      const content = Buffer.from(file.type === "chunk" ? file.code : file.source);
      writeFileSync(join(dir, `${file.fileName}.gz`), gzipSync(content, { level: 9 }));
      writeFileSync(join(dir, `${file.fileName}.br`), brotliCompressSync(content));
    }
  },
});

export default defineConfig({
  // Links are relative, so that the page works under any prefix.
  base: "./",
  plugins: [compressed()],
  build: {
    target: ["chrome123", "firefox120", "safari17.5"],
    // A data: URL saves a request for an icon, but the page's policy requires files for scripts and styles.
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
  // Tests without a browser; those with one are in e2e/.
  test: { include: ["test/**/*.test.ts"], environment: "node", setupFiles: ["test/browser.ts"] },
} as import("vite").UserConfig);
