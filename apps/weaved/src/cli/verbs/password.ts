import { randomBytes } from "node:crypto";
import type { Command } from "commander";
import { passwordWeakness } from "../../values/password-strength.ts";
import type { Context } from "../context.ts";

/** 128 bits: out of reach of every offline guess. */
const PASSWORD_BYTES = 16;

/** The verbs for the password of the network. */
export function passwordVerbs(program: Command, context: () => Context): void {
  const password = program.command("password").description("make a password for the network");
  password
    .command("new")
    .description("print a random password of 128 bits; give the same one to every host")
    .action(() => {
      context().print(`${newPassword()}\n`);
    });
}

/** A random text that `weave launch` does not call weak either. */
function newPassword(): string {
  for (;;) {
    const password = randomBytes(PASSWORD_BYTES).toString("base64url");
    // A leading dash would read as a flag.
    if (!password.startsWith("-") && passwordWeakness(password) === undefined) return password;
  }
}
