import * as z from "zod";
import type { Container, EngineEvent, Image, Network } from "./engine.ts";

/** Docker writes `null` for empty lists, and leaves out what an old engine does not know. */
const texts = z
  .array(z.string())
  .nullish()
  .transform((list) => list ?? []);
const text = z
  .string()
  .nullish()
  .transform((value) => value ?? "");
/** An entrypoint may be one word. */
const words = z.union([z.string().transform((word) => [word]), texts]);

const labels = z
  .record(z.string(), z.string())
  .nullish()
  .transform((all) => all ?? {});

const endpoint = z.object({ NetworkID: text, IPAddress: text, Aliases: texts });

const container = z.object({
  Id: z.string(),
  Name: text,
  State: z.object({
    Running: z.boolean(),
    Restarting: z.boolean().optional(),
    Pid: z.number(),
    Health: z.object({ Status: text }).nullish(),
  }),
  Config: z.object({ Hostname: text, Domainname: text, Env: texts, Entrypoint: words, Labels: labels }),
  HostConfig: z.object({ NetworkMode: text, ExtraHosts: texts }).nullish(),
  HostsPath: text,
  Mounts: z
    .array(z.object({ Destination: text }))
    .nullish()
    .transform((list) => list ?? []),
  NetworkSettings: z.object({ Networks: z.record(z.string(), endpoint.nullable()).nullish() }).nullish(),
});

/** `GET /containers/ID/json`. */
export function readContainer(body: unknown): Container {
  const { Id, Name, State, Config, HostConfig, HostsPath, Mounts, NetworkSettings } = container.parse(body);
  const running = State.Running && State.Restarting !== true && State.Pid > 0;
  return {
    id: Id,
    name: Name.replace(/^\//, ""),
    running,
    pid: running ? State.Pid : 0,
    health: State.Health?.Status || undefined,
    hostname: Config.Hostname,
    domainname: Config.Domainname,
    env: Config.Env,
    labels: Config.Labels,
    entrypoint: Config.Entrypoint,
    networkMode: HostConfig?.NetworkMode ?? "",
    hostsPath: HostsPath,
    extraHosts: HostConfig?.ExtraHosts ?? [],
    mounts: Mounts.map(({ Destination }) => Destination),
    networks: Object.values(NetworkSettings?.Networks ?? {}).flatMap((end) =>
      end ? [{ networkId: end.NetworkID, address: end.IPAddress, aliases: end.Aliases }] : [],
    ),
  };
}

const containerList = z.array(z.object({ Id: z.string(), State: text }));

/** `GET /containers/json`. */
export function readContainerList(body: unknown): { id: string; running: boolean }[] {
  return containerList.parse(body ?? []).map(({ Id, State }) => ({
    id: Id,
    running: State === "running" || State === "paused",
  }));
}

const image = z.object({ Config: z.object({ Entrypoint: words, Cmd: texts }).nullish() });

/** `GET /images/NAME/json`. */
export function readImage(body: unknown): Image {
  const { Config } = image.parse(body);
  return { entrypoint: Config?.Entrypoint ?? [], cmd: Config?.Cmd ?? [] };
}

const network = z.object({
  Id: z.string(),
  Name: text,
  Driver: text,
  Options: z.record(z.string(), z.string()).nullish(),
  IPAM: z.object({ Config: z.array(z.object({ Subnet: text, Gateway: text })).nullish() }).nullish(),
});

/** `GET /networks/ID`. */
export function readNetwork(body: unknown): Network {
  const { Id, Name, Driver, Options, IPAM } = network.parse(body);
  const gateway = IPAM?.Config?.find(({ Subnet }) => !Subnet.includes(":"))?.Gateway ?? "";
  return { id: Id, name: Name, driver: Driver, options: Options ?? {}, gateway: gateway.split("/")[0]! };
}

const event = z.object({
  Type: z.string().optional(),
  Action: z.string().optional(),
  status: z.string().optional(),
  id: z.string().optional(),
  Actor: z.object({ ID: z.string() }).optional(),
});

/** One line of `GET /events`; undefined for what concerns no container's life. */
export function readEvent(line: unknown): EngineEvent | undefined {
  const { data } = event.safeParse(line);
  const what = data?.Action ?? data?.status;
  const id = data?.Actor?.ID ?? data?.id;
  if (id === undefined || (data?.Type !== undefined && data.Type !== "container")) return undefined;
  if (what === "start" || what === "die" || what === "destroy") return { what, id };
  const health = /^health_status: (healthy|unhealthy)$/.exec(what ?? "")?.[1];
  return health === undefined ? undefined : { what: health as "healthy" | "unhealthy", id };
}
