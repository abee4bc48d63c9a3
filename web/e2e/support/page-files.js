// The page's files, built as for the program.
import { spawnSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { extname, join } from "node:path";
import { ROOT } from "./agent.js";

const TYPES = { ".html": "text/html; charset=utf-8", ".js": "text/javascript", ".css": "text/css" };
const POLICY =
  "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; " +
  "base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

let folder;

/** Folder of the built page. The first call builds it, which takes longer than a page waits on a busy machine. */
export function built() {
  if (folder) return folder;
  folder = mkdtempSync(join(tmpdir(), "e2e-page-"));
  process.on("exit", () => rmSync(folder, { recursive: true, force: true }));
  const web = join(ROOT, "web");
  const vite = join(web, "node_modules/vite/bin/vite.js");
  const args = [vite, "build", "--emptyOutDir", "--logLevel", "warn", "--outDir", folder];
  const { status, stderr } = spawnSync(process.execPath, args, { cwd: web, encoding: "utf8" });
  if (status !== 0) throw new Error(`vite build failed: ${stderr}`);
  return folder;
}

/** Sends a file of the page as the program does; false if there is none of this name. */
export function sendFile(name, request, response) {
  const path = join(built(), name);
  const isGzip = /\bgzip\b/.test(request.headers["accept-encoding"] ?? "");
  let content;
  try {
    content = readFileSync(isGzip ? `${path}.gz` : path);
  } catch {
    return false;
  }
  response.writeHead(200, {
    "Content-Type": TYPES[extname(name)] ?? "application/octet-stream",
    "Content-Security-Policy": POLICY,
    "Cache-Control": "no-cache",
    ...(isGzip ? { "Content-Encoding": "gzip" } : {}),
  });
  response.end(content);
  return true;
}
