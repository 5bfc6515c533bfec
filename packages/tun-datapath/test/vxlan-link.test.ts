import { describe, expect, it } from "vitest";
import { CONTROL_FAST_ACK, CONTROL_FAST_HOME } from "../src/control.ts";
import { encodeFastdpHeartbeat } from "../src/special.ts";
import { VxlanLink } from "../src/vxlan-link.ts";

const MAC = 0x0242_0a20_0001;

/** A link that notes what it does; the other side's end of the control channel is `said`. */
function makeLink() {
  const said: { sub: number; payload: Uint8Array }[] = [];
  const homes: number[] = [];
  const states: string[] = [];
  const link = new VxlanLink(
    { uid: 7n, mtu: 1376 },
    {
      sendInTunnel: () => undefined,
      sendControl: (sub, payload) => said.push({ sub, payload }),
      onForward: (state) => states.push(state),
      onHome: (mac) => homes.push(mac),
      onSource() {},
    },
  );
  return { link, said, homes, states };
}

describe("VxlanLink", () => {
  it("announces the home of a MAC whose frames the other side cannot hear, once a second", () => {
    const { link, said } = makeLink();
    link.confirm(0);
    link.announceHome(MAC, 1);
    expect(said).toEqual([]);
    link.control(CONTROL_FAST_ACK, new Uint8Array(0), 2);
    for (const nowMs of [3, 4, 900, 1_004, 1_500]) link.announceHome(MAC, nowMs);
    expect(said.map(({ sub }) => sub)).toEqual([CONTROL_FAST_HOME, CONTROL_FAST_HOME]);
    const other = makeLink();
    other.link.control(CONTROL_FAST_HOME, said[0]!.payload, 5);
    expect(other.homes).toEqual([MAC]);
  });

  it("takes nothing from a message of another length, or kind", () => {
    const { link, homes, states } = makeLink();
    link.confirm(0);
    for (const length of [0, 5, 7]) link.control(CONTROL_FAST_HOME, new Uint8Array(length), 1);
    link.control(9, new Uint8Array(6), 1);
    expect({ homes, states }).toEqual({ homes: [], states: [] });
  });

  it("is on hold after a silence, usable again with the next answer, ended when it stops", () => {
    const { link, states } = makeLink();
    link.confirm(0);
    link.control(CONTROL_FAST_ACK, new Uint8Array(0), 10);
    for (let nowMs = 500; nowMs <= 5_000; nowMs += 500) link.tick(nowMs);
    link.control(CONTROL_FAST_ACK, new Uint8Array(0), 5_100);
    link.stop();
    expect(states).toEqual(["usable", "on hold", "usable", "ended"]);
  });

  it("acknowledges heartbeats that our ports could take, and none of a larger MTU", () => {
    const { link, said } = makeLink();
    const heard = [1_000, 1_376, 1_377, 8_000].map((mtu) => {
      const beat = encodeFastdpHeartbeat(7n, mtu);
      return link.heartbeat(beat, 0, beat.length);
    });
    expect({ heard, said: said.length }).toEqual({ heard: [true, true, false, false], said: 2 });
  });
});
