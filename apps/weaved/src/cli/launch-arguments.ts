import { existsSync } from "node:fs";
import { hostname } from "node:os";

/** Docker's socket when nobody names another. */
const defaultDocker = "unix:///var/run/docker.sock";

/** Range used when none is given, as the original's script does. */
const defaultRange = "10.32.0.0/12";

/**
 * The flags `weave launch` adds to those given (docs/protocol/control.md#17: launch defaults). The password goes by the
 * environment, never by arguments, where `ps` would show it.
 */
export async function launchArguments(
  words: readonly string[],
  env: Readonly<Record<string, string | undefined>>,
  socket: string,
): Promise<string[]> {
  const has = (flag: string) => words.some((word) => word === `--${flag}` || word.startsWith(`--${flag}=`));
  const args: string[] = [];
  const fallback = (flag: string, value: string) => {
    if (!has(flag)) args.push(`--${flag}=${value}`);
  };
  fallback("control-socket", socket);
  fallback("status-addr", env.WEAVE_STATUS_ADDR ?? "127.0.0.1:6782");
  fallback("nickname", hostname());
  fallback("ipalloc-range", defaultRange);
  // Under `eval $(weave env)` DOCKER_HOST is our own proxy: Docker is where it was before.
  if (env.ORIG_DOCKER_HOST !== undefined) fallback("docker-api", env.ORIG_DOCKER_HOST || defaultDocker);
  args.push(...dockerFlags(words, env));
  return [...args, ...words];
}

/** With Docker, its proxy and its network plugin are there unless turned off by `--proxy=false`, `--plugin=false`. */
function dockerFlags(words: readonly string[], env: Readonly<Record<string, string | undefined>>): string[] {
  const given = (flag: string) => words.some((word) => word === `--${flag}` || word.startsWith(`--${flag}=`));
  const address = env.ORIG_DOCKER_HOST ?? env.WEAVED_DOCKER_API ?? env.DOCKER_HOST;
  const socket = (address || defaultDocker).replace(/^unix:\/\//, "");
  if (given("docker-api") || !existsSync(socket)) return [];
  // The plugin hands out addresses: without a range it has none.
  const possible = words.includes("--ipalloc-range=") ? ["proxy"] : ["proxy", "plugin"];
  return possible.filter((flag) => !given(flag)).map((flag) => `--${flag}`);
}

/** Takes `--password X` out of the words: it goes to the daemon by its environment. */
export function splitPassword(words: readonly string[]): { words: string[]; password: string | undefined } {
  const at = words.findIndex((word) => word === "--password" || word.startsWith("--password="));
  if (at === -1) return { words: [...words], password: undefined };
  const inline = words[at]!.slice("--password=".length);
  const separate = words[at] === "--password";
  return {
    words: [...words.slice(0, at), ...words.slice(at + (separate ? 2 : 1))],
    password: separate ? words[at + 1] : inline,
  };
}
