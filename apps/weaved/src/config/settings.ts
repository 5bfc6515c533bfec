import { parseArgs } from "node:util";
import { parse as parseYaml } from "yaml";
import * as z from "zod";
import { WeavedError } from "../values/error.ts";
import { type OptionName, type OptionSpec, optionSpecs, type Settings } from "./options.ts";
import { refuseReadableByOthers } from "./password.ts";

const specs: Readonly<Record<string, OptionSpec>> = optionSpecs;

/** What the settings are read from. */
export interface Sources {
  /** Arguments behind the program's name. */
  readonly argv: readonly string[];
  readonly env: Readonly<Record<string, string | undefined>>;
  /** Reads the configuration file. */
  readFile(path: string): string;
  /** Mode of the configuration file (stat(2)); undefined when it is unknown. */
  fileMode?(path: string): number | undefined;
}

/**
 * Reads all settings. The first of these that names a setting wins: command line, environment, configuration file, default.
 *
 * @throws WeavedError when a value cannot be used or a name is unknown
 */
export function readSettings(sources: Sources): Settings {
  const { values, positionals } = parseCommandLine(sources.argv);
  const environment = readEnvironment(sources.env);
  const file = readConfigFile(values, environment, sources);
  const settings: Record<string, unknown> = {
    peers: positionals.length > 0 ? positionals : (file.get("peers")?.value ?? []),
  };
  if (values.get("resume")?.value === true && positionals.length > 0)
    throw new WeavedError(
      "SETTING_INVALID",
      "--resume reconnects to the previously known targets and cannot be combined with a list of peers; leave one of them out",
    );
  for (const [name, spec] of Object.entries(specs)) {
    const given = values.get(name) ?? environment.get(name) ?? file.get(name);
    settings[name] = given === undefined ? spec.default : checked(spec, given);
    if (spec.secret && given !== undefined) refuseEmpty(settings[name], given.where);
  }
  if (!z.array(z.string()).safeParse(settings.peers).success)
    throw new WeavedError("SETTING_INVALID", "peers in the configuration file: expected a list of host[:port]");
  return settings as unknown as Settings;
}

/** An empty secret is most often a variable that was never set: the network must not start without encryption because of it. */
function refuseEmpty(value: unknown, where: string): void {
  if (typeof value !== "string" || value.trim() !== "") return;
  throw new WeavedError(
    "PASSWORD_EMPTY",
    `${where} is given but empty; set a password, or leave it out for a network without encryption`,
  );
}

interface Given {
  readonly value: unknown;
  /** Where it was said, for the error. */
  readonly where: string;
}

function checked(spec: OptionSpec, given: Given): unknown {
  if (spec.refused !== undefined)
    throw new WeavedError("SETTING_INVALID", `${given.where} is not supported: ${spec.refused}`);
  const result = spec.schema.safeParse(given.value);
  if (result.success) return result.data;
  const shown = spec.secret ? "(not shown)" : JSON.stringify(given.value);
  throw new WeavedError("SETTING_INVALID", `${given.where}: cannot use ${shown}: ${result.error.issues[0]?.message}`);
}

function parseCommandLine(argv: readonly string[]): { values: Map<string, Given>; positionals: string[] } {
  const options = Object.fromEntries(
    Object.entries(specs).map(([name, spec]) => [
      name,
      {
        type: spec.flag ? ("boolean" as const) : ("string" as const),
        multiple: spec.list === true,
        ...(spec.short && { short: spec.short }),
      },
    ]),
  );
  const { args, off } = splitBooleans(argv);
  try {
    const parsed = parseArgs({ args, options, allowPositionals: true, strict: true });
    const values = new Map<string, Given>();
    for (const [name, value] of Object.entries(parsed.values)) values.set(name, { value, where: `--${name}` });
    for (const name of off) values.set(name, { value: false, where: `--${name}` });
    return { values, positionals: parsed.positionals };
  } catch (error) {
    throw new WeavedError("SETTING_INVALID", `${(error as Error).message.split(". ")[0]}; see weaved --help`);
  }
}

