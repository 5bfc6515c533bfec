/**
 * What the daemon needs of a container engine: few calls, each with just the fields that are used. `client.ts` speaks to
 * Docker; tests of the parts above bring their own.
 */

/** A container as the engine describes it. */
export interface Container {
  /** 64 hexadecimal digits. */
  readonly id: string;
  /** Without the leading slash. */
  readonly name: string;
  /** Has a process now; a container that waits to be restarted has none. */
  readonly running: boolean;
  /** By its HEALTHCHECK: `starting`, `healthy`, or `unhealthy`; undefined without one. */
  readonly health?: string | undefined;
  /** In the engine's PID namespace, which must be ours; 0 when not running. */
  readonly pid: number;
  readonly hostname: string;
  readonly domainname: string;
  readonly env: readonly string[];
  readonly entrypoint: readonly string[];
  /** `default`, `bridge`, `none`, `host`, `container:ID`, or the name of a network. */
  readonly networkMode: string;
  /** The file that the container sees as /etc/hosts; empty when the engine keeps none. */
  readonly hostsPath: string;
  /** `NAME:ADDRESS`, as given to `--add-host`. */
  readonly extraHosts: readonly string[];
  /** Where volumes are mounted, as the container sees it. */
  readonly mounts: readonly string[];
  readonly networks: readonly ContainerNetwork[];
  readonly labels: Readonly<Record<string, string>>;
}

/** A container's end in one of the engine's networks. */
export interface ContainerNetwork {
  readonly networkId: string;
  /** IPv4, without prefix; empty when not connected. */
  readonly address: string;
  readonly aliases: readonly string[];
}

/** What an image starts when a container does not say. */
export interface Image {
  readonly entrypoint: readonly string[];
  readonly cmd: readonly string[];
}

/** A network of the engine. */
export interface Network {
  readonly id: string;
  readonly name: string;
  readonly driver: string;
  readonly options: Readonly<Record<string, string>>;
  /** Of its first IPv4 subnet; empty if the engine does not say. */
  readonly gateway: string;
}

/** What happens to a container. */
export interface EngineEvent {
  readonly what: "start" | "die" | "destroy" | "healthy" | "unhealthy";
  readonly id: string;
}

/** What is to be made by {@link Engine.createNetwork}. */
export interface NetworkSpec {
  readonly name: string;
  readonly driver: string;
  readonly subnet: string;
  readonly options: Readonly<Record<string, string>>;
}

/** Every call rejects with {@link DockerError} when the engine cannot be reached or refuses; "not found" is `undefined`. */
export interface Engine {
  /** For people: where it is. */
  readonly address: string;
  /** By id, unique start of an id, or name. */
  container(reference: string): Promise<Container | undefined>;
  /** Ids of all containers, running or not. */
  containers(): Promise<readonly { readonly id: string; readonly running: boolean }[]>;
  image(name: string): Promise<Image | undefined>;
  network(reference: string): Promise<Network | undefined>;
  createNetwork(spec: NetworkSpec): Promise<void>;
  /** Rejects while containers are connected. */
  removeNetwork(id: string): Promise<void>;
  kill(id: string): Promise<void>;
  /**
   * Follows events until the engine goes away or `signal` fires, then resolves. `onOpen` is called once the engine will tell
   * of everything that happens from then on.
   */
  follow(handlers: { readonly signal: AbortSignal; onOpen(): void; onEvent(event: EngineEvent): void }): Promise<void>;
}
