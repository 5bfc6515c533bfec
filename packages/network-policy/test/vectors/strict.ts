/** Fails on fields that a check does not read, so that a vector file of a newer form is not half checked. */
export function onlyFields(value: object, allowed: readonly string[], where: string): void {
  const unknown = Object.keys(value).filter((key) => !allowed.includes(key));
  if (unknown.length > 0) throw new Error(`${where} has unknown fields: ${unknown.join(", ")}`);
}

/** Whether every case of a file has these fields. An empty list has no shape. */
export function allHave(cases: unknown, fields: readonly string[]): boolean {
  const list = Array.isArray(cases) ? (cases as unknown[]) : [];
  const has = (one: unknown) => typeof one === "object" && one !== null && fields.every((field) => field in one);
  return list.length > 0 && list.every(has);
}
