/** A registry on this machine with our packages as `pnpm pack` makes them; for all others it points to the real one. */
import { spawnSync } from "node:child_process";
import { createHash } from "node:crypto";
import { readdirSync, readFileSync } from "node:fs";
import { createServer } from "node:http";
import { join } from "node:path";

/** Packs one package; the manifest inside the tarball is what counts: ranges of siblings are real ones there. */
function pack(folder, to, env) {
  const before = new Set(readdirSync(to));
  const packed = spawnSync("pnpm", ["--dir", folder, "pack", "--pack-destination", to], { env, encoding: "utf8" });
  if (packed.status !== 0) throw new Error(`${folder}: ${packed.stdout}${packed.stderr}`);
  const name = readdirSync(to).find((one) => !before.has(one));
  const manifest = spawnSync("tar", ["-xzOf", join(to, name), "package/package.json"], { encoding: "utf8" });
  return { file: name, bytes: readFileSync(join(to, name)), manifest: JSON.parse(manifest.stdout) };
}

/** What a registry says of a package with one version. */
function describe({ file, bytes, manifest }, origin) {
  const integrity = `sha512-${createHash("sha512").update(bytes).digest("base64")}`;
  const version = { ...manifest, dist: { tarball: `${origin}/-/ours/${file}`, integrity } };
  return {
    name: manifest.name,
    "dist-tags": { latest: manifest.version },
    versions: { [manifest.version]: version },
  };
}

/**
 * @param {object} options
 * @param {string[]} options.folders of the packages, built
 * @param {string} options.to where the tarballs go
 * @param {string} options.upstream address of the registry for everything else
 * @param {NodeJS.ProcessEnv} options.env
 * @returns {Promise<{ address: string, close(): void }>}
 */
export async function startRegistry({ folders, to, upstream, env }) {
  const packed = folders.map((folder) => pack(folder, to, env));
  const byName = new Map(packed.map((one) => [one.manifest.name, one]));
  const byFile = new Map(packed.map((one) => [`/-/ours/${one.file}`, one.bytes]));
  const server = createServer((request, response) => {
    const path = request.url.split("?")[0];
    const found = byName.get(decodeURIComponent(path.slice(1)));
    if (byFile.has(path)) response.end(byFile.get(path));
    else if (found) {
      response.setHeader("content-type", "application/json");
      response.end(JSON.stringify(describe(found, `http://127.0.0.1:${server.address().port}`)));
    } else response.writeHead(307, { location: new URL(request.url.slice(1), upstream).href }).end();
  });
  await new Promise((resolve, reject) => server.once("error", reject).listen(0, "127.0.0.1", resolve));
  const close = () => {
    server.close();
    server.closeAllConnections();
  };
  return { address: `http://127.0.0.1:${server.address().port}/`, close };
}
