import { spawn } from "node:child_process";
import type { Command } from "commander";
import { addressArgumentText, splitAddressArguments } from "../../values/address-argument.ts";
import { WeavedError } from "../../values/error.ts";
import type { Context } from "../context.ts";

/** Verbs around Docker: run, start, env, config. */
export function dockerVerbs(program: Command, context: () => Context): void {
  program
    .command("run")
    .description("docker run, with the container attached before its first instruction")
    .allowUnknownOption()
    .helpOption(false)
    .argument("[words...]", "[ADDRESS...] DOCKER-RUN-ARGUMENTS")
    .action(async (_: string[], __: unknown, command: Command) => {
      const { leading, rest } = leadingAddresses(command.args);
      const cidrs = leading.length > 0 ? ["-e", `WEAVE_CIDR=${leading.join(" ")}`] : [];
      await throughProxy(context(), ["run", ...cidrs, ...rest]);
    });
  program
    .command("start")
    .description("docker start, attached again")
    .allowUnknownOption()
    .helpOption(false)
    .argument("[words...]", "DOCKER-START-ARGUMENTS")
    .action((_: string[], __: unknown, command: Command) => throughProxy(context(), ["start", ...command.args]));
  program
    .command("env")
    .description("shell lines that make docker use the proxy; eval them")
    .option("--restore", "lines that undo it")
    .action(async (options: { restore?: boolean }) => {
      const { env, print } = context();
      if (options.restore)
        print(
          env.ORIG_DOCKER_HOST === undefined
            ? ""
            : `export DOCKER_HOST=${env.ORIG_DOCKER_HOST}\nunset ORIG_DOCKER_HOST\n`,
        );
      else
        print(
          await proxyAddress(context()).then((address) =>
            address ? `export DOCKER_HOST=${address} ORIG_DOCKER_HOST=${env.DOCKER_HOST ?? ""}\n` : "",
          ),
        );
    });
  program
    .command("config")
    .description("arguments that make one docker command use the proxy")
    .action(async () => {
      const address = await proxyAddress(context());
      context().print(address ? `-H=${address}\n` : "");
    });
}

/** Addresses at the front; what follows is Docker's, even where it looks like an address. */
function leadingAddresses(words: readonly string[]): { leading: string[]; rest: string[] } {
  const first = words.findIndex((word) => splitAddressArguments([word]).rest.length > 0);
  const end = first === -1 ? words.length : first;
  return {
    leading: splitAddressArguments(words.slice(0, end)).addresses.map(addressArgumentText),
    rest: words.slice(end),
  };
}

/** Nothing is printed while weaved is down: so `eval $(weave env)` stays harmless. */
async function proxyAddress(context: Context): Promise<string | undefined> {
  const answer = await context.client.send("GET", "/proxyaddrs").catch(() => undefined);
  if (answer?.status !== 200) return undefined;
  const [first] = answer.body.split("\n").filter((line) => line !== "");
  return first?.replace("0.0.0.0", "127.0.0.1");
}

async function throughProxy(context: Context, args: readonly string[]): Promise<void> {
  const address = await proxyAddress(context);
  if (!address)
    throw new WeavedError(
      "ARGUMENT_INVALID",
      "the Docker proxy is not running. Launch with --proxy, or attach by hand: weave attach CONTAINER",
    );
  const child = spawn("docker", ["-H", address, ...args], { stdio: "inherit" });
  const code = await new Promise<number>((resolve, reject) => {
    child.once("error", (cause) => reject(new WeavedError("ARGUMENT_INVALID", `cannot run docker: ${cause.message}`)));
    child.once("exit", (status) => resolve(status ?? 1));
  });
  process.exitCode = code;
}