/** Go's flags take `--plugin=false`; Node's parser does not. */
function splitBooleans(argv: readonly string[]): { args: string[]; off: string[] } {
  const off: string[] = [];
  const args = argv.flatMap((arg) => {
    const [, name, value] = /^--([^=]+)=(true|false|1|0)$/.exec(arg) ?? [];
    if (name === undefined || !specs[name]?.flag) return [arg];
    if (value === "true" || value === "1") return [`--${name}`];
    off.push(name);
    return [];
  });
  return { args, off };
}

function readEnvironment(env: Sources["env"]): Map<string, Given> {
  const values = new Map<string, Given>();
  for (const [name, spec] of Object.entries(specs)) {
    const names = [`WEAVED_${name.replaceAll("-", "_").toUpperCase()}`, ...(spec.env ?? [])];
    const found = names.find(
      (candidate) => env[candidate] !== undefined && (env[candidate] !== "" || spec.secret === true),
    );
    if (found) values.set(name, { value: spec.list ? env[found]!.split(",") : env[found], where: found });
  }
  return values;
}

function readConfigFile(
  flags: Map<string, Given>,
  environment: Map<string, Given>,
  sources: Sources,
): Map<string, Given> {
  const path = (flags.get("config") ?? environment.get("config"))?.value;
  if (typeof path !== "string" || path === "") return new Map();
  const content = readYaml(path, sources);
  const values = new Map<string, Given>();
  for (const [name, value] of Object.entries(content)) {
    if (name !== "peers" && !specs[name])
      throw new WeavedError("SETTING_INVALID", `${path}: unknown setting "${name}"${suggestion(name)}`);
    // Numbers and booleans of YAML are converted like text, so that `conn-limit: "20"` works too.
    values.set(name, { value, where: `${name} in ${path}` });
    if (specs[name]?.secret && value !== null) refuseReadableByOthers(path, sources.fileMode?.(path) ?? 0);
  }
  return values;
}

function readYaml(path: string, sources: Sources): Record<string, unknown> {
  let content: unknown;
  try {
    content = parseYaml(sources.readFile(path)) ?? {};
  } catch (error) {
    // What follows the first line quotes the file, where a secret may be.
    const [what] = (error as Error).message.split("\n");
    throw new WeavedError("SETTING_INVALID", `cannot read the configuration file ${path}: ${what}`);
  }
  if (typeof content !== "object" || Array.isArray(content))
    throw new WeavedError("SETTING_INVALID", `${path}: expected settings as "name: value" lines`);
  return content as Record<string, unknown>;
}

function suggestion(name: string): string {
  const near = Object.keys(specs).find(
    (known) => known.replaceAll("-", "") === name.replaceAll(/[-_]/g, "").toLowerCase(),
  );
  return near ? `; did you mean "${near}"?` : "";
}

/** The settings that differ from their defaults, fit for a log: secrets are not in it. */
export function loggableSettings(settings: Settings): Record<string, unknown> {
  const shown: Record<string, unknown> = { peers: settings.peers };
  for (const [name, spec] of Object.entries(specs)) {
    const value = settings[name as OptionName];
    if (JSON.stringify(value) === JSON.stringify(spec.default)) continue;
    shown[name] = spec.secret ? "<redacted>" : value;
  }
  return shown;
}

/** Names of the settings that differ, secrets aside. */
export function changedSettings(before: Settings, after: Settings): string[] {
  const names = ["peers", ...Object.keys(specs).filter((name) => !specs[name]?.secret)] as (keyof Settings)[];
  return names.filter((name) => JSON.stringify(before[name]) !== JSON.stringify(after[name]));
}

/** The text of `weaved --help`. */
export function helpText(): string {
  const rows = Object.entries(specs).map(([name, spec]) => {
    const usage = name.length === 1 ? `-${name}` : `--${name}`;
    const argument = spec.flag ? "" : "=VALUE";
    const fallback = spec.default === "" || spec.default === false || spec.list ? "" : ` [${spec.default}]`;
    return `  ${`${usage}${argument}`.padEnd(32)} ${spec.help}${fallback}`;
  });
  return `usage: weaved [FLAGS] [PEER...]\n\nSettings come from flags, then WEAVED_* variables, then the file of --config, then defaults.\n\n${rows.join("\n")}\n`;
}
