import { describe, expect, it } from "vitest";
import { optionSpecs } from "../../src/config/options.ts";
import { helpText, loggableSettings, readSettings, type Sources } from "../../src/config/settings.ts";
import { WeavedError } from "../../src/values/error.ts";

function read(argv: string[], env: Record<string, string> = {}, file?: string) {
  const sources: Sources = {
    argv,
    env,
    readFile: (path) => {
      if (file === undefined) throw new Error(`no such file: ${path}`);
      return file;
    },
  };
  return readSettings(sources);
}

describe("settings", () => {
  it("take the original's command line as it is", () => {
    const settings = read([
      "--name=00:00:00:00:00:01",
      "--nickname=host1",
      "--password=secret",
      "--ipalloc-range=10.32.0.0/12",
      "--no-dns",
      "--no-fastdp",
      "--http-addr=127.0.0.1:6784",
      "--status-addr=127.0.0.1:6782",
      "--db-prefix=/tmp/x",
      "--docker-api=",
      "--conn-limit",
      "20",
      "--plugin=false",
      "-H",
      "unix:///a",
      "-H",
      "tcp://0.0.0.0:12375",
      "--dns-fallback-timeout=1m30s",
      "10.0.0.2",
      "host3:6783",
    ]);
    expect(settings).toMatchObject({
      name: "00:00:00:00:00:01",
      password: "secret",
      "no-dns": true,
      "docker-api": "",
      "conn-limit": 20,
      plugin: false,
      H: ["unix:///a", "tcp://0.0.0.0:12375"],
      "dns-fallback-timeout": 90_000,
      peers: ["10.0.0.2", "host3:6783"],
      port: 6783,
    });
  });

  it("prefer flags to the environment, the environment to the file, the file to defaults", () => {
    const file = "conn-limit: 3\nport: 7000\nnickname: from-file\ndns-ttl: 9\npeers: [a, b]\n";
    const env = { WEAVED_CONN_LIMIT: "5", WEAVE_PORT: "7001" };
    const settings = read(["--config=/etc/weaved.yml", "--conn-limit=7"], env, file);
    expect(settings).toMatchObject({
      "conn-limit": 7,
      port: 7001,
      nickname: "from-file",
      "dns-ttl": 9,
      mtu: 0,
      peers: ["a", "b"],
    });
  });

  it.each([
    [["--port=99999"], {}, undefined, "--port: cannot use"],
    [["--nosuch"], {}, undefined, "--nosuch"],
    [[], { WEAVED_DNS_TTL: "x" }, undefined, "WEAVED_DNS_TTL: cannot use"],
    [["--config=f"], {}, "connlimit: 3", 'did you mean "conn-limit"'],
    [["--config=f"], {}, undefined, "cannot read the configuration file f"],
    [["--config=f"], {}, "- a", "expected settings"],
    [["--dns-fallback-timeout=5"], {}, undefined, "expected a duration"],
  ] as const)("%j %j says what is wrong", (argv, env, file, message) => {
    expect(() => read([...argv], env, file)).toThrow(WeavedError);
    expect(() => read([...argv], env, file)).toThrow(message);
  });

  it("never show a secret", () => {
    const settings = read(["--password=hunter2"], {});
    expect(JSON.stringify(loggableSettings(settings))).not.toMatch(/hunter2/);
    expect(() => read(["--password=hunter2", "--password-file"], {})).toThrow(/^(?!.*hunter2)/s);
    for (const file of ["password: [hunter2]", "password: hunter2: x"])
      expect(() => read(["--config=f"], {}, file)).toThrow(/^(?!.*hunter2)/s);
  });

  it("are all in the help", () => {
    const help = helpText();
    expect(help).toContain("--ipalloc-range=VALUE");
    for (const name of Object.keys(optionSpecs)) expect(help).toMatch(new RegExp(`^ +--?${name}[= ]`, "m"));
  });
});
