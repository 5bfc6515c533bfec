import { describe, expect, it } from "vitest";
import { runTemplate } from "../src/run.ts";

const data = {
  Version: "2.8.1",
  DNS: null,
  Router: {
    Name: "n1",
    Targets: null,
    Peers: [
      { Name: "a", UID: 12345678901234567890n },
      { Name: "b", UID: 2n },
    ],
  },
};

describe("report templates in Go's language", () => {
  it.each([
    ["{{ .Version }}", "2.8.1"],
    ["{{json .Router.Targets}} {{len .Router.Peers}}", "null 2"],
    ["{{range .Router.Peers}}{{.Name}}={{.UID}};{{end}}", "a=12345678901234567890;b=2;"],
    ["{{range $i, $p := .Router.Peers}}{{$i}}{{$p.Name}}{{end}}", "0a1b"],
    ["{{range .Router.Targets}}x{{else}}none{{end}}", "none"],
    ["{{if .DNS}}on{{else if .Router}}router{{else}}off{{end}}", "router"],
    ['{{with .Router}}{{.Name}}/{{$.Version}}{{end}} {{printf "%-5s|%3d|" .Version 7}}', "n1/2.8.1 2.8.1|  7|"],
    ["a  {{- /* note */ -}}  b", "ab"],
    ['{{index .Router.Peers 1 | json}} {{eq .Version "2.8.1"}}', '{"Name":"b","UID":2} true'],
    ["{{range .Router.Peers}}{{.Name}}{{break}}{{end}}", "a"],
    ['{{"}}"}}{{`a"b`}}', '}}a"b'],
    ["{{(index .Router.Peers 0).Name}}", "a"],
    ["{{$n := 1}}{{range .Router.Peers}}{{$n = .Name}}{{end}}{{$n}}", "b"],
  ])("%s gives %s", (template, text) => {
    expect(runTemplate(template, data)).toBe(text);
  });

  it.each(["{{", "{{if .A}}", "{{end}}", "{{.A | }}", "{{define `x`}}{{end}}", "{{(.A}}"])(
    "%s does not parse",
    (template) => {
      expect(() => runTemplate(template, data)).toThrow(expect.objectContaining({ code: "TEMPLATE_SYNTAX" }));
    },
  );

  it.each(["{{.NoSuchField}}", "{{.DNS.Domain}}", "{{nosuch 1}}", "{{$x}}", "{{index .Router.Peers 9}}"])(
    "%s stops when executed",
    (template) => {
      expect(() => runTemplate(template, data)).toThrow(expect.objectContaining({ code: "TEMPLATE_EXECUTION" }));
    },
  );

  const peers = Array.from({ length: 200 }, (_, i) => ({ Name: `peer${i}`, UID: BigInt(i) }));
  const nested = (levels: number, body: string) =>
    `${"{{range $.Peers}}".repeat(levels)}${body}${"{{end}}".repeat(levels)}`;

  it.each([
    ["loops in loops", nested(8, "")],
    ["loops with text", nested(3, "0123456789")],
    ["loops that print the whole", nested(2, "{{json $}}")],
    ["loops that format", nested(3, '{{$x := printf "%100d" 1}}')],
    ["a wide field", '{{printf "%1000000000d" 1}}'],
    ["many digits", '{{printf "%.1000000000f" 1.5}}'],
    ["a number that is not whole", '{{printf "%x" 1.5}}'],
    ["deep parentheses", `{{${"(".repeat(4000)}1${")".repeat(4000)}}}`],
    ["deep conditions", "{{if 1}}".repeat(900)],
    ["a long template", "{{.Peers}}".repeat(10_000)],
    ["open quotes", `{{${'"\\'.repeat(2000)}`],
    ["an unknown escape", '{{"\\x41"}}'],
  ])("stops %s with an error and in little time", (_, template) => {
    const began = process.cpuUsage();
    expect(() => runTemplate(template, { Peers: peers })).toThrow(
      expect.objectContaining({ code: expect.stringMatching(/^TEMPLATE_/) }),
    );
    const { user, system } = process.cpuUsage(began);
    // Microseconds of this process; the bound is loose, because test files share it. Without limits some take hours.
    expect(user + system).toBeLessThan(1_000_000);
  });

  it("leaves room for a loop over the links of 150 peers", () => {
    const report = { Peers: Array.from({ length: 150 }, () => ({ Connections: peers.slice(0, 149) })) };
    expect(() => runTemplate("{{range .Peers}}{{range .Connections}}{{.Name}} {{end}}{{end}}", report)).not.toThrow();
  });
});
