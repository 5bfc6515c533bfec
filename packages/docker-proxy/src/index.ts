/**
 * A proxy for Docker's API: requests and answers may be changed on their way, and containers made through it start behind an init
 * shim that waits for their network. This entry is the pure part; `@weaved/docker-proxy/node` opens sockets.
 *
 * @example
 * ```ts
 * const engine = createDockerClient("unix:///var/run/docker.sock");
 * const watch = watchContainers({ engine, observers: [{ running: async ({ name }) => console.log(name) }], clock, logger, metrics });
 * ```
 * @packageDocumentation
 */
export { type Attacher, type AttacherOptions, type ContainerAttachments, createAttacher } from "./attach/attacher.ts";
export {
  type ContainerWish,
  goPattern,
  goReplacement,
  type HostnameRules,
  type Verdict,
  verdictOn,
} from "./attach/rules.ts";
export { type DockerAddress, parseDockerAddress } from "./engine/address.ts";
export type {
  Container,
  ContainerNetwork,
  Engine,
  EngineEvent,
  Image,
  Network,
  NetworkSpec,
} from "./engine/engine.ts";
export {
  type ContainerObserver,
  type ContainerWatch,
  type ListedContainer,
  type WatchOptions,
  watchContainers,
} from "./engine/watch.ts";
export { DockerError, type DockerErrorCode } from "./errors.ts";
export type { CreateOptions } from "./intercept/create.ts";
export { type ContainerPlace, createIntercept, type InterceptOptions, isProxied } from "./intercept/intercept.ts";
export { type Intercept, type Interception, type ProxyRequest, Refusal } from "./intercept/interception.ts";
export type { Clock, Logger, Metrics } from "./ports.ts";
export { initShim, isProcessor, type Processor, type WaitFor } from "./shim/program.ts";
