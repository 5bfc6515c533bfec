import { type Verdict, verdictOn } from "../attach/rules.ts";
import type { Container, Engine } from "../engine/engine.ts";
import type { Logger } from "../ports.ts";
import { bindShim, type CreateOptions, prepareCreate, shimPath, useResolver } from "./create.ts";
import { isObject, type JsonObject, listField, objectField, setField, textField, WrongShape } from "./docker-json.ts";
import { parseExact, writeExact } from "./exact-json.ts";
import { type Intercept, type Interception, type ProxyRequest, Refusal } from "./interception.ts";

/** A container's place in the network, as inspect shows it. */
export interface ContainerPlace {
  readonly mac: string;
  readonly addresses: readonly { readonly address: string; readonly prefixLength: number }[];
}

/** What interception is made from. */
export interface InterceptOptions extends CreateOptions {
  readonly engine: Pick<Engine, "container" | "kill">;
  /** Folder with a init shim that does not wait. */
  readonly idleShimFolder: string;
  readonly noDefault: boolean;
  readonly rewriteInspect: boolean;
  /** Resolves when the container is attached, or need not be; rejects with the reason if it cannot be. */
  started(id: string): Promise<void>;
  attachment(id: string): Promise<ContainerPlace | undefined>;
  readonly logger: Logger;
}

const version = "^(?:/v[0-9.]+)?";
const createPath = new RegExp(`${version}/containers/create$`);
const startPath = new RegExp(`${version}/containers/([^/]+)/(?:re)?start$`);
const inspectPath = new RegExp(`${version}/containers/([^/]+)/json$`);
const execCreatePath = new RegExp(`${version}/containers/([^/]+)/exec$`);
const execInspectPath = new RegExp(`${version}/exec/[^/]+/json$`);

/** The five kinds of request that are looked into; all others pass as they are. */
export function createIntercept(options: InterceptOptions): Intercept {
  return (request) => {
    const { method, path } = request;
    const reference = (pattern: RegExp) => pattern.exec(path)?.[1] ?? "";
    if (method === "POST" && createPath.test(path)) return create(request, options);
    if (method === "POST" && startPath.test(path)) return start(reference(startPath), options);
    if (method === "POST" && execCreatePath.test(path)) return execCreate(reference(execCreatePath), options);
    if (!options.rewriteInspect || method !== "GET") return undefined;
    if (inspectPath.test(path)) return inspect(options, (body) => body);
    if (execInspectPath.test(path)) return inspect(options, (body) => objectField(body, "Container"));
    return undefined;
  };
}

/** Is the container one of ours, by what its creation was made into? */
export function isProxied(container: Pick<Container, "entrypoint">): boolean {
  return container.entrypoint[0] === shimPath;
}

function create(request: ProxyRequest, options: InterceptOptions): Interception {
  return {
    request: (body) =>
      editRequest(body, async (config) => {
        const env = listField(config, "Env") ?? [];
        const networkMode = textField(objectField(config, "HostConfig"), "NetworkMode");
        const verdict: Verdict = verdictOn({ networkMode, env }, options);
        const name = request.query.get("name") ?? "";
        if (!verdict.attach) {
          options.logger.info(`leaving the new container ${name} alone: ${verdict.why}`, { code: "PROXY_ALONE" });
          return false;
        }
        return prepareCreate(config, name, verdict, options);
      }),
  };
}

function start(reference: string, options: InterceptOptions): Interception {
  let container: Container | undefined;
  return {
    async request(body) {
      container = await look(reference, options);
      if (!container || !isProxied(container) || body.length === 0) return undefined;
      const { hostname } = container;
      // Engines before API 1.24 take a host configuration here, which replaces that of the creation.
      return editRequest(body, (params) => prepareStart(params, hostname, options));
    },
    async beforeAnswer(status) {
      if (status < 200 || status >= 300 || !container) return;
      const { id } = container;
      try {
        await options.started(id);
      } catch (error) {
        await options.engine.kill(id).catch(() => {});
        throw new Refusal(500, `weave: cannot attach the container: ${(error as Error).message}`, { cause: error });
      }
    },
  };
}

