import { httpApiSuite } from "../../apps/weaved/test/vectors/http-api.ts";
import { dnsAnswersSuite } from "../../packages/dns-lb/test/vectors/dns-answers.ts";
import { nameserverSuite } from "../../packages/dns-lb/test/vectors/nameserver.ts";
import { gobStream } from "../../packages/gob-codec/test/vectors/gob-stream.ts";
import { gossipEnvelopeVectors } from "../../packages/gossip-mesh/test/vectors/gossip-envelopes.ts";
import { meshHandshakeVectors } from "../../packages/gossip-mesh/test/vectors/mesh-handshake.ts";
import { peerNameVectors } from "../../packages/gossip-mesh/test/vectors/peer-names.ts";
import { routingVectors } from "../../packages/gossip-mesh/test/vectors/routing.ts";
import { topologyVectors } from "../../packages/gossip-mesh/test/vectors/topology.ts";
import { ipamRingVectors } from "../../packages/ipam-ring/test/vectors/ipam-ring.ts";
import { policyShapes } from "../../packages/network-policy/test/vectors/shapes.ts";
import { fastdpVectors } from "../../packages/tun-datapath/test/vectors/fastdp.ts";
import { sleeveFrameVectors } from "../../packages/tun-datapath/test/vectors/sleeve-frames.ts";
import { vpcCidrVectors } from "../../packages/vpc-routes/test/vectors/vpc-cidrs.ts";
import type { ShapeSuite, VectorSuite } from "./suite.ts";

/** Every suite of the repository, in the order of the vector files. */
export const suites: readonly VectorSuite[] = [
  dnsAnswersSuite,
  gobStream,
  nameserverSuite,
  gossipEnvelopeVectors,
  meshHandshakeVectors,
  peerNameVectors,
  ipamRingVectors,
  routingVectors,
  topologyVectors,
  fastdpVectors,
  sleeveFrameVectors,
  httpApiSuite,
  vpcCidrVectors,
];

/** Suites of files whose cases name no kind. */
export const shapes: readonly ShapeSuite[] = policyShapes;
