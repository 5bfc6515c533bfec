import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { type IperfResult, type PingResult, parseIperf, parsePing } from "../parse.ts";
import { type Capture, type CaptureOptions, startCapture } from "./capture.ts";
import { type Daemon, startDaemon } from "./daemon.ts";
import { labMark } from "./proc.ts";
import { type CommandResult, must, type RunOptions, run, waitFor } from "./run.ts";
import { checkPrograms } from "./tools.ts";

/** How to start a daemon. */
export interface SpawnOptions {
  /** Names the log file. @defaultValue base name of the command */
  readonly name?: string;
  readonly env?: Readonly<Record<string, string>>;
}

/** How to ping. */
export interface PingOptions {
  /** @defaultValue 5 */
  readonly count?: number;
  /** Between packets. @defaultValue 20 */
  readonly intervalMs?: number;
  /** How long to wait for the last answer. @defaultValue 500 */
  readonly waitMs?: number;
  /** Payload; with `dontFragment` a probe of the path MTU: IP packet = payload + 28. @defaultValue 56 */
  readonly bytes?: number;
  readonly dontFragment?: boolean;
}

/** How to measure throughput. */
export interface IperfOptions {
  /** @defaultValue 2 */
  readonly seconds?: number;
  /** UDP at this rate instead of TCP. */
  readonly udpMbit?: number;
  /** Parallel streams. @defaultValue 1 */
  readonly streams?: number;
  /** @defaultValue 5201 */
  readonly port?: number;
  /** Address to connect to. @defaultValue the target's first address */
  readonly address?: string;
}

/** Somewhere commands can run: a host, a container, a NAT router, the switches. */
export interface Place {
  /** `a`, or `a/c1` for a container. */
  readonly name: string;
  /** First address, without prefix; empty for a place without one. */
  readonly address: string;
  /** All addresses, without prefix. */
  readonly addresses: readonly string[];
  /** Name of its network namespace: `ip netns exec NAME ...` works. */
  readonly netns: string;
  /** Pid of the process that holds its namespaces; what a container tool wants as "container pid". */
  readonly pid: number;
  /** A folder of its own on this machine's disk, removed with the lab; same path inside and outside. */
  readonly dir: string;
  /**
   * Runs a command to its end; any exit code is a result.
   * @throws NetlabError `PROGRAM_UNKNOWN` for a program that setup does not install; so do the next three
   */
  exec(command: string, args?: readonly string[], options?: RunOptions): Promise<CommandResult>;
  /** Runs a command that must succeed and returns what it printed. @throws NetlabError `COMMAND_FAILED` */
  must(command: string, args?: readonly string[], options?: RunOptions): Promise<string>;
  /** Starts a daemon; it ends with the lab at the latest. */
  spawn(command: string, args?: readonly string[], options?: SpawnOptions): Promise<Daemon>;
  /** The argv that enters this place, for programs that start processes themselves. */
  command(command: string, args?: readonly string[]): readonly [string, ...string[]];
  /** Writes below `dir`, making folders; returns the absolute path. */
  writeFile(path: string, content: string | Uint8Array): string;
  /** Reads below `dir`. */
  readFile(path: string): string;
  /** ICMP echo. Losing every packet is a result, not a failure. */
  ping(target: Place | string, options?: PingOptions): Promise<PingResult>;
  /** Throughput from here to the target, by iperf3. */
  iperf(target: Place, options?: IperfOptions): Promise<IperfResult>;
  /** Records packets into a file until stopped. */
  capture(options?: CaptureOptions): Promise<Capture>;
  /**
   * Shifts the wall clock of everything started here from now on, by libfaketime (package `faketime`); running daemons started
   * after the first call follow later calls. The monotonic clock stays true. 0 sets it right again.
   */
  setClockSkew(seconds: number): void;
}

/** What a place is made of. */
export interface PlaceSpec {
  readonly labId: string;
  readonly name: string;
  readonly addresses: readonly string[];
  readonly netns: string;
  readonly pid: number;
  readonly pidNamespace: boolean;
  readonly dir: string;
  readonly logDir: string;
}

/** The library as Debian and Ubuntu install it; `$LIB` is expanded by the dynamic linker. */
const faketime = "/usr/$LIB/faketime/libfaketime.so.1";

/** The argv that enters the namespaces held by a process. Keeps the working folder, which `nsenter` alone would lose. */
export function enter(pid: number, pidNamespace: boolean, argv: readonly string[]): [string, ...string[]] {
  const spaces = ["--net", "--mount", "--uts", ...(pidNamespace ? ["--pid"] : [])];
  const shell = ["sh", "-c", 'cd "$0" 2>/dev/null; exec "$@"', process.cwd()];
  return ["nsenter", "--target", String(pid), ...spaces, "--", ...shell, ...argv];
}

