/**
 * Which programs a command line starts: the command itself, and what `timeout`, `env`, `ip netns exec`, `sh -c` and their like
 * start in turn.
 */

/** How many words of a wrapper's own stand before the program that it starts: options, then this many operands. */
const operands: Readonly<Record<string, number>> = {
  timeout: 1,
  chroot: 1,
  flock: 1,
  taskset: 1,
  env: 0,
  nice: 0,
  nsenter: 0,
  prlimit: 0,
  setpriv: 0,
  setsid: 0,
  stdbuf: 0,
  unshare: 0,
  xargs: 0,
};

/** Options of these wrappers that take the next word as their value. */
const valued = new Set(["-t", "--target", "-n", "-k", "-s", "-u", "-g", "--propagation", "-P", "-L", "-I", "-C", "-S"]);
/** `nsenter -n` has no value, `nice -n` has one. */
const bare: Readonly<Record<string, ReadonlySet<string>>> = {
  nsenter: new Set(["-n", "-u", "-C"]),
  unshare: new Set(["-n", "-u", "-C"]),
};
const shells = new Set(["sh", "bash", "dash"]);

/**
 * Names of the programs that an argv starts. A path is left out unless it leads into a folder of the system: it is a program of
 * ours. What comes after `env PATH=...` is left out, too.
 */
export function programsOf(command: string, args: readonly string[]): string[] {
  const name = systemName(command);
  const own = name === undefined ? [] : [name];
  if (name === undefined) return own;
  if (name === "ip" && args[0] === "netns" && args[1] === "exec") return [...own, ...inner(args.slice(3))];
  if (shells.has(name)) {
    const at = args.findIndex((arg) => /^-[a-z]*c$/i.test(arg));
    return at === -1 ? own : [...own, ...shellPrograms(args.slice(at + 1).find((arg) => !arg.startsWith("-")) ?? "")];
  }
  const skip = operands[name];
  if (skip === undefined || args.some((arg) => arg.startsWith("PATH="))) return own;
  const rest = withoutOptions(name, args);
  const assigned = name === "env" ? rest.findIndex((arg) => !arg.includes("=")) : skip;
  return [...own, ...(assigned === -1 ? [] : inner(rest.slice(assigned)))];
}

const inner = ([command, ...args]: readonly string[]): string[] =>
  command === undefined ? [] : programsOf(command, args);

/** The words after a wrapper's options. */
function withoutOptions(wrapper: string, args: readonly string[]): readonly string[] {
  let at = 0;
  while (at < args.length && args[at]!.startsWith("-")) {
    const option = args[at++]!;
    if (option === "--") break;
    if (valued.has(option) && !bare[wrapper]?.has(option)) at++;
  }
  return args.slice(at);
}

/** The name under which the list has it; undefined for a program of ours, which is called by its path. */
function systemName(command: string): string | undefined {
  if (!command.includes("/")) return command;
  return /^\/(?:usr\/(?:local\/)?)?s?bin\/([^/]+)$/.exec(command)?.[1];
}

/** Words at the place of a command that start nothing, or are followed by a command. */
const leading = new Set(["if", "then", "else", "elif", "while", "until", "do", "!", "{", "exec", "command", "time"]);
const builtins = new Set(
  (
    ". : [ alias bg break case cd continue declare done echo esac eval exit export false fg fi for function getopts hash in jobs " +
    "local printf pwd read readonly return select set shift shopt source test times trap true type typeset ulimit umask unset " +
    "wait }"
  ).split(" "),
);

/**
 * Programs that a shell script names: the first word of each simple command, as far as it is plain text. A reading that is good
 * enough for scripts in tests, not a shell.
 */
export function shellPrograms(script: string): string[] {
  const plain = script
    .replaceAll(/<<-?\s*(['"]?)(\w+)\1[^\n]*\n[\s\S]*?\n\s*\2(?=\n|$)/g, "\n")
    .replaceAll(/\\\n/g, " ")
    .replaceAll(/'[^']*'/g, "_")
    // A quoted text may run commands: they are kept, the text around them is not.
    .replaceAll(/"((?:[^"\\]|\\[\s\S])*)"/g, (_, text: string) => [...text.matchAll(/\$\([^()]*\)/g)].join("") || "_")
    .replaceAll(/(^|\s)#.*$/gm, "");
  const functions = new Set([...plain.matchAll(/([\w-]+)\s*\(\)/g)].map((match) => match[1]));
  const commands = plain.split(/[\n;|&()`]+|\$\(/);
  const names = commands.flatMap((text) => inner(simpleCommand(text)));
  return [...new Set(names.filter((name) => !builtins.has(name) && !functions.has(name)))];
}

/** Words of a simple command without what stands before its program: keywords, assignments, redirections. */
function simpleCommand(text: string): string[] {
  const words = text.trim().split(/\s+/);
  while (words.length > 0 && (leading.has(words[0]!) || /^\w+=|^\d*[<>]/.test(words[0]!))) words.shift();
  if (!/^[a-z][\w.+-]*$|^\/[\w./-]+$/.test(words[0] ?? "") || builtins.has(words[0]!)) return [];
  return words;
}
