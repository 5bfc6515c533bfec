/**
 * Many hosts on one machine, from network namespaces: switches, subnets, NAT, containers, Docker engines, faults, measurements.
 *
 * @example
 * ```ts
 * import { createLab } from "@weaved/netlab";
 *
 * await using lab = await createLab({ hosts: { a: { containers: 2 }, b: {} } });
 * const a = lab.host("a");
 * console.log((await a.ping(lab.host("b"))).lossPercent); // 0
 * await lab.faults.partition(["a"], ["b"]);
 * console.log((await a.ping(lab.host("b"))).lossPercent); // 100
 * ```
 *
 * Tests: `const why = whyNoLab(); if (why) ctx.skip(why)` first; `lab.close()` in `afterAll`. A container's `pid` is what
 * `weave attach` and the like want. Each host has an empty `/run` of its own, so two daemons never share a socket path;
 * put state into `host.dir`.
 *
 * @packageDocumentation
 */
export { NetlabError, type NetlabErrorCode } from "./errors.ts";
export type { PathFault } from "./faults.ts";
export type { Capture, CaptureOptions, CaptureResult } from "./node/capture.ts";
export type { Faults } from "./node/control.ts";
export type { Daemon } from "./node/daemon.ts";
export { type DockerEngine, type DockerOptions, dockerImage } from "./node/docker.ts";
export { createLab, type Lab, type LabContainer, type LabHost } from "./node/lab.ts";
export {
  type IperfOptions,
  type PingOptions,
  type Place,
  type SpawnOptions,
  waitUntilReachable,
} from "./node/place.ts";
export { destroy, type LabRecord, listRecords, sweep } from "./node/registry.ts";
export { type CommandResult, type RunOptions, waitFor } from "./node/run.ts";
export { installTools, whyNoLab } from "./node/tools.ts";
export type { IperfResult, PingResult } from "./parse.ts";
export { type Need, testNeeds } from "./programs.ts";
export type {
  ContainerOptions,
  DnsOptions,
  HostOptions,
  LabOptions,
  NatOptions,
  SwitchOptions,
  Topology,
} from "./topology.ts";
export { parseTopology } from "./yaml.ts";
