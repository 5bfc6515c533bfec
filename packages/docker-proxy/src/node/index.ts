/**
 * The client of an engine, and the proxy in front of it.
 *
 * @packageDocumentation
 */
export { type ConnectionOptions, serveConnection } from "./connection.ts";
export { createDockerClient } from "./engine/client.ts";
export { type ListenOptions, listenForDocker, type ProxyListener, type TlsFiles } from "./listen.ts";
export { type DockerProxy, type ProxyOptions, startProxy } from "./proxy.ts";
