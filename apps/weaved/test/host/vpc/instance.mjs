/**
 * What an EC2 instance finds on its network, on one address of its loopback: the metadata service (IMDSv2), everything else passed on
 * to EC2's API behind a Unix socket, which is reached from any network namespace. Arguments: port, socket, metadata as JSON.
 */
import { createServer, request } from "node:http";

const [port, socketPath, text] = process.argv.slice(2);
const metadata = JSON.parse(text);
const token = "token-of-this-instance";

createServer((asked, answer) => {
  if (asked.url === "/latest/api/token" && asked.method === "PUT") answer.end(token);
  else if (asked.url.startsWith("/latest/")) {
    const value = metadata[asked.url.slice("/latest/".length)];
    const known = asked.headers["x-aws-ec2-metadata-token"] === token;
    answer.writeHead(!known ? 401 : value === undefined ? 404 : 200).end(value);
  } else {
    const { method, url: path, headers } = asked;
    const onward = request({ socketPath, method, path, headers }, (response) => {
      answer.writeHead(response.statusCode, response.headers);
      response.pipe(answer);
    });
    onward.on("error", () => answer.writeHead(502).end());
    asked.pipe(onward);
  }
}).listen(Number(port), "127.0.0.1", () => console.log("listening"));
