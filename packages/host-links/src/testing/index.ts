/**
 * A host without a kernel, for tests of programs that use `@weaved/host-links`.
 *
 * @packageDocumentation
 */
export { createFakeHost, type FakeHost, type FakeLink } from "./fake-host.ts";
