import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { hostsOf, planTopology } from "../src/topology.ts";
import { parseTopology } from "../src/yaml.ts";

const examples = join(import.meta.dirname, "../examples");

describe("planTopology", () => {
  it("gives every host an address of its switch, after the router's", () => {
    const { hosts, switches } = planTopology({ hosts: { a: {}, b: {} } });
    expect(switches.map((plug) => [plug.subnet, plug.gateway])).toEqual([["10.77.1.0/24", "10.77.1.1"]]);
    expect(hosts.map((host) => host.nics.map((nic) => nic.address))).toEqual([["10.77.1.11"], ["10.77.1.12"]]);
  });

  it("goes around addresses that are taken", () => {
    const { hosts } = planTopology({ hosts: { a: { address: "10.77.1.11" }, b: {} } });
    expect(hosts[1]?.nics[0]?.address).toBe("10.77.1.12");
  });

  it("plugs a host into several switches", () => {
    const { hosts } = planTopology({ switches: { x: {}, y: {} }, hosts: { a: { switch: ["x", "y"] } } });
    expect(hosts[0]?.nics.map((nic) => [nic.device, nic.port, nic.address])).toEqual([
      ["eth0", "p0", "10.77.1.11"],
      ["eth1", "p1", "10.77.2.11"],
    ]);
  });

  it("finds the hosts of a host name, a switch, a region", () => {
    const topology = planTopology({
      switches: { x: { region: "eu" }, y: { region: "eu" }, z: {} },
      hosts: { a: { switch: "x" }, b: { switch: "y" }, c: { switch: "z" } },
    });
    const names = (group: string) => hostsOf(topology, group).map((host) => host.name);
    expect([names("a"), names("y"), names("eu")]).toEqual([["a"], ["b"], ["a", "b"]]);
    expect(() => names("mars")).toThrow('"mars" is no host');
  });

  it.each([
    ["a switch that is not there", { hosts: { a: { switch: "nowhere" } } }, 'switch "nowhere"'],
    ["an address outside its subnet", { hosts: { a: { address: "10.0.0.1" } } }, "expected one inside 10.77.1.0/24"],
    ["an octal-looking address", { hosts: { a: { address: "10.77.1.011" } } }, "expected one inside"],
    ["the router's address", { hosts: { a: { address: "10.77.1.1" } } }, "which the router has already"],
    [
      "one address twice",
      { hosts: { a: { address: "10.77.1.9" }, b: { address: "10.77.1.9" } } },
      "which a has already",
    ],
    ["a name that no device can carry", { hosts: { "a b": {} } }, "letters, digits or dashes"],
    [
      "a subnet with too few addresses",
      { switches: { x: { subnet: "10.0.0.0/31" } }, hosts: { a: {} } },
      "10.0.0.0/31",
    ],
    ["no host", { hosts: {} }, "at least one host"],
  ])("refuses %s", (_, options, message) => {
    expect(() => planTopology(options)).toThrow(message);
  });
});

describe("parseTopology", () => {
  it.each(readdirSync(examples))("reads examples/%s", (file) => {
    const options = parseTopology(readFileSync(join(examples, file), "utf8"));
    expect(Object.keys(options.hosts).length).toBeGreaterThan(1);
  });

  it.each([
    ["hosts: { a: { adress: 10.77.1.5 } }", 'host a has unknown setting "adress"'],
    ["host: {}", 'unknown setting "host"'],
    ["hosts: { a: { nat: { forwards: [1] } } }", 'nat of host a has unknown setting "forwards"'],
    ["hosts: { a: 5 }", "host a is 5"],
    ["hosts: [", "not YAML"],
    ["{}", "at least one host"],
  ])("refuses %s", (text, message) => {
    expect(() => parseTopology(text)).toThrow(message);
  });
});
