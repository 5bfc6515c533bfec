/** A setting that cannot be used; the message names where it came from and what was expected. */
export class ConfigError extends Error {
  override readonly name = "ConfigError";
}
