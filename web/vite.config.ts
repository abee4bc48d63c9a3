import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { brotliCompressSync, gzipSync } from "node:zlib";
import { build, defineConfig, type Plugin } from "vite";

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

const base = "./";
const options = {
  target: ["chrome123", "firefox120", "safari17.5"],
  // A data: URL saves a request for an icon, but the page's policy requires files for scripts and styles.
  assetsInlineLimit: 2048,
  modulePreload: { polyfill: false },
  reportCompressedSize: false,
};

/** Builds a page by itself: chunks that it shared with another would be more requests of both first loads. */
const apart = (name: string): Plugin => {
  let outDir = "";
  return {
    name,
    apply: "build",
    configResolved(config) {
      outDir = config.build.outDir;
    },
    async closeBundle() {
      const input = join(import.meta.dirname, `${name}.html`);
      await build({
        configFile: false,
        root: import.meta.dirname,
        base,
        logLevel: "warn",
        plugins: [compressed()],
        build: { ...options, outDir, emptyOutDir: false, rollupOptions: { input } },
      });
    },
  };
};

/**
 * Writes `host.html`: the page of a host under a hub, at `hosts/NAME/` below it. It says where the hub is, whose token it
 * uses, and loads its files from there, so that all hosts share them.
 */
const underHub = (): Plugin => ({
  name: "under-hub",
  apply: "build",
  enforce: "post",
  generateBundle(_, bundle) {
    const index = bundle["index.html"];
    if (index?.type !== "asset") throw new Error("expected index.html in the bundle");
    const source = String(index.source)
      .replace("</title>", '</title>\n    <meta name="nvsmi-hub" content="../../">')
      .replaceAll('"./assets/', '"../../assets/');
    this.emitFile({ type: "asset", fileName: "host.html", source });
  },
});

export default defineConfig({
  // Links are relative, so that the page works under any prefix.
  base,
  plugins: [underHub(), compressed(), apart("docs"), apart("fleet")],
  build: {
    ...options,
    // All that the first view needs is one file, however many other files share parts of it.
    rolldownOptions: { output: { codeSplitting: { groups: [{ name: "page", tags: ["$initial"] }] } } },
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
