import type { DocumentPath } from "../errors.ts";
import { DEFAULT_TIER, type Direction, type Match, OPERATOR_TIER, type Policy, type Rule } from "../model.ts";
import { checkRule, defaultTypes, foldSelectors, nonEmpty, readIcmp } from "./calico.ts";
import { Fields, invalid } from "./fields.ts";
import { protocolField, readNet, readPort, selectorField } from "./values.ts";

/** Policies of a lower order are in the operator tier. */
const APPLICATION_ORDER = 1000;
const NAME = /^[a-z0-9]([a-z0-9.-]{0,61}[a-z0-9])?$/;

/** Reads a policy of the plain YAML form: `name`, `selector`, `ingress`, `egress`. */
export function readOwn(fields: Fields): Policy {
  const name = fields.needText("name");
  if (!NAME.test(name)) {
    throw invalid(
      fields.at("name"),
      `${JSON.stringify(name.slice(0, 70))} is not a valid name; expected a-z, 0-9, -, and .`,
    );
  }
  const order = fields.number("order") ?? APPLICATION_ORDER;
  const tier = fields.text("tier") ?? (order < APPLICATION_ORDER ? OPERATOR_TIER.name : DEFAULT_TIER.name);
  const ingress = fields.list("ingress", (value, path) => readRule(value, path, "ingress")) ?? [];
  const egress = fields.list("egress", (value, path) => readRule(value, path, "egress")) ?? [];
  const types = fields.list("types", readType);
  const mode = fields.oneOf("mode", ["enforce", "staged"]) ?? "enforce";
  const selector = selectorField(fields, "selector");
  if (!selector) throw invalid(fields.at("selector"), "the field is missing; all() selects every container");
  fields.ignore("description");
  fields.end();
  return {
    id: { kind: "Policy", name },
    tier,
    order,
    selector,
    types: types && types.length > 0 ? [...new Set(types)] : defaultTypes(ingress, egress),
    ingress,
    egress,
    staged: mode === "staged" ? "set" : undefined,
  };
}

function readType(value: unknown, path: DocumentPath): Direction {
  if (value === "ingress" || value === "egress") return value;
  throw invalid(path, `${JSON.stringify(value)} is not one of ingress, egress`);
}

/** `from` and `to` name the other end; `ports` are the destination's. */
function readRule(value: unknown, path: DocumentPath, direction: Direction): Rule {
  const fields = new Fields(value, path);
  const action = fields.oneOf("action", ["allow", "deny", "pass", "log"]);
  if (!action) throw invalid(fields.at("action"), "the field is missing");
  const version = fields.raw("ipVersion");
  if (version !== undefined && version !== 4 && version !== 6) throw invalid(fields.at("ipVersion"), "expected 4 or 6");
  const other = readMatch(fields.object(direction === "ingress" ? "from" : "to"));
  const ports = nonEmpty(fields.list("ports", readPort));
  const notPorts = nonEmpty(fields.list("notPorts", readPort));
  const sourcePorts = nonEmpty(fields.list("sourcePorts", readPort));
  const rule: Rule = {
    action,
    ipVersion: version,
    protocol: protocolField(fields, "protocol"),
    notProtocol: protocolField(fields, "notProtocol"),
    icmp: readIcmp(fields, "icmp"),
    notIcmp: readIcmp(fields, "notIcmp"),
    source: { ...(direction === "ingress" ? other : {}), ports: sourcePorts },
    destination: { ...(direction === "egress" ? other : {}), ports, notPorts },
  };
  fields.end();
  return checkRule(rule, path);
}

function readMatch(fields: Fields | undefined): Match {
  if (!fields) return {};
  const selectors = foldSelectors(
    selectorField(fields, "selector"),
    selectorField(fields, "notSelector"),
    undefined,
    false,
  );
  const nets = nonEmpty(fields.list("nets", readNet));
  const notNets = nonEmpty(fields.list("notNets", readNet));
  fields.end({ domains: "list the addresses under nets instead" });
  return { ...selectors, nets, notNets };
}