async function prepareStart(params: JsonObject, hostname: string, options: InterceptOptions): Promise<boolean> {
  const given = params.HostConfig;
  const hostConfig = given === undefined && Object.keys(params).length > 0 ? params : given;
  if (!isObject(hostConfig)) return false;
  const mode = textField(hostConfig, "NetworkMode");
  const ours = verdictOn({ networkMode: mode, env: [] }, { noDefault: false }).attach;
  bindShim(hostConfig, ours ? options.shimFolder : options.idleShimFolder);
  if (ours && options.dns) await useResolver(hostConfig, hostname, options.dns);
  return true;
}

function look(reference: string, { engine }: InterceptOptions): Promise<Container | undefined> {
  return engine.container(reference).catch((cause: Error) => {
    throw new Refusal(502, `weave: ${cause.message}`, { cause });
  });
}

function execCreate(reference: string, options: InterceptOptions): Interception {
  return {
    async request(body) {
      const container = await look(reference, options);
      if (!container || !isProxied(container) || !container.mounts.includes("/w")) return undefined;
      if (!verdictOn(container, options).attach) return undefined;
      return editRequest(body, async (exec) => {
        setField(exec, "Cmd", [shimPath, ...(listField(exec, "Cmd") ?? [])]);
        return true;
      });
    },
  };
}

function inspect(options: InterceptOptions, find: (body: JsonObject) => JsonObject): Interception {
  return {
    async answer(status, body) {
      if (status !== 200) return undefined;
      return editAnswer(body, async (document) => {
        const container = find(document);
        const row = await options.attachment(textField(container, "Id") || textField(container, "ID"));
        const [first] = row?.addresses ?? [];
        if (!row || !first) return false;
        const settings = objectField(container, "NetworkSettings");
        setField(settings, "MacAddress", row.mac);
        setField(settings, "IPAddress", first.address);
        setField(settings, "IPPrefixLen", first.prefixLength);
        return true;
      });
    },
  };
}

/** A request, changed; undefined where it is to pass as it came. What cannot be parsed is refused: Docker might still read it. */
async function editRequest(
  body: Buffer,
  edit: (document: JsonObject) => Promise<boolean>,
): Promise<Buffer | undefined> {
  let document: unknown;
  try {
    // Docker's reader refuses a byte order mark, and a proxy must not read less than it does.
    document = parseExact(body.toString("utf8").replace(/^\ufeff/, ""));
  } catch (cause) {
    throw new Refusal(400, "weave: the body is not valid JSON; send one JSON object", { cause });
  }
  if (document === null) return undefined;
  if (!isObject(document)) throw new Refusal(400, "weave: the body is not a JSON object; send one JSON object");
  return written(document, edit);
}

/** An answer of Docker, changed; undefined where it is to pass as it came, also when it is not a JSON object. */
async function editAnswer(body: Buffer, edit: (document: JsonObject) => Promise<boolean>): Promise<Buffer | undefined> {
  try {
    const document = parseExact(body.toString("utf8"));
    return isObject(document) ? await written(document, edit) : undefined;
  } catch (error) {
    if (error instanceof Refusal) throw error;
    return undefined;
  }
}

async function written(
  document: JsonObject,
  edit: (document: JsonObject) => Promise<boolean>,
): Promise<Buffer | undefined> {
  try {
    return (await edit(document)) ? Buffer.from(writeExact(document)) : undefined;
  } catch (error) {
    if (error instanceof WrongShape || error instanceof RangeError)
      throw new Refusal(400, `weave: ${error.message}`, { cause: error });
    throw new Refusal(500, `weave: ${(error as Error).message}`, { cause: error });
  }
}
