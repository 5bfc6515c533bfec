import { type IncomingMessage, request } from "node:http";
import { type DockerAddress, parseDockerAddress } from "../../engine/address.ts";
import type { Engine, EngineEvent } from "../../engine/engine.ts";
import { createLineReader } from "../../engine/json-lines.ts";
import { readContainer, readContainerList, readEvent, readImage, readNetwork } from "../../engine/read.ts";
import { DockerError } from "../../errors.ts";

/** An answer that takes longer is given up, in milliseconds. `kill` and `inspect` are local and quick; 30 s is a hung engine. */
const answerWithinMs = 30_000;

/**
 * A client of Docker's HTTP API. Paths carry no version: an engine then speaks its own newest, in which every field used
 * here has been unchanged since 1.24.
 *
 * @throws DockerError when the address cannot be used
 */
export function createDockerClient(address: string): Engine {
  const place = parseDockerAddress(address);
  const get = (path: string) => exchange(place, "GET", path);
  const id = encodeURIComponent;
  return {
    address,
    container: async (reference) => optional(await get(`/containers/${id(reference)}/json`), readContainer),
    containers: async () => readContainerList(required(await get("/containers/json?all=1"))),
    image: async (name) => optional(await get(`/images/${encodeURI(name)}/json`), readImage),
    network: async (reference) => optional(await get(`/networks/${id(reference)}`), readNetwork),
    async createNetwork({ name, driver, subnet, options }) {
      const body = {
        Name: name,
        CheckDuplicate: true,
        Driver: driver,
        IPAM: { Driver: driver, Config: [{ Subnet: subnet }] },
        Options: options,
      };
      required(await exchange(place, "POST", "/networks/create", body));
    },
    async removeNetwork(network) {
      required(await exchange(place, "DELETE", `/networks/${id(network)}`));
    },
    async kill(container) {
      required(await exchange(place, "POST", `/containers/${id(container)}/kill`));
    },
    follow: (handlers) => follow(place, handlers),
  };
}

interface Answer {
  readonly status: number;
  readonly body: unknown;
}

function required({ status, body }: Answer): unknown {
  if (status < 400) return body;
  const said = (body as { message?: unknown } | undefined)?.message;
  throw new DockerError("ENGINE_REFUSED", typeof said === "string" ? said : `Docker answered ${status}`, { status });
}

function optional<T>(answer: Answer, read: (body: unknown) => T): T | undefined {
  return answer.status === 404 ? undefined : read(required(answer));
}

async function exchange(place: DockerAddress, method: string, path: string, json?: unknown): Promise<Answer> {
  const signal = AbortSignal.timeout(answerWithinMs);
  const response = await send(place, { method, path, signal, ...(json !== undefined && { json }) });
  const chunks: Buffer[] = [];
  try {
    for await (const chunk of response) chunks.push(chunk as Buffer);
  } catch (cause) {
    throw unreachable(place, cause as Error);
  }
  const text = Buffer.concat(chunks).toString();
  return { status: response.statusCode ?? 0, body: text === "" ? undefined : parse(text) };
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    // Errors of proxies in between are plain text.
    return { message: text.trim() };
  }
}

interface Request {
  readonly method: string;
  readonly path: string;
  readonly signal: AbortSignal;
  readonly json?: unknown;
}

function send(place: DockerAddress, { method, path, signal, json }: Request): Promise<IncomingMessage> {
  const body = json === undefined ? undefined : JSON.stringify(json);
  return new Promise((resolve, reject) => {
    const sent = request(
      {
        ...place,
        method,
        path,
        signal,
        // No pool: a pooled connection to an engine that was restarted fails the next call.
        agent: false,
        headers: { host: "docker", ...(body !== undefined && { "content-type": "application/json" }) },
      },
      resolve,
    );
    sent.once("error", (cause) => reject(unreachable(place, cause)));
    sent.end(body);
  });
}

async function follow(
  place: DockerAddress,
  { signal, onOpen, onEvent }: { signal: AbortSignal; onOpen(): void; onEvent(event: EngineEvent): void },
): Promise<void> {
  const filters = JSON.stringify({ type: ["container"], event: ["start", "die", "destroy", "health_status"] });
  const path = `/events?filters=${encodeURIComponent(filters)}`;
  const response = await send(place, { method: "GET", path, signal });
  if (response.statusCode !== 200) {
    response.destroy();
    throw new DockerError("ENGINE_REFUSED", `Docker answered ${response.statusCode} to a request for events`);
  }
  const push = createLineReader((line) => {
    const event = readEvent(line);
    if (event) onEvent(event);
  });
  onOpen();
  await new Promise<void>((resolve) => {
    response.on("data", (chunk: Buffer) => push(chunk));
    // However the stream ends, the engine will not tell us any more.
    response.once("close", resolve);
    response.once("error", () => resolve());
  });
}

function unreachable(place: DockerAddress, cause: Error): DockerError {
  const where = "socketPath" in place ? place.socketPath : `${place.host}:${place.port}`;
  const code = (cause as NodeJS.ErrnoException).code ?? cause.message;
  return new DockerError("ENGINE_UNREACHABLE", `Docker does not answer at ${where} (${code})`, { cause });
}
