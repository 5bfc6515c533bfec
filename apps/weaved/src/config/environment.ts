/** Variables that hold a secret. */
const secrets = ["WEAVE_PASSWORD", "WEAVED_PASSWORD"];

/**
 * A copy of the environment, from which the secrets are then deleted: programs that this process starts do not inherit them.
 */
export function takeSecrets(env: NodeJS.ProcessEnv): Readonly<Record<string, string | undefined>> {
  const copy = { ...env };
  for (const name of secrets) delete env[name];
  return copy;
}
