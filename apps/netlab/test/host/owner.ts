/** Makes a lab, says its id, stays: for tests of what happens when an owner dies. */
import { createLab } from "../../src/index.ts";

const lab = await createLab({ hosts: { a: { containers: 1 }, b: { pidNamespace: true } } });
await lab.host("b").spawn("sleep", ["1000"]);
console.log(lab.id);
setInterval(() => {}, 1000);
