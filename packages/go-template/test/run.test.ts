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
});
