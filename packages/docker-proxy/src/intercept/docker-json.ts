/** A JSON object of Docker's API. */
export type JsonObject = Record<string, unknown>;

/** A request whose JSON has another shape than Docker's API says. */
export class WrongShape extends Error {
  override readonly name = "WrongShape";
}

/** The key as the client spells it: Docker reads keys whatever their case. */
export function keyOf(object: JsonObject, name: string): string {
  if (name in object) return name;
  const lower = name.toLowerCase();
  return Object.keys(object).find((key) => key.toLowerCase() === lower) ?? name;
}

function field(object: JsonObject, name: string): unknown {
  return object[keyOf(object, name)] ?? undefined;
}

/** Sets a field under the client's spelling of its name. */
export function setField(object: JsonObject, name: string, value: unknown): void {
  object[keyOf(object, name)] = value;
}

/** A text; empty if absent or null. @throws WrongShape */
export function textField(object: JsonObject, name: string): string {
  const value = field(object, name);
  if (value === undefined) return "";
  if (typeof value !== "string") throw new WrongShape(`${name}: expected a string`);
  return value;
}

/** A list of texts; one text is a list of one. Undefined if absent or null. @throws WrongShape */
export function listField(object: JsonObject, name: string): string[] | undefined {
  const value = field(object, name);
  if (value === undefined) return undefined;
  if (typeof value === "string") return [value];
  if (Array.isArray(value) && value.every((item) => typeof item === "string")) return [...value];
  throw new WrongShape(`${name}: expected a string or a list of strings`);
}

/** An object; made if absent or null, so that it can be written to. @throws WrongShape */
export function objectField(object: JsonObject, name: string): JsonObject {
  const value = field(object, name);
  if (value === undefined) {
    const made: JsonObject = {};
    setField(object, name, made);
    return made;
  }
  if (!isObject(value)) throw new WrongShape(`${name}: expected an object`);
  return value;
}

/** Is it a JSON object? */
export function isObject(value: unknown): value is JsonObject {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
