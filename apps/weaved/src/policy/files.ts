import { existsSync, readdirSync, readFileSync, statSync } from "node:fs";
import { join } from "node:path";
import {
  createWorld,
  type Endpoint,
  type NetworkSet,
  type Policy,
  type Tier,
  type World,
} from "@weaved/network-policy";
import { type ParsedDocuments, parseDocuments } from "@weaved/network-policy/documents";

/** Where the policies of a host lie. */
export const POLICY_FOLDER = "/etc/weaved/policies";

/** What policy files hold, and what is wrong with them, as lines for people. */
export interface PolicyFiles {
  readonly policies: readonly Policy[];
  readonly tiers: readonly Tier[];
  readonly networkSets: readonly NetworkSet[];
  /** `FILE:LINE:COLUMN: POLICY: MESSAGE`. With any problem, the policies are not to be used. */
  readonly problems: readonly string[];
}

const SUFFIXES = [".yaml", ".yml", ".json"];

/** Reads files, and the files of folders in the order of their names. Standard input is `-`. */
export function readPolicyFiles(paths: readonly string[]): PolicyFiles {
  const problems: string[] = [];
  const parsed = paths.flatMap((path) => {
    if (path !== "-" && !existsSync(path)) problems.push(`${path}: the file does not exist`);
    return filesOf(path).map((file) => parseFile(file, problems));
  });
  const documents = parsed.flatMap((one) => one.documents);
  problems.push(...parsed.flatMap((one) => one.problems.map(({ text }) => text)));
  return {
    policies: documents.flatMap((one) => (one.kind === "policy" ? [one.policy] : [])),
    tiers: documents.flatMap((one) => (one.kind === "tier" ? [one.tier] : [])),
    networkSets: documents.flatMap((one) => (one.kind === "networkSet" ? [one.set] : [])),
    problems,
  };
}

/** The state that files describe, with endpoints to evaluate it for. */
export function worldOf({ policies, tiers, networkSets }: PolicyFiles, endpoints: readonly Endpoint[] = []): World {
  return createWorld({ policies, tiers, networkSets, endpoints });
}

function filesOf(path: string): string[] {
  if (path === "-") return ["-"];
  if (!existsSync(path)) return [];
  if (!statSync(path).isDirectory()) return [path];
  const names = readdirSync(path).filter((name) => SUFFIXES.some((suffix) => name.endsWith(suffix)));
  return names.sort().map((name) => join(path, name));
}

function parseFile(file: string, problems: string[]): ParsedDocuments {
  try {
    return parseDocuments(readFileSync(file === "-" ? 0 : file, "utf8"), file === "-" ? "standard input" : file);
  } catch (error) {
    problems.push(`${file}: cannot be read: ${(error as Error).message}`);
    return { documents: [], problems: [] };
  }
}
