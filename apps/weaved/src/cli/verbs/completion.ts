import type { Command } from "commander";
import { WeavedError } from "../../values/error.ts";
import type { Context } from "../context.ts";

/** `weave completion SHELL`: a script that completes verbs and options, made from the program's own description. */
export function completionVerb(program: Command, context: () => Context): void {
  program
    .command("completion")
    .description("print shell completion: source <(weave completion bash)")
    .argument("<shell>", "bash, zsh or fish")
    .action((shell: string) => {
      const verbs = program.commands.map((command) => ({
        name: command.name(),
        description: command.description(),
        words: [
          ...command.options.map((option) => option.long ?? option.short ?? ""),
          ...command.commands.map((sub) => sub.name()),
        ],
      }));
      const write = scripts[shell];
      if (!write) throw new WeavedError("ARGUMENT_INVALID", `no completion for "${shell}"; choose bash, zsh or fish`);
      context().print(write(verbs));
    });
}

interface Verb {
  readonly name: string;
  readonly description: string;
  readonly words: readonly string[];
}

const scripts: Readonly<Record<string, (verbs: readonly Verb[]) => string>> = {
  bash: (verbs) => `_weave() {
  local current=\${COMP_WORDS[COMP_CWORD]} words
  case \${COMP_WORDS[1]} in
${verbs.map(({ name, words }) => `    ${name}) words="${words.join(" ")}" ;;`).join("\n")}
  esac
  [ "$COMP_CWORD" -eq 1 ] && words="${verbs.map(({ name }) => name).join(" ")}"
  COMPREPLY=($(compgen -W "$words" -- "$current"))
}
complete -o default -F _weave weave
`,
  zsh: (verbs) => `#compdef weave
_weave() {
  local -a verbs=(
${verbs.map(({ name, description }) => `    '${name}:${description.replaceAll("'", "").replaceAll(":", "\\:")}'`).join("\n")}
  )
  if (( CURRENT == 2 )); then _describe verb verbs; return; fi
  case $words[2] in
${verbs.map(({ name, words }) => `    ${name}) compadd -- ${words.join(" ")} ;;`).join("\n")}
  esac
}
compdef _weave weave
`,
  fish: (verbs) =>
    verbs
      .flatMap(({ name, description, words }) => [
        `complete -c weave -f -n __fish_use_subcommand -a ${name} -d '${description.replaceAll("'", "")}'`,
        ...words.map((word) => `complete -c weave -n '__fish_seen_subcommand_from ${name}' -a '${word}'`),
      ])
      .join("\n")
      .concat("\n"),
};
