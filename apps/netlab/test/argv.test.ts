import { describe, expect, it } from "vitest";
import { programsOf, shellPrograms } from "../src/argv.ts";

describe("programsOf", () => {
  it.each<[string, string[], string[]]>([
    ["socat", ["-", "TCP:1.2.3.4:5"], ["socat"]],
    ["/usr/sbin/nft", ["list"], ["nft"]],
    ["/srv/weaver", ["socat"], []],
    ["timeout", ["2", "socat", "-"], ["timeout", "socat"]],
    ["timeout", ["-k", "1", "5", "dig", "x"], ["timeout", "dig"]],
    ["env", ["A=1", "B=2", "curl", "-s"], ["env", "curl"]],
    ["env", ["PATH=/srv/tools", "weave"], ["env"]],
    ["ip", ["netns", "exec", "ns1", "nc", "-l"], ["ip", "nc"]],
    ["ip", ["link"], ["ip"]],
    ["nsenter", ["-t", "12", "-n", "ip", "addr"], ["nsenter", "ip"]],
    ["nsenter", ["--net=/run/netns/x", "--", "ss"], ["nsenter", "ss"]],
    ["unshare", ["--mount", "sh", "-c", "dig a"], ["unshare", "sh", "dig"]],
    ["setsid", ["timeout", "1", "sh", "-ec", "nc x"], ["setsid", "timeout", "sh", "nc"]],
  ])("%s %j starts %j", (command, args, expected) => {
    expect(programsOf(command, args)).toEqual(expected);
  });
});

describe("shellPrograms", () => {
  it.each<[string, string[]]>([
    ["printf x | nc -q 2 127.0.0.1 1", ["nc"]],
    ["if ss -H; then A=1 dig x; else exec curl y; fi", ["ss", "dig", "curl"]],
    ['cd "$0" 2>/dev/null; exec "$@"', []],
    ["for p in $(ip netns pids x 2>/dev/null); do kill -9 $p; done", ["ip", "kill"]],
    ["echo 'socat in a text'; x=\"$(nft list)\" # curl in a comment", ["nft"]],
    ["ip -batch - <<'END'\nlink add x\nEND\nsysctl -qw a=1", ["ip", "sysctl"]],
    ["bind() { mount --bind $1 $2; }; bind a b", ["mount"]],
    ["ip netns exec a timeout 3 socat - x && ip link", ["ip", "timeout", "socat"]],
  ])("%s starts %j", (script, expected) => {
    expect(shellPrograms(script)).toEqual(expected);
  });
});
