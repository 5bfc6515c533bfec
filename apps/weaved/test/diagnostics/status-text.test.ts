import { describe, expect, it } from "vitest";
import { noVersionCheck, type Report } from "../../src/diagnostics/report.ts";
import { subReports } from "../../src/diagnostics/status-text.ts";

describe("a nickname with control characters", () => {
  const report = {
    Ready: true,
    Version: "1",
    VersionCheck: noVersionCheck,
    Router: {
      Peers: [{ Name: "00:00:00:00:00:01", NickName: "evil\n00:00:00:00:00:02(forged)\u001b[2J", Connections: null }],
    },
  } as unknown as Report;

  it("forges no line of the status and reaches no terminal as it is", () => {
    expect(subReports.peers?.(report)).toBe("00:00:00:00:00:01(evil\\u000a00:00:00:00:00:02(forged)\\u001b[2J)\n");
  });
});
