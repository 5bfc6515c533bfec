import { takeSecrets } from "../config/environment.ts";
import { runProgram } from "./program.ts";

process.exitCode = await runProgram(process.argv.slice(2), {
  env: takeSecrets(process.env),
  write: (text) => process.stdout.write(text),
  writeError: (text) => process.stderr.write(text),
});
