import { execFileSync } from "node:child_process";
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

/** The repository, as its own tests look at it. */
export const root = fileURLToPath(new URL("../..", import.meta.url));

/** Files that git tracks or would track, relative to the root. */
export function trackedFiles(): string[] {
  const listed = execFileSync("git", ["ls-files", "--cached", "--others", "--exclude-standard"], {
    cwd: root,
    encoding: "utf8",
  });
  return listed.split("\n").filter((path) => path !== "" && existsSync(join(root, path)));
}

/** Text of a file of the repository. */
export function read(path: string): string {
  return readFileSync(join(root, path), "utf8");
}

/** Folders of packages, such as `packages/dns-lb`. */
export function packageFolders(parent: "packages" | "apps" = "packages"): string[] {
  return readdirSync(join(root, parent))
    .map((name) => `${parent}/${name}`)
    .filter((folder) => existsSync(join(root, folder, "package.json")))
    .sort();
}

/** TypeScript sources below a folder, relative to the root. */
export function sources(folder: string): string[] {
  return trackedFiles().filter(
    (path) => path.startsWith(`${folder}/`) && path.endsWith(".ts") && !path.endsWith(".d.ts"),
  );
}

/** What a source imports: types included, and what it requires, as native modules are. */
export function importsOf(text: string): string[] {
  const ways =
    /^\s*(?:import|export)\b[^;]*?from\s+"([^"]+)"|^\s*import\s+"([^"]+)"|\b(?:import|createRequire\([^)]*\)|require)\("([^"]+)"\)/gms;
  return [...text.matchAll(ways)].map((match) => (match[1] ?? match[2] ?? match[3])!);
}

/** A source without its comments and string contents, so that words in them do not count. */
export function codeOf(text: string): string {
  return text
    .replace(/\/\*[\s\S]*?\*\//g, "")
    .replace(/(^|[^:"'`])\/\/.*$/gm, "$1")
    .replace(/"(?:[^"\\\n]|\\.)*"|'(?:[^'\\\n]|\\.)*'/g, '""');
}
