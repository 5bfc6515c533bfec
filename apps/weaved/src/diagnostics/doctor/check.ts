/** What one check found. */
export interface Finding {
  readonly name: string;
  readonly state: "ok" | "warning" | "failure" | "skipped";
  /** What is the case. */
  readonly text: string;
  /** What to do about it. */
  readonly remedy?: string;
}

/** A check: looks, changes nothing that stays. */
export type Check = () => Promise<Finding | Finding[]>;

/** All is well. */
export function ok(name: string, text: string): Finding {
  return { name, state: "ok", text };
}

/** It works, but not as well as it could. */
export function warning(name: string, text: string, remedy: string): Finding {
  return { name, state: "warning", text, remedy };
}

/** It will not work. */
export function failure(name: string, text: string, remedy: string): Finding {
  return { name, state: "failure", text, remedy };
}

/** It could not be found out. */
export function skipped(name: string, text: string): Finding {
  return { name, state: "skipped", text };
}
