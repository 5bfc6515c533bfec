/** Programs that run inside the demonstration's containers, as text for `node --eval`. */

/** Answers every HTTP request with the name in the environment. */
export const producer = `
require("node:http").createServer((_, response) => response.end(process.env.PRODUCER)).listen(80);
`;

/**
 * Looks a name up and asks what it found, so many times; prints how often each producer answered, as JSON.
 * The lookup goes to the name server itself: the C library would sort the addresses.
 */
export const consumer = `
const [name, count] = process.argv.slice(1);
const { Resolver } = require("node:dns").promises;
const { request } = require("node:http");
const get = (host) => new Promise((resolve) => {
  const asked = request({ host, timeout: 1000, agent: false }, (response) => {
    let text = "";
    response.on("data", (chunk) => (text += chunk)).on("end", () => resolve(text));
  });
  asked.on("timeout", () => asked.destroy()).on("error", () => resolve("nobody")).end();
});
(async () => {
  const answers = {};
  const resolver = new Resolver({ timeout: 1000, tries: 2 });
  for (let i = 0; i < Number(count); i++) {
    const [address] = await resolver.resolve4(name).catch(() => []);
    const who = address === undefined ? "no address" : await get(address);
    answers[who] = (answers[who] ?? 0) + 1;
  }
  console.log(JSON.stringify(answers));
})();
`;
