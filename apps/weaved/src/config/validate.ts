import { isLoopback } from "../values/listen-address.ts";
import { ConfigError } from "./error.ts";
import type { Settings } from "./options.ts";

/** Refuses settings that contradict each other, before anything is changed; the rules are the original's. */
export function validateSettings(settings: Settings): void {
  const range = settings["ipalloc-range"];
  const refuse = (when: boolean, why: string) => {
    if (when) throw new ConfigError(why);
  };
  refuse(settings.resume && settings.peers.length > 0, "--resume connects to the peers of before; name none with it");
  refuse(range === "" && settings["ipalloc-init"] !== "", "--ipalloc-init needs --ipalloc-range");
  refuse(range === "" && settings["ipalloc-default-subnet"] !== "", "--ipalloc-default-subnet needs --ipalloc-range");
  const encrypted = settings.password !== "" || settings["password-file"] !== "";
  refuse(settings.awsvpc && encrypted, "--awsvpc sends frames natively and cannot seal them: leave the password out");
  refuse(settings.awsvpc && range === "", "--awsvpc needs --ipalloc-range");
  refuse(settings.awsvpc && settings["no-masq-local"], "--awsvpc and --no-masq-local exclude each other");
  refuse(settings.tlsverify && settings.tlscacert === "", "--tlsverify needs --tlscacert");
  refuse(
    (settings.tls || settings.tlsverify) && (settings.tlscert === "" || settings.tlskey === ""),
    "TLS for the proxy needs --tlscert and --tlskey",
  );
}

/** Addresses of the control interface that others than this host could reach; each deserves a warning. */
export function exposedControl(settings: Settings): string[] {
  return [settings["http-addr"]].filter((address) => address !== "" && !isLoopback(address));
}