/** Makes a place out of a running holder process. */
export function createPlace(spec: PlaceSpec): Place {
  let daemons = 0;
  let skewed = false;
  const skewFile = join(spec.dir, "clock-skew");
  const env = (): Record<string, string> => ({
    [labMark]: spec.labId,
    NETLAB_PLACE: spec.name,
    ...(skewed
      ? {
          LD_PRELOAD: faketime,
          FAKETIME_TIMESTAMP_FILE: skewFile,
          FAKETIME_NO_CACHE: "1",
          FAKETIME_DONT_FAKE_MONOTONIC: "1",
          FAKETIME_DONT_RESET: "1",
        }
      : {}),
  });
  const argv = (command: string, args: readonly string[] = []) => {
    checkPrograms(command, args);
    return enter(spec.pid, spec.pidNamespace, [command, ...args]);
  };
  const place: Place = {
    name: spec.name,
    address: spec.addresses[0] ?? "",
    addresses: spec.addresses,
    netns: spec.netns,
    pid: spec.pid,
    dir: spec.dir,
    command: argv,
    async exec(command, args = [], options = {}) {
      const [program, ...rest] = argv(command, args);
      return run(program, rest, { ...options, env: { ...env(), ...options.env } });
    },
    async must(command, args = [], options = {}) {
      const [program, ...rest] = argv(command, args);
      return must(program, rest, { ...options, env: { ...env(), ...options.env } });
    },
    async spawn(command, args = [], options = {}) {
      const [program, ...rest] = argv(command, args);
      const name = options.name ?? command.split("/").at(-1) ?? command;
      const logFile = join(spec.logDir, `${spec.name.replace("/", ".")}-${name}-${++daemons}.log`);
      const all = { ...env(), ...options.env };
      return startDaemon({
        name: `${spec.name}: ${name}`,
        command: program,
        args: rest,
        env: all,
        logFile,
        forks: spec.pidNamespace,
      });
    },
    writeFile(path, content) {
      const file = join(spec.dir, path);
      mkdirSync(dirname(file), { recursive: true });
      writeFileSync(file, content);
      return file;
    },
    readFile: (path) => readFileSync(join(spec.dir, path), "utf8"),
    ping: (target, options = {}) => ping(place, target, options),
    iperf: (target, options = {}) => iperf(place, target, options),
    capture: (options = {}) => startCapture(place, options),
    setClockSkew(seconds) {
      skewed = true;
      writeFileSync(skewFile, `${seconds < 0 ? "" : "+"}${seconds}s\n`);
    },
  };
  return place;
}

async function ping(from: Place, target: Place | string, options: PingOptions): Promise<PingResult> {
  const { count = 5, intervalMs = 20, waitMs = 500, bytes = 56, dontFragment = false } = options;
  const address = typeof target === "string" ? target : target.address;
  const seconds = (ms: number) => (ms / 1000).toFixed(3);
  const args = ["-n", "-q", "-c", `${count}`, "-i", seconds(intervalMs), "-W", seconds(waitMs), "-s", `${bytes}`];
  // iputils waits for up to `-W` after the last packet only; a dead neighbour answers with errors that -w must not cut short.
  const result = await from.exec("ping", [...args, ...(dontFragment ? ["-M", "do"] : []), address]);
  return parsePing(result.stdout + result.stderr);
}

async function iperf(from: Place, target: Place, options: IperfOptions): Promise<IperfResult> {
  const { seconds = 2, udpMbit, streams = 1, port = 5201, address = target.address } = options;
  const server = await target.spawn("iperf3", ["-s", "-1", "-p", `${port}`, "--forceflush"], { name: "iperf3-server" });
  try {
    await server.waitForLog(/Server listening/, 5000);
    const udp = udpMbit === undefined ? [] : ["-u", "-b", `${udpMbit}M`];
    const args = ["-J", "-c", address, "-p", `${port}`, "-t", `${seconds}`, "-P", `${streams}`, ...udp];
    const result = await from.exec("iperf3", [...args, "--connect-timeout", "5000"], {
      timeoutMs: seconds * 1000 + 15_000,
    });
    return parseIperf(result.stdout);
  } finally {
    await server.stop(500);
  }
}

/** Waits until one place reaches another. @throws NetlabError `DEADLINE` */
export async function waitUntilReachable(from: Place, target: Place | string, deadlineMs: number): Promise<void> {
  const name = typeof target === "string" ? target : target.name;
  await waitFor(
    `${from.name} reaches ${name}`,
    async () => {
      const { received } = await from.ping(target, { count: 1, waitMs: 200 });
      return received > 0;
    },
    deadlineMs,
  );
}
