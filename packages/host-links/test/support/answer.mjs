/** Answers every TCP connection to ADDRESS and PORT with WORD. */
import { createServer } from "node:net";

const [address, port, word] = process.argv.slice(2);
createServer((socket) => socket.on("error", () => {}).end(`${word}\n`)).listen(Number(port), address);
