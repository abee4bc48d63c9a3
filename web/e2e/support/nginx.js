// A real nginx on the loopback.
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { freePort, start } from "./agent.js";
import { eventually } from "./eventually.js";

/** Serves these paths, each from the URL behind it. */
export async function nginx(places) {
  const folder = mkdtempSync(join(tmpdir(), "e2e-nginx-"));
  mkdirSync(join(folder, "logs"));
  const port = await freePort();
  const locations = Object.entries(places).map(
    ([path, address]) => `location ${path} { proxy_pass ${address}; proxy_http_version 1.1; }`,
  );
  const temporary = ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"].map(
    kind => `${kind}_temp_path ${folder}/${kind};`,
  );
  // Compression and buffering as in Debian's nginx.
  writeFileSync(
    join(folder, "nginx.conf"),
    `daemon off; pid ${folder}/pid; error_log ${folder}/logs/error.log;
events { worker_connections 256; }
http {
  ${temporary.join(" ")} access_log ${folder}/logs/access.log; gzip on;
  server { listen 127.0.0.1:${port}; ${locations.join("\n")} }
}\n`,
  );
  const child = start("nginx", ["-p", folder, "-c", join(folder, "nginx.conf")]);
  const origin = `http://localhost:${port}`;
  await eventually("nginx to serve", () => fetch(origin));
  return {
    origin,
    log: join(folder, "logs/access.log"),
    end: async () => {
      child.kill("SIGTERM");
      await child.ended;
      rmSync(folder, { recursive: true, force: true });
    },
  };
}
