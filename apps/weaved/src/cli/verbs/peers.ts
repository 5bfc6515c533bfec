import type { Command } from "commander";
import { type Context, show } from "../context.ts";

/** Verbs about other peers: connect, forget, rmpeer, merge, prime. */
export function peerVerbs(program: Command, context: () => Context): void {
  program
    .command("connect")
    .description("connect to more peers, or with --replace to these instead")
    .option("--replace", "forget all others")
    .argument("[peer...]", "host[:port]")
    .action(async (peers: string[], options: { replace?: boolean }) => {
      const form: [string, string][] = peers.map((peer) => ["peer", peer]);
      if (options.replace) form.push(["replace", "true"]);
      await context().client.call("POST", "/connect", { form });
    });
  program
    .command("forget")
    .description("no longer connect to these peers; connections that exist stay")
    .argument("<peer...>", "as given to connect")
    .action(async (peers: string[]) => {
      await context().client.call("POST", "/forget", { form: peers.map((peer) => ["peer", peer]) });
    });
  program
    .command("rmpeer")
    .description("take over the addresses of peers that are gone for good")
    .argument("<peer...>", "nickname or peer name")
    .action(async (peers: string[]) => {
      for (const peer of peers)
        context().print(await context().client.call("DELETE", `/peer/${encodeURIComponent(peer)}`));
    });
  program
    .command("merge")
    .description("give up this host's ring of addresses for that of a network made apart, keeping those in use")
    .action(async () => {
      const result = JSON.parse(await context().client.call("POST", "/v1/ring/join", { json: {} })) as Joined;
      show(context(), result, describeJoined);
    });
  program
    .command("prime")
    .description("wait until addresses can be allocated")
    .action(async () => {
      await context().client.call("GET", "/ring");
    });
}

interface Joined {
  readonly kept: readonly string[];
  readonly conflicts: readonly string[];
}

function describeJoined({ kept, conflicts }: Joined): string {
  const lines = [
    ...kept.map((address) => `${address} kept`),
    ...conflicts.map((address) => `${address} is in use there, too: give its container another one`),
  ];
  return lines.map((line) => `${line}\n`).join("");
}
