/**
 * Go's text/template over plain data: what `docker inspect -f` and `weave report -f` take.
 *
 * @example
 * ```ts
 * runTemplate("{{range .Peers}}{{.Name}} {{end}}", { Peers: [{ Name: "a" }, { Name: "b" }] }); // "a b "
 * ```
 * @packageDocumentation
 */
export type { TemplateLimits } from "./budget.ts";
export { TemplateError, type TemplateErrorCode } from "./errors.ts";
export { toJson } from "./json.ts";
export { runTemplate } from "./run.ts";
