/**
 * What an EC2 instance finds on its network, on one address of its loopback: the metadata service, everything else passed on to
 * EC2's API behind a Unix socket, which is reached from any network namespace. Arguments: port, socket, what the instance is as JSON.
 */
import { createServer, request } from "node:http";
import { instanceMetadata, serveMetadata } from "../../../../../packages/vpc-routes/test/host/support/metadata.mjs";

const [port, socketPath, about] = process.argv.slice(2);

function passOn(asked, answer) {
  const { method, url: path, headers } = asked;
  const onward = request({ socketPath, method, path, headers }, (response) => {
    answer.writeHead(response.statusCode, response.headers);
    response.pipe(answer);
  });
  onward.on("error", () => answer.writeHead(502).end());
  asked.pipe(onward);
}

createServer(serveMetadata(instanceMetadata(JSON.parse(about)), passOn)).listen(Number(port), "127.0.0.1", () =>
  console.log("listening"),
);
