/** What an EC2 instance reads about itself. Plain JavaScript: a lab's hosts and the scripts run it without a build. */

const token = "token-of-this-instance";

/**
 * @param {{ region: string, instance: string, mac: string, eni: string, subnet: string, vpc: string, subnetCidr: string, vpcCidr: string }} about
 * @returns {Record<string, string>} Values by path below `/latest/`, those that this package asks for.
 */
export function instanceMetadata({ region, instance, mac, eni, subnet, vpc, subnetCidr, vpcCidr }) {
  const identity = { region, accountId: "123456789012", instanceType: "c5.large", instanceId: instance };
  const ofMac = `meta-data/network/interfaces/macs/${mac}`;
  return {
    "dynamic/instance-identity/document": JSON.stringify(identity),
    "meta-data/mac": mac,
    "meta-data/instance-id": instance,
    [`${ofMac}/interface-id`]: eni,
    [`${ofMac}/subnet-id`]: subnet,
    [`${ofMac}/vpc-id`]: vpc,
    [`${ofMac}/subnet-ipv4-cidr-block`]: subnetCidr,
    [`${ofMac}/vpc-ipv4-cidr-blocks`]: vpcCidr,
  };
}

/**
 * Answers as the metadata service does, version 2: a token first, then values to who shows it.
 *
 * @param {Record<string, string>} metadata
 * @param {import("node:http").RequestListener} otherwise What is asked for outside `/latest/`.
 * @returns {import("node:http").RequestListener}
 */
export function serveMetadata(metadata, otherwise = (_asked, answer) => answer.writeHead(404).end()) {
  return (asked, answer) => {
    if (!asked.url?.startsWith("/latest/")) return otherwise(asked, answer);
    if (asked.method === "PUT" && asked.url === "/latest/api/token") return answer.end(token);
    if (asked.headers["x-aws-ec2-metadata-token"] !== token) return answer.writeHead(401).end();
    const value = metadata[asked.url.slice("/latest/".length)];
    return answer.writeHead(value === undefined ? 404 : 200).end(value);
  };
}
