import { WeavedError } from "../values/error.ts";
import { isLoopback } from "../values/listen-address.ts";
import type { Settings } from "./options.ts";

/** Refuses settings that contradict each other, before anything is changed; the rules are the original's. */
export function validateSettings(settings: Settings): void {
  const range = settings["ipalloc-range"];
  const refuse = (when: boolean, why: string) => {
    if (when) throw new WeavedError("SETTING_INVALID", why);
  };
  refuse(range === "" && settings["ipalloc-init"] !== "", "--ipalloc-init needs --ipalloc-range");
  refuse(range === "" && settings["ipalloc-default-subnet"] !== "", "--ipalloc-default-subnet needs --ipalloc-range");
  const encrypted = settings.password !== "" || settings["password-file"] !== "";
  refuse(
    settings.awsvpc && encrypted,
    "--awsvpc sends frames natively and cannot encrypt them; leave the password out",
  );
  refuse(settings.awsvpc && range === "", "--awsvpc needs --ipalloc-range");
  refuse(settings.awsvpc && settings["no-masq-local"], "--awsvpc and --no-masq-local exclude each other");
  refuse(settings.tlsverify && settings.tlscacert === "", "--tlsverify needs --tlscacert");
  refuse(
    (settings.tls || settings.tlsverify) && (settings.tlscert === "" || settings.tlskey === ""),
    "TLS for the proxy needs --tlscert and --tlskey",
  );
}

/** What deserves a warning at the start, with a code each. */
export function warnings(
  settings: Settings,
  argv: readonly string[],
): { readonly code: string; readonly text: string }[] {
  const found: { code: string; text: string }[] = [];
  if (argv.some((word) => /^--password(?:=|$)/.test(word)))
    found.push({
      code: "PASSWORD_VISIBLE",
      text: "the password on the command line is visible to every user of this host in ps; use --password-file or WEAVE_PASSWORD",
    });
  for (const address of exposedControl(settings))
    found.push({
      code: "HTTP_EXPOSED",
      text: `the control interface listens on ${address}, beyond this host, and whoever reaches it controls the network; use --control-socket`,
    });
  return found;
}

/** Addresses of the control interface that others than this host could reach; each deserves a warning. */
function exposedControl(settings: Settings): string[] {
  return [settings["http-addr"]].filter((address) => address !== "" && !isLoopback(address));
}
