import { describe, expect, it } from "vitest";
import { hostAddresses, parseFibTrie } from "../../src/node/host-addresses.ts";

const TRIE = `Main:
  +-- 0.0.0.0/0 3 0 5
     |-- 0.0.0.0
        /0 universe UNICAST
     +-- 172.17.0.0/16 2 0 2
        |-- 172.17.0.0
           /16 link UNICAST
        |-- 172.17.0.1
           /32 host LOCAL
        |-- 172.17.255.255
           /32 link BROADCAST
Local:
        |-- 127.0.0.0
           /8 host LOCAL
        |-- 127.0.0.1
           /32 host LOCAL
        |-- 172.17.0.1
           /32 host LOCAL
`;

describe("parseFibTrie", () => {
  it("lists the addresses of the host once, without networks and broadcast addresses", () => {
    expect(parseFibTrie(TRIE)).toEqual(["172.17.0.1", "127.0.0.1"]);
  });
});

describe("hostAddresses", () => {
  it("ends with loopback", () => {
    const addresses = hostAddresses();
    const loopback = addresses.indexOf("127.0.0.1");
    expect(loopback).toBeGreaterThanOrEqual(0);
    expect(addresses.slice(0, loopback).filter((address) => address.startsWith("127."))).toEqual([]);
  });
});
